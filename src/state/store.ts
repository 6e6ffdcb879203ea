// What a ledger is: it keeps what was seen and what was told, and the alerts that sinks have not confirmed yet.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { KeptState, RuleState } from "../detection/rule.ts";
import type { Outbox } from "./outbox.ts";

/** What a ledger kept. */
export interface Kept extends KeptState {
  /** What the source noted, by key. */
  checkpoint(): ReadonlyMap<string, string>;
  /** What is remembered of loops beyond what the rule knows, by their ids; what was reported last comes last. */
  remembered(): Iterable<readonly [loop: string, text: string]>;
}

/** Takes what is to be remembered of a loop beyond what the rule knows; undefined forgets it. */
export interface LoopMemory {
  remember(loop: string, text: string | undefined): void;
}

/** The memory of the program. What is reported and told to it is kept by the next commit, not before. */
export interface StateStore extends RuleState, LoopMemory, AsyncDisposable {
  /** What is committed outlives the process: a message may be acknowledged then. */
  readonly durable: boolean;
  /** What it kept, as it was committed last. */
  readonly kept: Kept;
  /** Takes what the source wants to find again at its next start; undefined forgets it. */
  saveCheckpoint(key: string, value: string | undefined): void;
  /** How many alerts wait for sinks that are no longer among those that alerts are told to. */
  readonly orphans: number;
  /** Puts an alert into the outbox of every sink. */
  enqueue(alert: Alert): void;
  /** Keeps all that was reported and told since the last commit: all or nothing. Restarts that left their windows
   * by `now` are forgotten. @throws {Fault} where it could not; everything is there for the next try. */
  commit(now: Nanoseconds): void;
  /** The alerts that a sink has not confirmed. */
  outbox(sink: string): Outbox;
}

/** What a ledger needs to know when it is opened. */
export interface StoreContext {
  /** The sinks, by type, that alerts are told to. */
  readonly sinks: readonly string[];
  /** Whether an alert takes the place of an older one about its name that still waits. */
  readonly newerReplaces: boolean;
}
