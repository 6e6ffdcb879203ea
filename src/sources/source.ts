// What a source is: where messages come from, and how they are given back.
import type { Nanoseconds } from "../lib/duration.ts";
import type { Adapter } from "../lib/settings/adapter.ts";
import type { Log } from "../lib/log.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { Visibility } from "../detection/visibility.ts";
import type { FailingTask } from "../detection/rule.ts";
import type { Health } from "../lib/health.ts";

/** Messages in a row that the rule has no use for, known by their look: counted, and the time of the newest. */
export interface Skipped {
  readonly count: number;
  readonly newest: Nanoseconds;
}

/** What a source keeps for its next start, by key. */
export type Checkpoint = ReadonlyMap<string, string | undefined>;

/** A queue gave messages out again, and drops them at a limit. */
export interface Hold {
  /** The queue, in words for the log: `source amqp: queue "in"`. */
  readonly where: string;
  /** How often it has given the same message out before. */
  readonly deliveries: number;
  /** For how long the messages may wait for sinks; then they are acknowledged all the same. */
  readonly milliseconds: number;
}

/** Messages that arrived together. Each is in the end either rejected or, with all others, acknowledged. */
export interface Batch {
  readonly bodies: readonly (Uint8Array | Skipped)[];
  /** What the source wants kept with the effects of the messages, by key; undefined forgets it. */
  readonly checkpoint?: Checkpoint;
  /** Where its messages must not wait for sinks for as long as these need. */
  readonly hold?: Hold | undefined;
  /** Where a message stands, in words for the log: `line 12`. */
  place(index: number): string;
  /** Sets a bad message aside: it must not come again. */
  reject(index: number): void;
  /** All effects of all its messages are confirmed: none of them needs to come again. Batches are acknowledged
   * in the order in which they came. It is a function of its own, so that the rest need not be kept for it. */
  readonly acknowledge: () => void;
}

/** A source of allocation updates. Disposing it gives back what is not acknowledged. */
export interface Source extends AsyncDisposable {
  /** What `now` is for its messages: the clock on the wall, or the newest event so far. */
  readonly mode: "live" | "batch";
  /** Batches until the input ends, or until `stop`: then those already taken, and the end. Faults that can heal
   * are waited out. `notes` is what was kept of its batches' notes. @throws {Fault} that cannot. */
  batches(stop: AbortSignal, checkpoint?: ReadonlyMap<string, string>): AsyncIterable<Batch>;
  /** Says up to which time updates may be skipped by their look: a later one can be of a clock that is ahead, which is
   * to be known by its node. It counts from the next batch on. */
  skipUntil?(time: Nanoseconds): void;
  /** Tries whether it could be read; consumes nothing. Yields what it found, in words. @throws {Fault} */
  check(): Promise<string>;
}

/** What bytes are read from: a stream, or an open file such as `Deno.stdin`. */
export type Bytes = ReadableStream<Uint8Array> | OpenFile;

/** A file that reads into memory which it is given; null at the end. Closing it ends a read, with an error or not. */
export interface OpenFile {
  read(into: Uint8Array): Promise<number | null>;
  close(): void;
}

/** What a source may use of the program. */
export interface SourceContext {
  readonly log: Log;
  /** How long the first connection may take. */
  readonly startupDeadline?: StartupDeadline;
  /** Notified whether it is connected, and when something is heard of it. */
  readonly health?: Health;
  /** Notified how far the source has shown what happens, where its clock is the wall's. */
  readonly visibility?: Visibility;
  /** Whether the rule takes restarts only, so that other messages may be skipped. */
  readonly restartsOnly: boolean;
  /** The tasks that fail, so that it can be asked what became of them; left out where nothing is decided. */
  readonly failing?: () => Iterable<FailingTask>;
  /** Arguments of the command line that are not flags. */
  readonly files: readonly string[];
  readonly stdin: Bytes;
}

/** A row of the table of sources. */
export type SourceAdapter = Adapter<SourceContext, Source | Promise<Source>>;
