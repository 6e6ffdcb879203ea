// The way of a message: source → rule → state → outboxes → acknowledgement.
import { clockWarning } from "./clock_warnings.ts";
import { Acknowledger, type CommitStats } from "./acknowledger.ts";
import type { Delivery } from "./delivery.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { type Clocked, EventClock } from "./event_clock.ts";
import { eventClockKey, keptEventTime } from "./event_time.ts";
import type { Grouping } from "./grouping.ts";
import { LateEvents } from "./late_events.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Decision, Rule } from "../detection/rule.ts";
import type { NodeEvent, RuleEvent } from "../detection/event.ts";
import { Notifier } from "./notifier.ts";
import type { OwnAlerts } from "./own_alerts.ts";
import { RejectionLog } from "./rejection_log.ts";
import type { Batch, Source } from "../sources/source.ts";
import type { Visibility } from "../detection/visibility.ts";
import type { Health } from "../lib/health.ts";
import { Counters, type Totals } from "./counters.ts";
import { maxTimer } from "../lib/delay.ts";
import { wallClock } from "../lib/time.ts";
import { WallClockWatch } from "./wall_clock_watch.ts";

export type { Totals } from "./counters.ts";

/** Observes every event that the rule took, and decisions that time alone brought about. */
export interface Observer {
  /** Called after the decision: the rule is already in its new state. */
  recorded(event: RuleEvent, decision: Decision, now: Nanoseconds): void;
  decided(decision: Decision, now: Nanoseconds): void;
}

/** The parts of a pipeline. */
export interface PipelineParts {
  readonly source: Source;
  readonly rule: Rule;
  readonly store: StateStore;
  readonly delivery: Delivery;
  readonly log: Log;
  /** The counters; new ones by default. */
  readonly counters?: Counters;
  readonly commits?: CommitStats | undefined;
  /** Notified when a batch arrives. */
  readonly health?: Health;
  /** Notified of events that arrive while the source is blind. */
  readonly visibility?: Visibility;
  readonly observer?: Observer | undefined;
  /** Set if people read a sink, and get loops with one cause as one message. */
  readonly grouping?: Grouping | undefined;
  /** Called when a node of the cluster has a problem, in words after its name, or none any more. */
  readonly onNode?:
    | ((node: NodeEvent["node"], problem: string | undefined, now: Nanoseconds) => void)
    | undefined;
  /** Notifies what is wrong with the program itself. */
  readonly ownAlerts?: Pick<OwnAlerts, "start"> | undefined;
}

/** Processes every message of the source until the input ends or `stop`. Resolves when every alert is confirmed and every
 * batch acknowledged. @throws {Fault} */
export async function runPipeline(parts: PipelineParts, stop: AbortSignal): Promise<Totals> {
  const pipeline = new Pipeline(parts);
  try {
    for await (const batch of parts.source.batches(stop, parts.store.kept.checkpoint())) pipeline.take(batch);
    await pipeline.settled();
  } finally {
    pipeline.stop();
  }
  return pipeline.counters.totals();
}

/** One run, for `runPipeline`. */
class Pipeline {
  readonly counters: Counters;
  readonly #parts: PipelineParts;
  readonly #acknowledger: Acknowledger;
  readonly #rejections: RejectionLog;
  readonly #late: LateEvents;
  readonly #notifier: Notifier;
  /** The clock of a live source. */
  readonly #wall: WallClockWatch | undefined;
  /** The clock of a batch source. */
  readonly #clock: EventClock;
  /** Listens to the visibility, so that time decides as soon as the source has shown enough. */
  readonly #sight: Disposable | undefined;
  /** What the clock moves: the rule, and groups. */
  readonly #clocked: Clocked;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt: Nanoseconds | undefined;

