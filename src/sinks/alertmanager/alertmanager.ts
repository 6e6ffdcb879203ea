// The sink `alertmanager`: keeps Alertmanager's alerts active for as long as their loops are, as Prometheus does: each
// is sent again every minute to every member, and ends by itself where nobody does.
import {
  httpConflicts,
  httpTlsSettings,
  loginHeaders,
  loginSettings,
  tlsOf,
} from "../../clients/http/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { url } from "../../lib/settings/parsers.ts";
import type { Setting, Values } from "../../lib/settings/setting.ts";
import { wallClock } from "../../lib/time.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { labelsSetting, type LoopRecord, postable, recordOf, timeOf } from "./loop.ts";
import { Member } from "./member.ts";

const prefix = "SINK_ALERTMANAGER";

const settings = {
  urls: urlsSetting(`${prefix}_URLS`),
  labels: labelsSetting(`${prefix}_LABELS`),
  ...loginSettings(prefix),
  ...httpTlsSettings(prefix),
};

function urlsSetting(env: string): Setting<readonly URL[]> {
  const help =
    "URLs of all members of the Alertmanager, not of a load balancer, separated by commas; a path before /api " +
    "belongs to them, and user:password@ may";
  const { parse, accepts, ...rest } = url(
    { env, help, example: "http://alertmanager-1:9093,http://alertmanager-2:9093", secret: true },
    ["http", "https"],
  );
  return {
    ...rest,
    default: undefined,
    accepts: `${accepts}, or several, separated by commas`,
    parse(text) {
      const urls = new Map(
        text.split(",").map((part) => {
          const found = parse(part.trim());
          if (found.search !== "") throw new Error("with a query");
          return [found.href, found];
        }),
      );
      return [...urls.values()];
    },
  };
}

/** The adapter of the sink `alertmanager`. */
export const alertmanager = defineSink({
  type: "alertmanager",
  needsEnds: true,
  settings,
  conflicts: (values, prefix) => httpConflicts(prefix, values, withTls(values.urls), values),
  open: (values, context, prefix) => new AlertmanagerSink(values, context, prefix),
});

/** Files of TLS are for those URLs that have it. */
function withTls(urls: readonly URL[]): URL {
  return urls.find(({ protocol }) => protocol === "https:") ?? urls[0]!;
}

/** How often and how long alerts are sent again, in milliseconds, and the clock. */
export interface Times {
  readonly repeatEvery: number;
  /** How far ahead the end of an alert that goes on lies. */
  readonly endsAfter: number;
  /** How long the end of one that is resolved is sent again, for members that were down and clocks that differ. */
  readonly repeatEndsFor: number;
  now(): number;
}

const usual: Times = {
  repeatEvery: 60_000,
  endsAfter: 240_000,
  repeatEndsFor: 300_000,
  now: () => Number(wallClock() / 1_000_000n),
};

interface Known {
  record: LoopRecord;
  /** When it was sent last as one that goes on. */
  sentAt: number;
}

