// The one straight way of a message: source → update → rule → ledger → alerts → sinks → acknowledgement.
import type { Alert } from "./alert.ts";
import { Commits } from "./commits.ts";
import type { Decision, Detector } from "./detector.ts";
import type { Delivery } from "./delivery.ts";
import type { Nanoseconds } from "./duration.ts";
import type { Ledger } from "./ledger.ts";
import type { Log } from "./log.ts";
import { SetAside } from "./set_aside.ts";
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
  readonly ledger: Ledger;
  readonly delivery: Delivery;
  readonly log: Log;
  /** Leave out restarts that a person or a template asked for. */
  readonly ignoreIntended: boolean;
}

/** Leads every message of the source its way, until the input ends or `stop`; then every alert has arrived. */
export async function follow(way: Way, stop: AbortSignal): Promise<Totals> {
  const pipeline = new Pipeline(way);
  try {
    for await (const batch of way.source.batches(stop, way.ledger.kept.notes())) pipeline.take(batch);
    await pipeline.settled();
  } finally {
    pipeline.stop();
  }
  return pipeline.totals;
}

class Pipeline {
  readonly totals: Totals = { restarts: 0, others: 0, malformed: 0, duplicates: 0, intended: 0, alerts: 0 };
  readonly #way: Way;
  readonly #commits: Commits;
  readonly #setAside: SetAside;
  /** The time of the newest event, where that is the clock. */
  #newest: Nanoseconds | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt: Nanoseconds | undefined;

  constructor(way: Way) {
    this.#way = way;
    this.#setAside = new SetAside(way.log);
    this.#commits = new Commits(way, () => this.#newest ?? wallClock());
    if (way.source.clock === "wall") this.#schedule();
  }

  /** Leads a batch through; it is acknowledged when what it caused is kept, in the ledger or by the sinks. */
  take(batch: Batch): void {
    const names = new Set<string>();
    const alerts = this.totals.alerts;
    const wall = this.#way.source.clock === "wall" ? wallClock() : undefined;
    if (wall !== undefined) this.#tellDue(wall);
    for (const [index, body] of batch.bodies.entries()) {
      const update = decode(body);
      if (update.kind === "malformed") {
        this.totals.malformed++;
        this.#setAside.add(batch, index, update.reason);
        continue;
      }
      const now = wall ?? this.#advance(update.time);
      if (update.kind === "restart") {
        this.#record(update, now);
        names.add(update.name);
      } else this.totals.others++;
    }
    for (const [key, value] of batch.notes ?? []) this.#way.ledger.note(key, value);
    this.#commits.add(batch, names, this.totals.alerts > alerts);
    if (wall !== undefined) this.#schedule();
  }

  /** Resolves when every alert has arrived and every batch is acknowledged. */
  async settled(): Promise<void> {
    await this.#commits.settled();
    await this.#way.delivery.settled();
    await this.#commits.settled();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#setAside.stop();
    this.#commits.stop();
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

  /**
   * The clock of events moves on, and what falls due on the way is told in its order and at its time. It never
   * runs more than a day ahead of the wall's: one event from a node whose clock is wrong would end the others' time.
   */
  #advance(time: Nanoseconds): Nanoseconds {
    if (this.#newest !== undefined && time <= this.#newest) return this.#newest;
    if (time > wallClock() + day) return this.#newest ?? wallClock();
    const { detector } = this.#way;
    while (detector.nextDue !== undefined && detector.nextDue <= time) this.#tellDue(detector.nextDue);
    return this.#newest = time;
  }

  #tellDue(now: Nanoseconds): void {
    for (const decision of this.#way.detector.due(now, mostDue)) {
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
      this.#commits.now();
      this.#schedule();
    }, Math.min(Math.max(milliseconds, 0), longestTimer));
  }

  #act(decision: Decision, name: string): void {
    const { log, ledger } = this.#way;
    switch (decision.reason) {
      case "first":
      case "repeat":
        this.totals.alerts++;
        log.info(sentences[decision.reason], toldFields(decision.alert));
        ledger.tell(decision.alert);
        break;
      case "recovered":
        log.info("{name}: no longer restarts often enough to be told again", { name });
        break;
      default:
        log.debug("{name}: restart, {reason}", { name, ...decision });
    }
  }
}

/** Names that are looked at in one go when their time has come: a moment's work. */
const mostDue = 500;
/** Longer ones than this, in milliseconds, timers do not take. */
const longestTimer = 2 ** 31 - 1;
const day = 86_400_000_000_000n;

const sentences = {
  first: "{name}: crash loop, {restarts} restarts; alert {id}",
  repeat: "{name}: still loops, {restarts} restarts; alert {id}",
};

function toldFields({ name, id, eventLog }: Alert): Record<string, unknown> {
  return { name, id, restarts: eventLog.length };
}
