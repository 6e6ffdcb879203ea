// The port of all sources: where messages come from, and how they are acknowledged.
import type { Nanoseconds } from "../lib/duration.ts";
import type { Adapter } from "../lib/settings/adapter.ts";
import type { Log } from "../lib/log.ts";
import type { ContextRequest } from "../detection/alert/context.ts";
import type { AlertContext } from "../detection/alert/details.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { Visibility } from "../detection/visibility.ts";
import type { FailingTask } from "../detection/rule.ts";
import type { Health } from "../lib/health.ts";

/** Consecutive messages that the prefilter knows to be irrelevant to the rule: their number and their latest time. */
export interface Skipped {
  readonly count: number;
  readonly newest: Nanoseconds;
}

/** What a source keeps for its next start, by key; undefined deletes a key. */
export type Checkpoint = ReadonlyMap<string, string | undefined>;

/** A queue redelivered messages, and drops them at a limit. */
export interface Hold {
  /** The queue, in words for the log: `source amqp: queue "in"`. */
  readonly where: string;
  /** How often it delivered the same message before. */
  readonly deliveries: number;
  /** For how long the messages may stay unacknowledged; then they are acknowledged although their alerts are pending. */
  readonly milliseconds: number;
}

/** Messages that arrived together. Each is in the end either rejected or, with all others, acknowledged. */
export interface Batch {
  readonly bodies: readonly (Uint8Array | Skipped)[];
  /** Kept together with the effects of the messages. */
  readonly checkpoint?: Checkpoint;
  /** Set if its messages must not stay unacknowledged for as long as sinks need. */
  readonly hold?: Hold | undefined;
  /** The location of a message, in words for the log: `line 12`. */
  place(index: number): string;
  /** Rejects a malformed message: it must not be delivered again. */
  reject(index: number): void;
  /** Called when all effects of all its messages are confirmed: none needs to be delivered again. Batches are
   * acknowledged in the order in which they came. A function rather than a method, so that keeping it keeps no bodies. */
  readonly acknowledge: () => void;
}

/** A source of allocation updates. Disposing it returns unacknowledged messages to where they came from. */
export interface Source extends AsyncDisposable {
  /** What `now` is for its messages: the wall clock (`live`), or the latest event so far (`batch`). */
  readonly mode: "live" | "batch";
  /** Batches until the input ends, or until `stop`: then those already taken, and the end. It retries after faults
   * that may pass, and throws others. `checkpoint` is what was kept of its batches' checkpoints. @throws {Fault} */
  batches(stop: AbortSignal, checkpoint?: ReadonlyMap<string, string>): AsyncIterable<Batch>;
  /** Sets up to which time the prefilter may skip updates; a later one may come from a node whose clock is ahead, which
   * must be known by its name. Effective from the next batch on. */
  skipUntil?(time: Nanoseconds): void;
  /** Finds out what an alert about a loop should say besides: within a few seconds, or at once when the signal comes,
   * and then with what is known by then. Never rejects. Absent if the source knows nothing but its messages. */
  readonly contextOf?: ContextOf | undefined;
  /** How many messages it hands out at most before some of them are acknowledged; absent if it does not wait. */
  readonly maxUnacknowledged?: number | undefined;
  /** Verifies that it can be read; consumes nothing. Returns what it found, in words. @throws {Fault} */
  check(): Promise<string>;
}

/** See `Source`. */
export type ContextOf = (request: ContextRequest, signal: AbortSignal) => Promise<AlertContext>;

/** An input of bytes: a stream, or an open file such as `Deno.stdin`. */
export type Bytes = ReadableStream<Uint8Array> | OpenFile;

/** A file that reads into the given memory; null at the end. Closing it ends a pending read, with or without an error. */
export interface OpenFile {
  read(into: Uint8Array): Promise<number | null>;
  close(): void;
}

/** What the program gives to a source. */
export interface SourceContext {
  readonly log: Log;
  /** Limits how long the first connection may take. */
  readonly startupDeadline?: StartupDeadline;
  /** Notified when the source goes up or down, and of each sign of life. */
  readonly health?: Health;
  /** Notified up to when a live source has shown everything that happened. */
  readonly visibility?: Visibility;
  /** The rule takes restarts only, so other messages may be skipped. */
  readonly restartsOnly: boolean;
  /** The failing tasks, whose jobs a source may look up; absent when nothing is detected, as in `record`. */
  readonly failing?: () => Iterable<FailingTask>;
  /** Whether the rule knows a loop of this name that goes on or was given up; absent when nothing is detected. */
  readonly isActive?: (name: string) => boolean;
  /** Files to read: the arguments that are not flags. */
  readonly files: readonly string[];
  readonly stdin: Bytes;
}

/** An entry of the table of sources. */
export type SourceAdapter = Adapter<SourceContext, Source | Promise<Source>>;