/** The sink; tests give it other times. */
export class AlertmanagerSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #times: Times;
  readonly #members: readonly Member[];
  /** What is active, or was until lately, by the alerts' names. */
  readonly #loops = new Map<string, Known>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #repeating = false;
  /** All members missed a repetition, or the program starts: the next connection makes up for it. */
  #behind: boolean;
  #closed = false;

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string, times = usual) {
    this.#values = values;
    this.#context = context;
    this.#times = times;
    for (const [name, record] of context.records.entries<LoopRecord>()) {
      this.#loops.set(name, { record, sentAt: times.now() });
    }
    this.#behind = this.#loops.size > 0;
    this.#members = values.urls.map((url) =>
      new Member(url, {
        client: { prefix, tls: tlsOf(values) },
        headers: loginHeaders(loginOf(url) ?? values),
        alertOf: (name, wanted) => this.#alertOf(name, wanted),
        changed: () => this.#report(),
        now: times.now,
        endsAfter: times.endsAfter,
      })
    );
  }

  async connect(): Promise<void> {
    await anyOf(this.#members.map((member) => member.probe()));
    this.#start();
    if (this.#behind) void this.#repeat();
  }

  /** One member is enough: the others get it each minute again. */
  async send(alert: Alert): Promise<void> {
    this.#start();
    const { name } = alert;
    const known = this.#loops.get(name)?.record;
    const { now } = this.#times;
    const record = recordOf(alert, this.#context, this.#values.labels ?? {}, known, now());
    this.#loops.set(name, { record, sentAt: now() });
    this.#context.records.put(name, record);
    try {
      await anyOf(this.#members.map((member) => member.send(name)));
    } catch (error) {
      if (error instanceof Fault && error.recovery === "rejected") this.#forget(name);
      throw error;
    }
  }

  async check(): Promise<string> {
    const results = await Promise.allSettled(this.#members.map((member) => member.probe()));
    const words = results.map((result, index) =>
      result.status === "rejected"
        ? (result.reason as Fault).message
        : `${this.#members[index]!.where}: takes alerts`
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw new Fault(words.join("; "), (failed.reason as Fault).recovery);
    return words.join("; ");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const member of this.#members) member[Symbol.dispose]();
    return Promise.resolve();
  }

  #start(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const timer = setInterval(() => void this.#repeat(), this.#times.repeatEvery);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  async #repeat(): Promise<void> {
    if (this.#repeating || this.#closed) return;
    this.#repeating = true;
    this.#behind = false;
    this.#forgetOld();
    const names = [...this.#loops.keys()];
    await Promise.all(this.#members.map((member) => member.repeat(names)));
    this.#repeating = false;
    if (this.#closed || names.length === 0) return;
    const faults = this.#members.flatMap(({ fault }) => fault ?? []);
    if (faults.length < this.#members.length) return;
    this.#behind = true;
    this.#context.listener.lost(together(faults));
  }

  #alertOf(name: string, wanted: boolean): string | undefined {
    const known = this.#loops.get(name);
    if (known === undefined) return undefined;
    if (known.record.endsAt !== undefined) return postable(known.record, known.record.endsAt);
    // One that the rule does not know, and whose end never came, ends by itself.
    if (!wanted && !this.#context.isActive(name)) return undefined;
    known.sentAt = this.#times.now();
    return postable(known.record, timeOf(known.sentAt + this.#times.endsAfter));
  }

  /** What ended long enough ago: explicitly, or by itself. */
  #forgetOld(): void {
    const now = this.#times.now();
    for (const [name, { record: { endsAt }, sentAt }] of this.#loops) {
      const isOver = endsAt === undefined
        ? now - sentAt > this.#times.endsAfter && !this.#context.isActive(name)
        : now - Date.parse(endsAt) > this.#times.repeatEndsFor;
      if (isOver) this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#loops.delete(name);
    this.#context.records.put(name, undefined);
  }

  /** Members are spoken of one by one while others work; where none does, `send` and the repetition say so. */
  #report(): void {
    if (this.#closed || this.#members.every(({ fault }) => fault !== undefined)) return;
    for (const { where, fault } of this.#members) this.#context.listener.part(where, fault);
  }
}

/** The login in a URL. */
function loginOf({ username, password }: URL): { bearerToken: undefined; basicAuth: string } | undefined {
  if (username === "") return undefined;
  return {
    bearerToken: undefined,
    basicAuth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
  };
}

/** Resolves with the first that does. @throws {Fault} for all of them where none does. */
async function anyOf(attempts: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.any(attempts);
  } catch (error) {
    throw together((error as AggregateError).errors);
  }
}

/** The faults of all members as one. */
function together(faults: readonly Fault[]): Fault {
  const [first] = faults;
  if (faults.length === 1) return first!;
  const same = faults.every(({ recovery }) => recovery === first!.recovery);
  const recovery = same
    ? first!.recovery
    : faults.some(({ recovery }) => recovery === "operator")
    ? "operator"
    : "transient";
  return new Fault(
    faults.map(({ message }) => message).join("; "),
    recovery,
    Math.min(...faults.map(({ retryAfter }) => retryAfter)),
  );
}
