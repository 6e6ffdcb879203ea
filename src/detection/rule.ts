// The port of rules. A rule decides which events count, when a loop is notified, when it repeats and when it is
// resolved. No clock, no I/O: time is an argument, and what must survive is reported to the state.
import type { Alert } from "./alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Malformed, Other, RuleEvent } from "./event.ts";
import type { FailuresState, KeptFailures } from "./failures/state.ts";
import type { KeptRestarts, RestartsState } from "./restarts/state.ts";

/** What a rule decided about an event, or because time passed. */
export type Decision =
  /** Nothing to count: a start, a stop, a requested exit. */
  | { readonly reason: "noted" }
  /** Seen before: not counted again. */
  | { readonly reason: "duplicate" }
  /** Too old to count. */
  | { readonly reason: "outside-window" }
  /** Requested by a user or a template: not counted. */
  | { readonly reason: "requested" }
  | { readonly reason: "below-threshold"; readonly counted: number }
  /** Enough, but notified less than the notification interval ago. */
  | { readonly reason: "already-notified"; readonly counted: number }
  /** Enough, but the event is stale: time decides once no more stale events come. */
  | { readonly reason: "catching-up"; readonly counted: number }
  | { readonly reason: "first" | "repeat"; readonly alert: Alert }
  /** A loop that no sink gets: its job, or a setting, does not want it. The alert's details say why. */
  | { readonly reason: "muted"; readonly alert: Alert }
  /** A notified loop is resolved. There is an alert if resolutions are sent. */
  | { readonly reason: "resolved"; readonly name: string; readonly cause: string; readonly alert?: Alert }
  /** Nomad makes no further attempt: notified once, then kept apart. There is an alert if resolutions are sent. */
  | { readonly reason: "gave-up"; readonly name: string; readonly cause: string; readonly alert?: Alert };

/** A decision about a loop that sinks may hear of. */
export type Notification = Extract<Decision, { reason: "first" | "repeat" | "resolved" | "gave-up" }>;

/** A task whose last run failed. */
export interface FailingTask {
  readonly namespace: string;
  readonly job: string;
  /** Its last allocation, and Nomad's create index of it; 0 if that is not known. */
  readonly allocation: string;
  readonly createIndex: number;
}

/** An active loop, or one that Nomad has given up. */
export interface ActiveLoop {
  /** As its repeat would be now. */
  readonly alert: Alert;
  /** How many alerts were sent about it. */
  readonly notified: number;
  /** When Nomad was known to have given it up. */
  readonly gaveUpAt?: Nanoseconds;
}

/** What rules report to the state. */
export interface RuleState extends RestartsState, FailuresState {
  put(table: RuleTable, key: string, value: unknown): void;
}

/** What was kept of their reports. */
export interface KeptState extends KeptRestarts, KeptFailures {
  entries<Value>(table: RuleTable): Iterable<readonly [key: string, value: Value]>;
}

/** The tables of all rules. */
type RuleTable = "streaks" | "job settings" | "muted";

/** A rule. */
export interface Rule {
  /** What it counts, in the singular; the plural has an s. */
  readonly counts: string;
  /** How many keys are tracked. */
  readonly names: number;
  /** How many loops are active. */
  readonly looping: number;
  /** When `due` has something to do next. */
  readonly nextDue: Nanoseconds | undefined;
  /** Decodes one message. Never throws. */
  decode(body: Uint8Array): RuleEvent | Other | Malformed;
  /** Resumes from what was kept. `now` is the wall clock's time; undefined if time is that of the events. */
  restore(kept: KeptState, now: Nanoseconds | undefined): void;
  /** The clock was ahead, up to `from`, and is right now. Times in between come from the wrong clock, and must neither
   * delay notifications nor count for long. */
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void;
  /** Takes an event at the time `now`; an event of another decoder is noted. `due` must have been called for what fell
   * due before `now`. */
  record(event: RuleEvent, now: Nanoseconds): Decision;
  /** What time alone decides, up to `now`. It looks at `limit` keys at most in one call; `nextDue` says whether there are
   * more. */
  due(now: Nanoseconds, limit: number): Decision[];
  /** The loop of a key, if it is active or was given up. */
  loop(name: string, now: Nanoseconds): ActiveLoop | undefined;
  /** The keys of all such loops. It looks at every key. */
  loops(): Iterable<string>;
  /** The tasks whose last runs failed, if the rule knows runs. It looks at every key. */
  failing?(): Iterable<FailingTask>;
}
