// The one straight way of a message: source → update → rule → state → alerts → sinks → acknowledgement.
import type { Alert } from "../detection/alert/alert.ts";
import { clockWarning } from "./clock_warnings.ts";
import { Acknowledger, type CommitStats } from "./acknowledger.ts";
import type { Delivery } from "./delivery.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { EventClock } from "./event_clock.ts";
import { eventClockNote, keptEventTime } from "./event_time.ts";
import { LateEvents } from "./late_events.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Decision, Rule } from "../detection/rule.ts";
import type { RuleEvent } from "../detection/event.ts";
import { RejectionLog } from "./rejection_log.ts";
import type { Batch, Source } from "../sources/source.ts";
import type { Visibility } from "../detection/visibility.ts";
import type { Health } from "../lib/health.ts";
import { Counters, type Totals } from "./counters.ts";
import { maxTimer } from "../lib/delay.ts";
import { wallClock } from "../lib/time.ts";
import { WallClockWatch } from "./wall_clock_watch.ts";

export type { Totals } from "./counters.ts";

/** Hears of every event that the rule took, and of what time alone decided. */
export interface Observer {
  /** The decision is made, and the rule is as it is after it. */
  recorded(event: RuleEvent, decision: Decision, now: Nanoseconds): void;
  decided(decision: Decision, now: Nanoseconds): void;
}

/** The parts that the way leads through. */
export interface Way {
  readonly source: Source;
  readonly rule: Rule;
  readonly store: StateStore;
  readonly delivery: Delivery;
  readonly log: Log;
  /** What is counted on the way; of its own where it is not given. */
  readonly counters?: Counters;
  readonly commits?: CommitStats | undefined;
  /** Notified when a batch comes. */
  readonly health?: Health;
  /** Notified of events that come while the source is blind. */
  readonly visibility?: Visibility;
  readonly observer?: Observer | undefined;
}

/** Leads every message of the source its way, until the input ends or `stop`; then every alert has arrived. */
export async function follow(way: Way, stop: AbortSignal): Promise<Totals> {
  const pipeline = new Pipeline(way);
  try {
    for await (const batch of way.source.batches(stop, way.store.kept.checkpoint())) pipeline.take(batch);
    await pipeline.settled();
  } finally {
    pipeline.stop();
  }
  return pipeline.counters.totals();
}

class Pipeline {
  readonly counters: Counters;
  readonly #way: Way;
  readonly #acknowledger: Acknowledger;
  readonly #rejections: RejectionLog;
  readonly #late: LateEvents;
  /** The clock, where it is that of the wall. */
  readonly #wall: WallClockWatch | undefined;
  /** The clock, where it is that of the events. */
  readonly #clock: EventClock;
  /** Listens to the visibility, so that time decides as soon as the source has shown enough. */
  readonly #sight: Disposable | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt: Nanoseconds | undefined;

  constructor(way: Way) {
    this.#way = way;
    this.counters = way.counters ?? new Counters();
    this.#wall = way.source.mode === "live" ? new WallClockWatch(way) : undefined;
    this.#clock = new EventClock(
      this.#wall === undefined ? keptEventTime(way) : undefined,
      clockWarning(way.log),
    );
    this.counters.newest = this.#clock.newest;
    this.#rejections = new RejectionLog(way.log);
    this.#late = new LateEvents(way.log, way.rule.counts);
    const now = way.source.mode === "live" ? wallClock : () => this.#clock.now;
    this.#acknowledger = new Acknowledger(way, now);
    if (this.#wall === undefined) way.source.skipUntil?.(this.#clock.skipUntil);
    else {
      this.#sight = way.visibility?.listen(() => this.#look());
      this.#wall.now();
      this.#schedule();
    }
  }

