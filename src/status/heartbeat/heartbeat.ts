// Calls a monitor each minute while all is well, so that it notices when the detector is blind, stuck or gone. Calls are
// made one at a time, and one that fails is not made again before its next minute.
import { HttpClient } from "../../clients/http/client.ts";
import { explainAnswer, secretsOf } from "../../clients/http/errors.ts";
import { clock } from "../../detection/alert/details.ts";
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { asFault } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { wallClock } from "../../lib/time.ts";
import type { Trouble, Troubles } from "../../pipeline/troubles.ts";
import type { HeartbeatSettings } from "./settings.ts";

/** What a heartbeat needs. */
export interface HeartbeatContext {
  readonly settings: HeartbeatSettings & { readonly url: URL };
  readonly troubles: Pick<Troubles, "now" | "listen">;
  readonly log: Log;
  /** Time between two calls, and how long a trouble lasts before it is one: a minute, or what a test says. */
  readonly period?: Nanoseconds;
}

const minute = 60_000_000_000n;
/** Milliseconds for a call. */
const timeout = 10_000;

/** The calls, until it is disposed. */
export class Heartbeat implements Disposable {
  readonly #context: HeartbeatContext;
  readonly #period: Nanoseconds;
  readonly #client = clientOf();
  readonly #subscription: Disposable;
  /** When the next call of each kind may be made. */
  readonly #due = { well: wallClock(), fail: wallClock() };
  #calling = false;
  #failingSince: Nanoseconds | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Begins: the first call comes as soon as all is well. */
  constructor(context: HeartbeatContext) {
    this.#context = context;
    this.#period = context.period ?? minute;
    this.#subscription = context.troubles.listen(() => this.#look());
    this.#look();
  }

  /** Calls what is due, and looks again when something will be. */
  #look(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#calling) return;
    const now = wallClock();
    const all = this.#context.troubles.now();
    const old = all.filter(({ since }) => now - since >= this.#period);
    // A sink that fails for a moment loses nothing: its alerts are pending.
    const isWell = old.length === 0 && all.every(({ kind }) => kind === "sink");
    const { url, failUrl } = this.#context.settings;
    if (isWell && this.#due.well <= now) return void this.#call("well", url);
    if (old.length > 0 && failUrl !== undefined && this.#due.fail <= now) {
      return void this.#call("fail", failUrl, reasonsOf(old, now));
    }
    const times = all.map(({ since }) => since + this.#period).filter((time) => time > now);
    if (isWell) times.push(this.#due.well);
    else if (old.length > 0 && failUrl !== undefined) times.push(this.#due.fail);
    if (times.length === 0) return;
    const next = times.reduce((a, b) => (a < b ? a : b));
    this.#timer = setTimeout(() => this.#look(), Number((next - now) / 1_000_000n) + 1);
    Deno.unrefTimer(this.#timer);
  }

  async #call(kind: "well" | "fail", url: URL, body?: string): Promise<void> {
    this.#calling = true;
    this.#due[kind] = wallClock() + this.#period;
    try {
      const request = body === undefined
        ? { method: "GET", url }
        : { method: "POST", url, headers: { "content-type": "text/plain; charset=utf-8" }, body };
      const answer = await this.#client.send(request, whereOf(url));
      if (answer.status < 200 || answer.status >= 300) {
        throw explainAnswer(answer, whereOf(url), secretsOf(url));
      }
      this.#succeeded();
    } catch (error) {
      if (!this.#closed) this.#failed(asFault(error).message);
    }
    this.#calling = false;
    this.#look();
  }

  #failed(reason: string): void {
    if (this.#failingSince !== undefined) return;
    this.#failingSince = wallClock();
    this.#context.log.warning("heartbeat: {reason}; trying again each minute", { reason });
  }

  #succeeded(): void {
    if (this.#failingSince === undefined) return;
    const lasted = formatDuration((wallClock() - this.#failingSince) / 1_000_000n * 1_000_000n);
    this.#failingSince = undefined;
    this.#context.log.info("heartbeat: recovered after {lasted}", { lasted });
  }

  /** Ends, without another call. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#subscription[Symbol.dispose]();
    this.#client[Symbol.dispose]();
  }
}

/** Asks the server for its root, whatever it answers: a call of the URL itself would count as a heartbeat. @throws {Fault} */
export async function checkHeartbeat({ url, failUrl }: HeartbeatContext["settings"]): Promise<string> {
  using client = clientOf();
  const found: string[] = [];
  for (const origin of new Set([url, failUrl ?? url].map(({ origin }) => origin))) {
    const root = new URL(origin);
    await client.send({ method: "HEAD", url: root }, whereOf(root));
    found.push(`${whereOf(root)}: the server answers`);
  }
  return `${found.join("; ")}; whether it takes heartbeats cannot be tried without one`;
}

function clientOf(): HttpClient {
  return new HttpClient({ prefix: "HEARTBEAT", timeout, single: true });
}

function reasonsOf(troubles: readonly Trouble[], now: Nanoseconds): string {
  return troubles.map(({ component, since, problem }) =>
    `${component}: has not worked since ${clock(since, now)}: ${problem}\n`
  ).join("");
}

/** The address for people: its path and its query can be a secret. */
function whereOf({ origin }: URL): string {
  return origin;
}
