// What Redis refuses, in words: what was found and what to do.
import { Fault, type Recovery } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";
import type { RedisError } from "./resp.ts";

/** Where a command went. */
export interface Place {
  /** The server, for people, without a password. */
  readonly where: string;
  /** What the variables of its settings begin with. */
  readonly prefix: string;
  /** The list, in quotes. */
  readonly key: string;
  /** The number of the database. */
  readonly database: string;
}

interface Refusal {
  readonly said: RegExp;
  readonly recovery: Recovery;
  readonly words: (place: Place, said: string) => string;
}

/** An error of Redis as a fault. What is not known here is taken for such as heals. */
export function explainRefusal({ said }: RedisError, place: Place): Fault {
  const refusal = refusals.find((refusal) => refusal.said.test(said));
  const text = plain(said.length > 200 ? `${said.slice(0, 200)}…` : said);
  return refusal === undefined
    ? new Fault(`${place.where}: ${text}`)
    : new Fault(refusal.words(place, text), refusal.recovery);
}

/** Errors after which another connection can do better: a name can lead to another server by then. */
export const asksForAnother = /^(?:READONLY|LOADING|MASTERDOWN|NOAUTH|ERR max number of clients)/;

const refusals: readonly Refusal[] = [
  {
    said: /^WRONGPASS|^ERR invalid password/,
    recovery: "operator",
    words: ({ where }) => `${where} refused user and password; correct them in the URL`,
  },
  {
    said: /^ERR (?:Client sent AUTH, but no|AUTH <password> called without any) password/,
    recovery: "operator",
    words: ({ where }) => `${where} has no password, but the URL has one; leave it out of the URL`,
  },
  {
    said: /^ERR wrong number of arguments for 'auth'/,
    recovery: "operator",
    words: ({ where }) =>
      `${where} is older than Redis 6 and knows no users; leave the user out of the URL: redis://:password@…`,
  },
  {
    said: /^NOAUTH/,
    recovery: "operator",
    words: ({ where }) => `${where} demands a password; put it into the URL: redis://:password@…`,
  },
  {
    said: /^NOPERM/,
    recovery: "operator",
    words: ({ where, key }, said) => `${where}: ${said}; allow the user RPUSH on the key ${key}`,
  },
  {
    said: /^DENIED/,
    recovery: "operator",
    words: ({ where }) =>
      `${where} is in protected mode and accepts no remote clients; give it a password, and the URL`,
  },
  {
    said: /^ERR (?:invalid DB index|DB index is out of range)/,
    recovery: "operator",
    words: ({ where, database }) => `${where} has no database ${database}; set another one in the URL`,
  },
  {
    said: /^WRONGTYPE/,
    recovery: "operator",
    words: ({ where, prefix, key }) =>
      `${where}: the key ${key} is not a list; set ${prefix}_KEY to another one, or delete it there`,
  },
  {
    said: /^MOVED/,
    recovery: "operator",
    words: ({ where, key }, said) =>
      `${where} is one node of a cluster, and the key ${key} is at ${
        said.split(" ").at(-1)
      }; set the URL to that`,
  },
  {
    said: /^OOM/,
    recovery: "transient",
    words: ({ where }) => `${where} has no memory left: it is at its maxmemory`,
  },
  {
    said: /^READONLY/,
    recovery: "transient",
    words: ({ where }) => `${where} is a replica that takes no writes`,
  },
  {
    said: /^LOADING/,
    recovery: "transient",
    words: ({ where }) => `${where} is starting: it still loads its data`,
  },
];
