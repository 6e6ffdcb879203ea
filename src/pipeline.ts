// The one straight way of a message: source → update → detector → alerts → sinks → acknowledgement.
import { type Alert } from "./alert.ts";
import type { Decision, Detector } from "./detector.ts";
import type { Delivery } from "./delivery.ts";
import type { Nanoseconds } from "./duration.ts";
import type { Log } from "./log.ts";
import type { Batch, Source } from "./source.ts";
import { wallClock } from "./time.ts";
import { decode, type Restart } from "./update.ts";

/** What became of the messages; every message is one of `restarts`, `others` and `malformed`. */
export interface Totals {
  restarts: number;
  others: number;
  malformed: number;
  /** Of the restarts: seen before, or intended and not to be counted. */
  duplicates: number;
  intended: number;
  alerts: number;
}

/** The parts that the way leads through. */
export interface Way {
  readonly source: Source;
  readonly detector: Detector;
  readonly delivery: Delivery;
  readonly log: Log;
  /** Leave out restarts that a person or a template asked for. */
  readonly ignoreIntended: boolean;
}

/** Leads every message of the source its way, until the input ends or `stop`; then every alert has arrived. */
export async function follow(way: Way, stop: AbortSignal): Promise<Totals> {
  const pipeline = new Pipeline(way);
  try {
    for await (const batch of way.source.batches(stop)) pipeline.take(batch);
    await pipeline.settled();
  } finally {
    pipeline.stop();
  }
  return pipeline.totals;
}

class Pipeline {
  readonly totals: Totals = { restarts: 0, others: 0, malformed: 0, duplicates: 0, intended: 0, alerts: 0 };
  readonly #way: Way;
  /** The time of the newest event, where that is the clock. */
  #newest: Nanoseconds | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt: Nanoseconds | undefined;
  /** Resolves when all batches so far are acknowledged; undefined when they are. */
  #acknowledged: Promise<void> | undefined;

  constructor(way: Way) {
    this.#way = way;
  }

  /** Leads a batch through; it is acknowledged when the alerts about its names have arrived. */
  take(batch: Batch): void {
    const unconfirmed = new Set<Promise<unknown>>();
    const wall = this.#way.source.clock === "wall" ? wallClock() : undefined;
    if (wall !== undefined) this.#tellDue(wall);
    for (const [index, body] of batch.bodies.entries()) {
      const update = decode(body);
      if (update.kind === "malformed") {
        this.#setAside(batch, index, update.reason);
        continue;
      }
      const now = wall ?? this.#advance(update.time);
      if (update.kind === "other") {
        this.totals.others++;
        continue;
      }
      this.#record(update, now);
      const pending = this.#way.delivery.pending(update.name);
      if (pending !== undefined) unconfirmed.add(pending);
    }
    this.#acknowledge(batch, unconfirmed);
    if (wall !== undefined) this.#schedule();
  }

  /** Resolves when every alert has arrived and every batch is acknowledged. */
  async settled(): Promise<void> {
    await this.#way.delivery.settled();
    await this.#acknowledged;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #record(restart: Restart, now: Nanoseconds): void {
    this.totals.restarts++;
    if (restart.intended && this.#way.ignoreIntended) {
      this.totals.intended++;
      return;
    }
    const decision = this.#way.detector.record(restart, now);
    if (decision.reason === "duplicate") this.totals.duplicates++;
    this.#act(decision, restart.name);
  }

  /** The clock of events moves on, and what falls due on the way is told in its order and at its time. */
  #advance(time: Nanoseconds): Nanoseconds {
    if (this.#newest !== undefined && time <= this.#newest) return this.#newest;
    const { detector } = this.#way;
    while (detector.nextDue !== undefined && detector.nextDue <= time) this.#tellDue(detector.nextDue);
    return this.#newest = time;
  }

  #tellDue(now: Nanoseconds): void {
    for (const decision of this.#way.detector.due(now)) {
      this.#act(decision, decision.reason === "recovered" ? decision.name : "");
    }
  }

  /** One timer for the next thing due on the wall's clock. */
  #schedule(): void {
    const next = this.#way.detector.nextDue;
    if (next === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    if (next === undefined) return;
    const milliseconds = Number((next - wallClock()) / 1_000_000n) + 1;
    this.#timer = setTimeout(() => {
      this.#timerAt = undefined;
      this.#tellDue(wallClock());
      this.#schedule();
    }, Math.min(Math.max(milliseconds, 0), longestTimer));
  }

  #act(decision: Decision, name: string): void {
    const { log, delivery } = this.#way;
    switch (decision.reason) {
      case "first":
      case "repeat":
        this.totals.alerts++;
        log.info(sentences[decision.reason], toldFields(decision.alert));
        delivery.tell(decision.alert);
        break;
      case "recovered":
        log.info("{name}: no longer restarts often enough to be told again", { name });
        break;
      default:
        log.debug("{name}: restart, {reason}", { name, ...decision });
    }
  }

  #setAside(batch: Batch, index: number, reason: string): void {
    this.totals.malformed++;
    batch.reject(index);
    const body = batch.bodies[index]!;
    this.#way.log.warning("Set aside {place}: {reason}: {beginning}", {
      place: batch.place(index),
      reason,
      beginning: new TextDecoder().decode(body.subarray(0, 800)).slice(0, 200),
    });
  }

  #acknowledge(batch: Batch, unconfirmed: Set<Promise<unknown>>): void {
    if (unconfirmed.size === 0 && this.#acknowledged === undefined) return batch.acknowledge();
    const acknowledged = Promise.all([this.#acknowledged, ...unconfirmed]).then(() => {
      batch.acknowledge();
      if (this.#acknowledged === acknowledged) this.#acknowledged = undefined;
    });
    this.#acknowledged = acknowledged;
  }
}

/** Longer ones than this, in milliseconds, timers do not take. */
const longestTimer = 2 ** 31 - 1;

const sentences = {
  first: "{name}: crash loop, {restarts} restarts; alert {id}",
  repeat: "{name}: still loops, {restarts} restarts; alert {id}",
};

function toldFields({ name, id, eventLog }: Alert): Record<string, unknown> {
  return { name, id, restarts: eventLog.length };
}
