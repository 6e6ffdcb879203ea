// Simulates one rule on a recording, in the time of its events: which alerts it would have sent, and what it did not count.
// It does with every update what the pipeline does, and sends nothing.
import type { Alert } from "../../detection/alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { Counters } from "../../pipeline/counters.ts";
import { EventClock } from "../../pipeline/event_clock.ts";
import type { Decision, KeptState, Rule, RuleState } from "../../detection/rule.ts";
import type { RuleEvent } from "../../detection/event.ts";
import type { RulePlan } from "../../detection/settings.ts";
import { Timeline, TimeScale } from "./timeline.ts";
import type { Other } from "../../detection/event.ts";

/** The alerts for one key. */
export interface Notified {
  readonly name: string;
  readonly first: Nanoseconds;
  last: Nanoseconds;
  notifications: number;
  /** The last alert said that the loop is resolved, or given up. */
  resolved: boolean;
}

/** The counted restarts of one key. */
export interface Counted {
  total: number;
  readonly timeline: Timeline;
}

/** Keys without an alert whose restarts are remembered. For a key beyond them only the restarts in its first alert are
 * known, and those after it. */
const maxUnnotified = 100_000;
/** Due keys that are decided in one go. */
const maxDue = 500;

/** One rule, and what it made of the recording so far. */
export class Simulation {
  readonly plan: RulePlan;
  readonly notified = new Map<string, Notified>();
  readonly counters = new Counters();
  /** Restarts, or failed runs; one update can stand for several. */
  counted = 0;
  readonly #rule: Rule;
  readonly #clock: EventClock;
  readonly #scale = new TimeScale();
  /** By key; undefined if they are not needed. */
  readonly #restarts: Map<string, Counted> | undefined;

  /** `withTimelines`: remembers restarts by key. `warn` is called for a node whose clock is ahead. */
  constructor(
    plan: RulePlan,
    withTimelines: boolean,
    warn?: (node: string, ahead: Nanoseconds) => void,
  ) {
    this.plan = plan;
    this.#clock = new EventClock(undefined, warn);
    this.#rule = plan.open(forgetful);
    this.#rule.restore(nothing, undefined);
    if (withTimelines) this.#restarts = new Map();
  }

  /** What it counts, in the singular. */
  get countsWhat(): string {
    return this.#rule.counts;
  }

  /** The decoder for `take`: simulations of one rule have the same. */
  get decode(): Rule["decode"] {
    return this.#rule.decode;
  }

  /** From the first to the newest event; undefined where there was none. */
  get span(): { readonly first: Nanoseconds; readonly last: Nanoseconds } | undefined {
    const { first, last } = this.#scale;
    return first === undefined || last === undefined ? undefined : { first, last };
  }

  /** Up to which time the prefilter may skip updates. */
  get skipUntil(): Nanoseconds {
    return this.#clock.skipUntil;
  }

  /** The restarts of a notified key. */
  restartsOf(name: string): Counted {
    return this.#restarts?.get(name) ?? { total: 0, timeline: new Timeline(this.#scale) };
  }

  /** Advances the time to that of updates that were skipped. */
  pass(time: Nanoseconds): void {
    this.#advance(time);
  }

  /** Takes an update that was decoded from this. */
  take(update: RuleEvent | Other, body: Uint8Array): void {
    const now = this.#advance(update.time, body);
    if (update.kind === "other") return;
    const decision = this.#rule.record(update, now);
    const { reason } = decision;
    if (reason !== "noted" && reason !== "resolved" && reason !== "gave-up") this.counters.events[reason]++;
    if (counting.has(reason)) this.#count(update, "missed" in update ? update.missed + 1 : 1);
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
    this.counted += count;
    const restarts = this.#restarts;
    if (restarts === undefined) return;
    let counted = restarts.get(name);
    if (counted === undefined) {
      if (restarts.size - this.notified.size >= maxUnnotified) return;
      restarts.set(name, counted = { total: 0, timeline: new Timeline(this.#scale) });
    }
    counted.total += count;
    counted.timeline.add(time, count);
  }

  #act(decision: Decision, now: Nanoseconds): void {
    if ("alert" in decision && decision.alert !== undefined) this.#notify(decision.alert, now);
  }

  #notify({ name, reason, eventLog }: Alert, now: Nanoseconds): void {
    this.counters.alerts[reason]++;
    const resolved = reason === "resolved" || reason === "gave-up";
    const notified = this.notified.get(name);
    if (notified !== undefined) {
      notified.last = now;
      notified.notifications++;
      notified.resolved = resolved;
      return;
    }
    this.notified.set(name, { name, first: now, last: now, notifications: 1, resolved });
    if (this.#restarts === undefined || this.#restarts.has(name)) return;
    const timeline = new Timeline(this.#scale);
    for (const time of eventLog) timeline.add(time);
    this.#restarts.set(name, { total: eventLog.length, timeline });
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
