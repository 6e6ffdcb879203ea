// Whether a queue is read to its end, as far as can be seen without asking the broker, which needs permission: nothing
// came for a moment, or what came is young. No I/O, no clock.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Visibility } from "../../detection/visibility.ts";

/** What a consumer has of its queue. */
export interface Consumed {
  /** Bytes that the broker sent so far, heartbeats included, and messages. */
  readonly bytes: number;
  readonly messages: number;
  /** The broker sends no more before some are acknowledged. */
  readonly isFull: boolean;
}

const second = 1_000_000_000n;
/** An event that is younger was at the end of the queue, about, … */
const young = 30n * second;
/** … and what is behind it comes within this time. */
const moment = 2n * second;

/** Tells a sight how far a queue was judged. */
export class QueueVisibility {
  readonly #visibility: Visibility;
  /** Without a byte for so long, the broker itself may have to catch up; undefined where it sends no heartbeats. */
  readonly #beat: Nanoseconds | undefined;
  #bytes = -1;
  #messages = -1;
  #lookedAt: Nanoseconds | undefined;
  #heardAt: Nanoseconds = 0n;
  /** Since when the queue seems to be read to its end. */
  #emptySince: Nanoseconds | undefined;

  /** Seconds between two heartbeats, 0 for none; the broker sends two in that time. */
  constructor(visibility: Visibility, heartbeat: number) {
    this.#visibility = visibility;
    this.#beat = heartbeat === 0 ? undefined : BigInt(heartbeat) * second;
  }

  /** Takes what has come so far, all of which is judged or held. */
  look(now: Nanoseconds, { bytes, messages, isFull }: Consumed): void {
    const isAlive = bytes !== this.#bytes || this.#beat === undefined;
    const isQuiet = messages === this.#messages;
    const before = this.#lookedAt ?? now;
    this.#bytes = bytes;
    this.#messages = messages;
    this.#lookedAt = now;
    if (isFull || (isAlive && this.#wasSilent(now))) this.#lose();
    if (isAlive) this.#heardAt = now;
    // The clock was set back.
    if (now < before) this.#emptySince = undefined;
    if (isFull) return;
    if (this.#visibility.isBlind) this.#catchUp(now, isQuiet);
    else if (isAlive) this.#visibility.hear(before);
  }

  #wasSilent(now: Nanoseconds): boolean {
    return this.#beat !== undefined && this.#heardAt > 0n && now - this.#heardAt > this.#beat;
  }

  #lose(): void {
    if (!this.#visibility.isBlind) this.#visibility.lose();
    this.#emptySince = undefined;
  }

  #catchUp(now: Nanoseconds, isQuiet: boolean): void {
    const { newest } = this.#visibility;
    const isEmpty = isQuiet || (newest !== undefined && now - newest < young);
    this.#emptySince = isEmpty ? this.#emptySince ?? now : undefined;
    if (this.#emptySince !== undefined && now - this.#emptySince >= moment) this.#visibility.regain(now);
  }
}
