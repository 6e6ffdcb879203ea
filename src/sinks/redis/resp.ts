// RESP2, the protocol of Redis, as far as a sink needs it: commands, and replies that are one line.
import { Buffer } from "node:buffer";
import { Fault } from "../../lib/errors.ts";
import type { Decoder } from "../../clients/tcp/pipelined_connection.ts";

/** An error that Redis answered: `WRONGTYPE Operation against a key …`. */
export class RedisError {
  constructor(readonly said: string) {}
}

/** What Redis answers to the commands of a sink. */
export type Reply = string | number | RedisError;

/** A command as it goes over the wire. */
export function command(...words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}

/** Bytes that a reply may have: an error repeats a part of the command. */
const maxReplyBytes = 1 << 16;

/** Makes replies of lines. */
export class ReplyDecoder implements Decoder<Reply> {
  #rest = "";

  /** `where` is the server, for people. */
  constructor(readonly where: string) {}

  *decode(bytes: Buffer): Iterable<Reply> {
    const lines = (this.#rest + bytes.toString("latin1")).split("\r\n");
    this.#rest = lines.pop()!;
    for (const line of lines) yield this.#reply(Buffer.from(line, "latin1").toString());
    if (this.#rest.length > maxReplyBytes) throw this.#foreign();
  }

  #reply(line: string): Reply {
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case ":":
        return Number(rest);
      case "-":
        return new RedisError(rest);
      default:
        throw this.#foreign();
    }
  }

  #foreign(): Fault {
    return new Fault(`${this.where} does not speak the protocol of Redis; set another port in the URL`);
  }
}
