// Infers whether a queue is read to its end, since asking the broker takes a permission: nothing arrived for a moment, or
// the messages that arrived are recent. No I/O, no clock.
import { type Nanoseconds, second } from "../../lib/duration.ts";
import type { Visibility } from "../../detection/visibility.ts";

/** What a consumer has of its queue. */
export interface Consumed {
  /** Bytes received so far, heartbeats included, and messages. */
  readonly bytes: number;
  readonly messages: number;
  /** The prefetch is exhausted: the broker sends no more until some are acknowledged. */
  readonly isFull: boolean;
}

/** An event younger than this was near the end of the queue, … */
const recentAge = 30n * second;
/** … and what is behind it arrives within this time. */
const settleDelay = 2n * second;

/** Notifies a `Visibility` how far a queue was read. */
export class QueueVisibility {
  readonly #visibility: Visibility;
  /** After this time without a byte, the broker itself may have to catch up; undefined if it sends no heartbeats. */
  readonly #heartbeat: Nanoseconds | undefined;
  #bytes = -1;
  #messages = -1;
  #observedAt: Nanoseconds | undefined;
  #receivedAt: Nanoseconds = 0n;
  /** Since when the queue seems to be read to its end. */
  #emptySince: Nanoseconds | undefined;

  /** Seconds between two heartbeats, 0 for none; the broker sends two in that time. */
  constructor(visibility: Visibility, heartbeat: number) {
    this.#visibility = visibility;
    this.#heartbeat = heartbeat === 0 ? undefined : BigInt(heartbeat) * second;
  }

  /** Takes what has arrived so far; all of it is decided on or held. */
  observe(now: Nanoseconds, { bytes, messages, isFull }: Consumed): void {
    const isAlive = bytes !== this.#bytes || this.#heartbeat === undefined;
    const isQuiet = messages === this.#messages;
    const before = this.#observedAt ?? now;
    this.#bytes = bytes;
    this.#messages = messages;
    this.#observedAt = now;
    if (isFull || (isAlive && this.#wasIdle(now))) this.#lose();
    if (isAlive) this.#receivedAt = now;
    // The clock was set back.
    if (now < before) this.#emptySince = undefined;
    if (isFull) return;
    if (this.#visibility.isBlind) this.#catchUp(now, isQuiet);
    else if (isAlive) this.#visibility.hear(before);
  }

  #wasIdle(now: Nanoseconds): boolean {
    return this.#heartbeat !== undefined && this.#receivedAt > 0n && now - this.#receivedAt > this.#heartbeat;
  }

  #lose(): void {
    if (!this.#visibility.isBlind) this.#visibility.lose();
    this.#emptySince = undefined;
  }

  #catchUp(now: Nanoseconds, isQuiet: boolean): void {
    const { newest } = this.#visibility;
    const isEmpty = isQuiet || (newest !== undefined && now - newest < recentAge);
    this.#emptySince = isEmpty ? this.#emptySince ?? now : undefined;
    if (this.#emptySince !== undefined && now - this.#emptySince >= settleDelay) this.#visibility.regain(now);
  }
}