  /** Leads a batch through; it is acknowledged when what it caused is kept, in the state or by the sinks. */
  take(batch: Batch): void {
    const names = new Set<string>();
    const alerts = this.counters.notified;
    const { visibility } = this.#way;
    const wall = this.#wall?.now();
    if (wall !== undefined) this.#notifyDue(wall);
    this.#way.health?.seen(wall);
    for (let index = 0; index < batch.bodies.length; index++) {
      const body = batch.bodies[index]!;
      if (!(body instanceof Uint8Array)) {
        this.counters.others += body.count;
        if (wall === undefined) this.#advance(body.newest);
        continue;
      }
      const update = this.#way.rule.decode(body);
      if (update.kind === "malformed") {
        this.counters.malformed++;
        this.#rejections.add(batch, index, body, update.reason);
        continue;
      }
      const now = wall ?? this.#advance(update.time, body);
      if (wall !== undefined) this.#noteNewest(update.time, wall);
      if (visibility?.isBlind) visibility.noteEvent(update.time);
      if (update.kind === "other") this.counters.others++;
      else if (this.#record(update, now)) names.add(update.name);
    }
    for (const [key, value] of batch.checkpoint ?? []) this.#way.store.saveCheckpoint(key, value);
    // An input that begins anew with what is long over is no news then.
    const { newest } = this.#clock;
    if (wall === undefined && newest !== undefined) {
      this.counters.newest = newest;
      this.#way.store.saveCheckpoint(eventClockNote, String(newest));
      this.#way.source.skipUntil?.(this.#clock.skipUntil);
    }
    this.#acknowledger.add(batch, names, this.counters.notified > alerts);
    if (wall !== undefined) this.#schedule();
  }

  /** Resolves when every alert has arrived and every batch is acknowledged. */
  async settled(): Promise<void> {
    await this.#acknowledger.drain();
    await this.#way.delivery.settled();
    await this.#acknowledger.drain();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#sight?.[Symbol.dispose]();
    this.#rejections.stop();
    this.#acknowledger.stop();
  }

  /** Yields whether the event counts as one. */
  #record(event: RuleEvent, now: Nanoseconds): boolean {
    const decision = this.#way.rule.record(event, now);
    const { reason } = decision;
    const alerts = this.counters.notified;
    this.#act(decision, event.name);
    this.#way.observer?.recorded(event, decision, now);
    // What befell a job falls due at once for each of its tasks.
    if (event.kind === "job") this.#notifyDue(now);
    if (reason === "noted" || reason === "resolved" || reason === "gave-up") {
      this.counters.others++;
      return this.counters.notified > alerts;
    }
    this.counters.events[reason]++;
    if (reason === "outside-window") this.#late.add(event, now);
    return true;
  }

  #advance(time: Nanoseconds, update?: Uint8Array): Nanoseconds {
    return this.#clock.advance(time, this.#way.rule, (now) => this.#notifyDue(now), update);
  }

  #notifyDue(now: Nanoseconds): void {
    for (const decision of this.#way.rule.due(now, maxDue)) {
      this.#act(decision, "");
      this.#way.observer?.decided(decision, now);
    }
  }

  /** One from a clock that is ahead says nothing of how far behind the program is. */
  #noteNewest(time: Nanoseconds, now: Nanoseconds): void {
    const { newest } = this.counters;
    if (newest === undefined || time > newest) this.counters.newest = time < now ? time : now;
  }

  /** One timer for the next thing due on the wall's clock. */
  #schedule(): void {
    const next = this.#way.rule.nextDue;
    if (next === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    if (next === undefined) return;
    const milliseconds = Number((next - wallClock()) / 1_000_000n) + 1;
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(milliseconds, 0), maxTimer));
  }

  #wake(): void {
    this.#timerAt = undefined;
    this.#notifyDue(this.#wall!.now());
    this.#acknowledger.commitNow();
    this.#schedule();
  }

  /** Does what can be done now that more is seen. */
  #look(): void {
    const { nextDue } = this.#way.rule;
    if (nextDue !== undefined && nextDue <= this.#wall!.now()) this.#wake();
  }

  #act(decision: Decision, name: string): void {
    const { log, rule } = this.#way;
    switch (decision.reason) {
      case "first":
      case "repeat":
        log.info(sentences[isFlapping(decision.alert) ? "flaps" : decision.reason], {
          ...notificationFields(decision.alert),
          counts: rule.counts,
        });
        this.#notify(decision.alert);
        break;
      case "resolved":
        log.info("{name}: resolved: {cause}", { name: decision.name, cause: decision.cause });
        if (decision.alert !== undefined) this.#notify(decision.alert);
        break;
      case "gave-up":
        log.info("{name}: gave up: {cause}", { name: decision.name, cause: decision.cause });
        if (decision.alert !== undefined) this.#notify(decision.alert);
        break;
      case "noted":
        break;
      default:
        if (!log.detailed) break;
        log.debug("{name}: {counts}, {reason}", { name, counts: rule.counts, ...decision });
    }
  }

  #notify(alert: Alert): void {
    this.counters.alerts[alert.reason]++;
    this.#way.store.enqueue(alert);
  }
}

/** Keys that are looked at in one go when they fall due: a moment's work. */
const maxDue = 100;

const sentences = {
  first: "{name}: crash loop, {count} {counts}s; alert {id}",
  repeat: "{name}: still loops, {count} {counts}s; alert {id}",
  flaps: "{name}: flaps, {count} {counts}s; alert {id}",
};

function isFlapping({ details }: Alert): boolean {
  return details?.FlappingSince !== undefined;
}

function notificationFields({ name, id, eventLog, details }: Alert): Record<string, unknown> {
  return { name, id, count: details?.Failures ?? eventLog.length };
}
