// The port of a state store: it keeps what was seen and notified, and the alerts that sinks have not confirmed.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { KeptState, RuleState } from "../detection/rule.ts";
import type { Outbox } from "./outbox.ts";

/** What a store kept, as of the last commit. */
export interface Kept extends KeptState {
  /** What was put into a table, in the order in which the store got to it. */
  entries<Value>(table: string): Iterable<readonly [key: string, value: Value]>;
  /** The checkpoints of the source, by key. */
  checkpoint(): ReadonlyMap<string, string>;
  /** What is remembered of loops beyond what the rule knows, by their ids; the last reported comes last. */
  remembered(): Iterable<readonly [loop: string, text: string]>;
}

/** Takes what is to be remembered of a loop beyond what the rule knows; undefined forgets it. */
export interface LoopMemory {
  remember(loop: string, text: string | undefined): void;
}

/** The memory of the program. What is reported to it is kept by the next commit, not before. */
export interface StateStore extends RuleState, LoopMemory, AsyncDisposable {
  /** What is committed outlives the process: then a message may be acknowledged. */
  readonly durable: boolean;
  readonly kept: Kept;
  /** Takes plain data, with numbers of 64 bits too, under a key of a table; undefined forgets it. A table needs no
   * declaration, so that a new rule touches no store. The value is read at the next commit. */
  put(table: string, key: string, value: unknown): void;
  /** Takes a checkpoint of the source, for its next start; undefined forgets it. */
  saveCheckpoint(key: string, value: string | undefined): void;
  /** How many pending alerts belong to sinks that are no longer used. */
  readonly orphans: number;
  /** Puts an alert into the outbox of every sink that accepts it, of these `sinks` if they are given; returns whether
   * there is one. */
  enqueue(alert: Alert, sinks?: ReadonlySet<string>): boolean;
  /** Keeps everything since the last commit, all or nothing, and forgets restarts that left their windows by `now`.
   * @throws {Fault} if it could not; everything is there for the next attempt. */
  commit(now: Nanoseconds): void;
  /** The alerts that a sink has not confirmed. */
  outbox(sink: string): Outbox;
}

/** What a store needs to know when it is opened. */
export interface StoreContext {
  /** The names of the sinks in use. */
  readonly sinks: readonly string[];
  /** Whether a sink gets an alert; each gets all if it is not given. */
  readonly accepts?: (sink: string, alert: Alert) => boolean;
  /** Whether an alert replaces an older pending one about its name. */
  readonly newerReplaces: boolean;
}
