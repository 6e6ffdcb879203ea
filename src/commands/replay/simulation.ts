// One rule tried on a recording, in the time of its events: what it would have told, and what it made of the rest.
// It does with every update what the pipeline does, and sends nothing.
import type { Alert } from "../../detection/alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { EventClock } from "../../pipeline/event_clock.ts";
import type { Decision, KeptState, Rule, RuleState } from "../../detection/rule.ts";
import type { RuleEvent } from "../../detection/event.ts";
import type { RulePlan } from "../../detection/settings.ts";
import { History, Scale } from "./timeline.ts";
import type { Other } from "../../detection/event.ts";

/** What was told about a name. */
export interface Notified {
  readonly name: string;
  readonly first: Nanoseconds;
  last: Nanoseconds;
  notifications: number;
  /** The last of them said that the loop is over. */
  over: boolean;
}

/** Restarts of a name: how many were counted, and when. */
export interface Counted {
  total: number;
  readonly history: History;
}

/** What became of the updates that the rule counts, and how many alerts there were. */
export interface Counts {
  counted: number;
  duplicates: number;
  requested: number;
  outsideWindow: number;
  alerts: number;
}

/** Of so many names that were not told the restarts are remembered. Of one that is told and not among them, those in
 * its first alert are all that is known of the time before. */
const maxUntold = 100_000;
/** Keys that are looked at in one go when they fall due. */
const maxDue = 500;

/** A rule on its way through a recording. */
export class Trial {
  readonly plan: RulePlan;
  readonly notified = new Map<string, Notified>();
  readonly counts: Counts = { counted: 0, duplicates: 0, requested: 0, outsideWindow: 0, alerts: 0 };
  /** Updates that count; one can stand for several restarts. */
  events = 0;
  readonly #rule: Rule;
  readonly #clock: EventClock;
  readonly #scale = new Scale();
  /** By name; undefined where nobody wants to know. */
  readonly #restarts: Map<string, Counted> | undefined;

  /** `withHistories`: restarts are remembered by name. `warn` hears of a node whose clock is ahead. */
  constructor(
    plan: RulePlan,
    withHistories: boolean,
    warn?: (node: string, ahead: Nanoseconds) => void,
  ) {
    this.plan = plan;
    this.#clock = new EventClock(undefined, warn);
    this.#rule = plan.open(forgetful);
    this.#rule.restore(nothing, undefined);
    if (withHistories) this.#restarts = new Map();
  }

  /** What it counts, in the singular. */
  get countsWhat(): string {
    return this.#rule.counts;
  }

  /** The decoder for `take`: trials of one rule have the same. */
  get decode(): Rule["decode"] {
    return this.#rule.decode;
  }

  /** From the first to the newest event; undefined where there was none. */
  get span(): { readonly first: Nanoseconds; readonly last: Nanoseconds } | undefined {
    const { first, last } = this.#scale;
    return first === undefined || last === undefined ? undefined : { first, last };
  }

  /** Up to which time updates may be skipped by their look. */
  get skipUntil(): Nanoseconds {
    return this.#clock.skipUntil;
  }

  /** The restarts of a name that was told. */
  restartsOf(name: string): Counted {
    return this.#restarts?.get(name) ?? { total: 0, history: new History(this.#scale) };
  }

  /** Time goes on; what is of no interest does nothing else. */
  pass(time: Nanoseconds): void {
    this.#advance(time);
  }

  /** Takes an update that was decoded from this. */
  take(update: RuleEvent | Other, body: Uint8Array): void {
    const now = this.#advance(update.time, body);
    if (update.kind === "other") return;
    const decision = this.#rule.record(update, now);
    if (counting.has(decision.reason)) this.#count(update, update.kind === "job" ? 1 : update.missed + 1);
    else if (decision.reason === "duplicate") this.counts.duplicates++;
    else if (decision.reason === "requested") this.counts.requested++;
    else if (decision.reason === "outside-window") this.counts.outsideWindow++;
    this.#act(decision, now);
    if (update.kind === "job") { for (const due of this.#rule.due(now, maxDue)) this.#act(due, now); }
  }

  #advance(time: Nanoseconds, body?: Uint8Array): Nanoseconds {
    const now = this.#clock.advance(time, this.#rule, (now) => {
      for (const decision of this.#rule.due(now, maxDue)) this.#act(decision, now);
    }, body);
    this.#scale.extend(now);
    return now;
  }

  #count({ name, time }: RuleEvent, count: number): void {
    this.events++;
    this.counts.counted += count;
    const restarts = this.#restarts;
    if (restarts === undefined) return;
    let counted = restarts.get(name);
    if (counted === undefined) {
      if (restarts.size - this.notified.size >= maxUntold) return;
      restarts.set(name, counted = { total: 0, history: new History(this.#scale) });
    }
    counted.total += count;
    counted.history.add(time, count);
  }

  #act(decision: Decision, now: Nanoseconds): void {
    if ("alert" in decision && decision.alert !== undefined) this.#notify(decision.alert, now);
  }

  #notify({ name, reason, eventLog }: Alert, now: Nanoseconds): void {
    this.counts.alerts++;
    const over = reason === "resolved" || reason === "gave-up";
    const notified = this.notified.get(name);
    if (notified !== undefined) {
      notified.last = now;
      notified.notifications++;
      notified.over = over;
      return;
    }
    this.notified.set(name, { name, first: now, last: now, notifications: 1, over });
    if (this.#restarts === undefined || this.#restarts.has(name)) return;
    const history = new History(this.#scale);
    for (const time of eventLog) history.add(time);
    this.#restarts.set(name, { total: eventLog.length, history });
  }
}

/** Reasons of decisions about events that count. */
const counting: ReadonlySet<Decision["reason"]> = new Set([
  "below-threshold",
  "already-notified",
  "catching-up",
  "first",
  "repeat",
]);

const forgetful: RuleState = { counted: () => {}, dropped: () => {}, notified: () => {}, put: () => {} };
const nothing: KeptState = { restarts: () => [], notified: () => [], entries: () => [] };
