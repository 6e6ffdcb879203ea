// Updates that are no restarts, known at a glance: by the look of their bytes, without parsing them. It may only
// say so of what is none, however the JSON is written; where it is in doubt, a message is parsed.
// A message that is whole at both ends and in the middle is taken for an update: damage elsewhere goes unseen.
import type { Nanoseconds } from "../../../lib/duration.ts";
import { code } from "./wasm.ts";

/** What prefilter.as exports. Numbers are bytes from the beginning of the memory. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly capacity: { readonly value: number };
  readonly mayRestart: { readonly value: bigint };
  readonly unknown: { readonly value: bigint };
  message(length: number): bigint;
  begin(length: number): void;
  go(latest: bigint): number;
  lineStartsAt(): number;
  lineEndsAt(): number;
  skippedLines(): number;
  newestSkipped(): bigint;
}

const compiled = new WebAssembly.Module(Uint8Array.fromBase64(code));
const { exports } = new WebAssembly.Instance(compiled) as unknown as { exports: Exports };
const memory = new Uint8Array(exports.memory.buffer);

/** Bytes that can be looked at together. */
export const capacity: number = exports.capacity.value;
/** There is a sign of a restart: its type in quotes, or an escape that could be a part of it. */
export const mayRestart: bigint = exports.mayRestart.value;
/** It must be parsed. */
export const unknown: bigint = exports.unknown.value;

/**
 * `TaskEvent.Time` in nanoseconds since the Unix epoch, where the message is an update in the shape of nomad-firehose
 * and not of the type `Restarting`; else `mayRestart` or `unknown`. The time has nineteen digits.
 */
export function timeOfOther(body: Uint8Array): Nanoseconds {
  if (body.length > capacity) return unknown;
  memory.set(body);
  return exports.message(body.length);
}

/** A time before that of any update. */
export const beforeAll: Nanoseconds = unknown;

/** The lines of a block of at most `capacity` bytes that are to be parsed. One block at a time: the next one makes
 * this one void. */
export class LinesToParse {
  /** Lines before it that are updates and no restarts, and the newest time of theirs. */
  skipped = 0;
  newest: Nanoseconds = 0n;
  /** Where it is in the block, its line feed left out. */
  start = 0;
  end = 0;

  constructor(block: Uint8Array) {
    memory.set(block);
    exports.begin(block.length);
  }

  /** Goes to the next. Updates of a time after `latest` are among them. False where there is none: then at `start`
   * begins what has no line feed. */
  next(latest: Nanoseconds): boolean {
    const found = exports.go(latest) !== 0;
    this.skipped = exports.skippedLines();
    this.newest = exports.newestSkipped();
    this.start = exports.lineStartsAt();
    this.end = exports.lineEndsAt();
    return found;
  }
}
