// Where the messages of active loops are in Slack, so that repeats and ends find them, after a restart too.
import type { SinkRecords } from "../sink.ts";

/** A message: its channel, and the time of posting by which Slack names it. */
export interface Thread {
  readonly channel: string;
  readonly ts: string;
}

interface Kept extends Thread {
  /** When an alert last needed it, in milliseconds since the Unix epoch. */
  readonly usedAt: number;
}

/** Maximum loops, and days without an alert: what is over is forgotten, and the loop's next alert is a new message. */
const maxThreads = 10_000;
const maxAge = 30 * 86_400_000;

/** The messages by loop; what is longest unused comes first. */
export class Threads {
  readonly #records: SinkRecords;
  readonly #maxThreads: number;
  readonly #byLoop: Map<string, Kept>;

  constructor(records: SinkRecords, most = maxThreads) {
    this.#records = records;
    this.#maxThreads = most;
    this.#byLoop = new Map([...records.entries<Kept>()].sort(([, a], [, b]) => a.usedAt - b.usedAt));
    this.#prune();
  }

  /** How many there are. */
  get size(): number {
    return this.#byLoop.size;
  }

  get(loop: string): Thread | undefined {
    return this.#byLoop.get(loop);
  }

  /** Keeps where the loop's message is, or that it is needed still. */
  keep(loop: string, { channel, ts }: Thread): void {
    const kept: Kept = { channel, ts, usedAt: Date.now() };
    this.#byLoop.delete(loop);
    this.#byLoop.set(loop, kept);
    this.#records.put(loop, kept);
    this.#prune();
  }

  forget(loop: string): void {
    if (this.#byLoop.delete(loop)) this.#records.put(loop, undefined);
  }

  #prune(): void {
    for (const [loop, { usedAt }] of this.#byLoop) {
      if (this.#byLoop.size <= this.#maxThreads && usedAt > Date.now() - maxAge) return;
      this.forget(loop);
    }
  }
}