  constructor(parts: PipelineParts) {
    const { source, rule, log, visibility, grouping } = parts;
    this.#parts = parts;
    this.counters = parts.counters ?? new Counters();
    this.#clocked = grouping === undefined ? rule : bothOf(rule, grouping);
    this.#wall = source.mode === "live" ? new WallClockWatch({ ...parts, rule: this.#clocked }) : undefined;
    this.#clock = new EventClock(
      this.#wall === undefined ? keptEventTime(parts) : undefined,
      clockWarning(log),
    );
    this.counters.newest = this.#clock.newest;
    this.#rejections = new RejectionLog(log);
    this.#late = new LateEvents(log, rule.counts);
    this.#notifier = new Notifier(parts.store, this.counters, log, rule.counts, grouping);
    const now = source.mode === "live" ? wallClock : () => this.#clock.now;
    this.#acknowledger = new Acknowledger({ ...parts, delivery: grouping ?? parts.delivery }, now);
    parts.ownAlerts?.start(() => this.#acknowledger.commitNow());
    if (this.#wall === undefined) source.skipUntil?.(this.#clock.skipUntil);
    else {
      this.#sight = visibility?.listen(() => this.#onVisible());
      this.#wall.now();
      this.#schedule();
    }
  }

  /** Processes a batch. The acknowledger acknowledges it when its effects are safe. */
  take(batch: Batch): void {
    const keys = new Set<string>();
    const alerts = this.counters.sent;
    const { visibility, grouping } = this.#parts;
    const wall = this.#wall?.now();
    if (wall !== undefined) this.#notifyDue(wall);
    this.#parts.health?.seen(wall);
    for (let index = 0; index < batch.bodies.length; index++) {
      const body = batch.bodies[index]!;
      if (!(body instanceof Uint8Array)) {
        this.counters.others += body.count;
        if (wall === undefined) this.#advance(body.newest);
        continue;
      }
      const update = this.#parts.rule.decode(body);
      if (update.kind === "malformed") {
        this.counters.malformed++;
        this.#rejections.add(batch, index, body, update.reason);
        continue;
      }
      const now = wall ?? this.#advance(update.time, body);
      if (wall !== undefined) this.#noteNewest(update.time, wall);
      if (visibility?.isBlind) visibility.noteEvent(update.time);
      if (update.kind === "other") this.counters.others++;
      else if (this.#record(update, now)) keys.add(update.name);
    }
    for (const [key, value] of batch.checkpoint ?? []) this.#parts.store.saveCheckpoint(key, value);
    // Saved so that an input that starts over after a restart does not report old loops again.
    const { newest } = this.#clock;
    if (wall === undefined && newest !== undefined) {
      this.counters.newest = newest;
      this.#parts.store.saveCheckpoint(eventClockKey, String(newest));
      this.#parts.source.skipUntil?.(this.#clock.skipUntil);
    }
    // With GROUP_WAIT=0s, what began in this batch is due now.
    if (wall !== undefined) grouping?.due(wall);
    if (wall !== undefined && this.#isCrowded) grouping?.hurry(wall);
    this.#acknowledger.add(batch, keys, this.counters.sent > alerts);
    if (wall !== undefined) this.#schedule();
  }

  /** Whether the source may soon hand out nothing, since messages wait for the alerts about them. */
  get #isCrowded(): boolean {
    const { source: { maxUnacknowledged = Infinity }, store } = this.#parts;
    return !store.durable && this.#acknowledger.unacknowledged >= maxUnacknowledged / 2;
  }

  /** Resolves when every alert is confirmed and every batch acknowledged. */
  async settled(): Promise<void> {
    this.#parts.grouping?.flush(this.#wall?.now() ?? this.#clock.now);
    await this.#acknowledger.drain();
    await this.#parts.delivery.settled();
    await this.#acknowledger.drain();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#sight?.[Symbol.dispose]();
    this.#rejections.stop();
    this.#acknowledger.stop();
  }

  /** Returns whether its batch must wait for alerts about its key. */
  #record(event: RuleEvent, now: Nanoseconds): boolean {
    if (event.kind === "node") this.#parts.onNode?.(event.node, event.problem, now);
    const decision = this.#parts.rule.record(event, now);
    const { reason } = decision;
    const alerts = this.counters.notified;
    this.#notifier.act(decision, event.name, now);
    this.#parts.observer?.recorded(event, decision, now);
    // A change of a job is due at once for each of its tasks.
    if (event.kind === "job" || event.kind === "job-settings") this.#notifyDue(now);
    if (reason === "noted" || reason === "resolved" || reason === "gave-up") {
      this.counters.others++;
      return this.counters.notified > alerts || this.#parts.grouping?.isHeld(event.name) === true;
    }
    this.counters.events[reason]++;
    if (reason === "outside-window") this.#late.add(event, now);
    return true;
  }

  #advance(time: Nanoseconds, update?: Uint8Array): Nanoseconds {
    return this.#clock.advance(time, this.#clocked, (now) => this.#notifyDue(now), update);
  }

  #notifyDue(now: Nanoseconds): void {
    for (const decision of this.#parts.rule.due(now, maxDue)) {
      this.#notifier.act(decision, "", now);
      this.#parts.observer?.decided(decision, now);
    }
    this.#parts.grouping?.due(now);
  }

  /** Limits the time to now: a clock that is ahead does not show how far behind the program is. */
  #noteNewest(time: Nanoseconds, now: Nanoseconds): void {
    const { newest } = this.counters;
    if (newest === undefined || time > newest) this.counters.newest = time < now ? time : now;
  }

  /** Sets the one timer for what is due next by the wall clock. */
  #schedule(): void {
    const next = this.#clocked.nextDue;
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

  /** Called when the source has shown more: what is due may now be decided. */
  #onVisible(): void {
    const { nextDue } = this.#parts.rule;
    if (nextDue !== undefined && nextDue <= this.#wall!.now()) this.#wake();
  }
}

/** Maximum keys that are decided on in one go when they fall due. */
const maxDue = 100;

/** The rule and groups as one to the clock. */
function bothOf(rule: Rule, grouping: Grouping): Clocked {
  return {
    get nextDue() {
      const [ofRule, ofGroups] = [rule.nextDue, grouping.nextDue];
      return ofRule === undefined || ofGroups !== undefined && ofGroups < ofRule ? ofGroups : ofRule;
    },
    clockSetBack(now, from) {
      rule.clockSetBack(now, from);
      grouping.clockSetBack(now);
    },
  };
}
