// What the page shows beyond what the rule keeps: the last hour of failing tasks, the events of loops, and loops that
// were resolved or given up. Everything is bounded: 10,000 active loops, 10,000 given up, 1,000 resolved, 100,000 events
// of them (more only where each loop has ten), and 10,000 keys that failed within the hour without looping.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Kept, LoopMemory } from "../state/store.ts";
import type { Observer } from "../pipeline/pipeline.ts";
import type { Decision, Rule } from "../detection/rule.ts";
import type { RuleEvent } from "../detection/event.ts";
import { formatTime } from "../lib/time.ts";
import { hour, loopView, milliseconds, timeline } from "./loop_view.ts";
import { addNotifiedEvents } from "./notified_events.ts";
import { maxEvents, TaskHistory } from "./task_history.ts";
import type { AllocationView, LoopView } from "./view.ts";

/** How much is kept. */
export interface Bounds {
  readonly looping: number;
  readonly resolved: number;
  /** Keys that failed and do not loop. */
  readonly failing: number;
  /** Events of all loops together, unless each has only ten; of one loop 200 at most. */
  readonly events: number;
}

const defaultBounds: Bounds = { looping: 10_000, resolved: 1_000, failing: 10_000, events: 100_000 };
/** Events kept of a key that does not loop, and of each of very many loops. */
const fewEvents = 10;
/** Updates that are parsed in one second for the message of an event, while the key does not loop (rule `restarts`). */
const maxReads = 1_000;

/** A loop that was notified. */
export interface Loop {
  readonly id: string;
  readonly name: string;
  readonly history: TaskHistory;
  /** It was notified before the start: earlier events are those that the state kept. */
  readonly restored: boolean;
  /** Of an active loop, count, times and status are right; `LoopHistory.view` asks the rule for the rest. */
  view: LoopView;
}

/** Called with a loop that changed. */
export type LoopListener = (loop: Loop) => void;

/** What the state keeps of a loop: what the rule does not know of an active one, and all of a resolved one. */
type KeptLoop = Pick<LoopView, "firstNotifiedAt" | "since"> | LoopView;

const noMemory = { remember: () => {} };

/** The loops that the page can show. */
export class LoopHistory implements Observer {
  readonly #listeners = new Set<LoopListener>();
  readonly #rule: Pick<Rule, "loop" | "loops">;
  readonly #bounds: Bounds;
  readonly #memory: LoopMemory;
  /** Active loops by name, the oldest first. */
  readonly #looping = new Map<string, Loop>();
  /** Loops that Nomad has given up, by name. */
  readonly #gaveUp = new Map<string, Loop>();
  /** Resolved loops by id, in the order in which they were resolved. */
  readonly #resolved = new Map<string, Loop>();
  /** Keys that do not loop, in the order in which they failed last. */
  readonly #failing = new Map<string, TaskHistory>();
  #reads = { second: 0n, count: 0 };

  /** `memory` keeps what is to be found after a restart. */
  constructor(
    rule: Pick<Rule, "loop" | "loops">,
    bounds: Bounds = defaultBounds,
    memory: LoopMemory = noMemory,
  ) {
    this.#rule = rule;
    this.#bounds = bounds;
    this.#memory = memory;
  }

  /** Takes over the active loops of the rule and what the state kept. */
  restore(now: Nanoseconds, kept: Pick<Kept, "remembered"> = { remembered: () => [] }): void {
    const active = new Map<string, KeptLoop>();
    for (const [id, text] of kept.remembered()) {
      const loop = readKept(text);
      if ("status" in loop) {
        this.#resolved.set(id, {
          id,
          name: loop.name,
          history: new TaskHistory(),
          restored: true,
          view: loop,
        });
      } else active.set(id, loop);
    }
    this.#forgetOldest();
    for (const name of this.#rule.loops()) {
      if (this.#looping.size >= this.#bounds.looping) break;
      this.#notify(name, now);
      this.#giveUp(name, now);
      const loop = this.#looping.get(name);
      if (loop === undefined) continue;
      const was = active.get(loop.id);
      active.delete(loop.id);
      if (was !== undefined) {
        loop.view = { ...loop.view, firstNotifiedAt: was.firstNotifiedAt, since: was.since };
      }
    }
    // These were resolved while nobody listened.
    for (const id of active.keys()) this.#memory.remember(id, undefined);
  }

  /** Calls the listener at every change, until it is disposed. */
  subscribe(listener: LoopListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** All loops; the counts, times and status of their views are up to date. */
  *loops(): Iterable<Loop> {
    yield* this.#looping.values();
    yield* this.#gaveUp.values();
    yield* this.#resolved.values();
  }

  /** The loop as it is now. */
  view(loop: Loop, now: Nanoseconds): LoopView {
    if (loop.view.status !== "looping") return loop.view;
    const active = this.#rule.loop(loop.name, now);
    if (active === undefined || active.alert.loop !== loop.id) return loop.view;
    const { alert, notified } = active;
    const { since, firstNotifiedAt } = loop.view;
    return loop.view = loopView(alert, {
      notifications: notified,
      times: loop.history.times,
      since: alert.details === undefined ? since : undefined,
      firstNotifiedAt,
    });
  }

  /** Finds a loop by name, id or allocation: active ones first, then the one resolved last. */
  find(key: string, now: Nanoseconds): AllocationView | undefined {
    const loop = this.#looping.get(key) ?? this.#gaveUp.get(key) ?? this.#resolved.get(key) ??
      [...this.#looping.values(), ...this.#gaveUp.values(), ...[...this.#resolved.values()].reverse()]
        .find((loop) =>
          loop.id === key || loop.name === key || loop.view.allocation === key || loop.history.knows(key)
        );
    if (loop === undefined) return undefined;
    return { loop: this.view(loop, now), restored: loop.restored, events: loop.history.views() };
  }

  recorded(event: RuleEvent, decision: Decision, now: Nanoseconds): void {
    const { reason } = decision;
    if (reason === "duplicate" || reason === "outside-window") return;
    const { name } = event;
    const loop = this.#looping.get(name);
    const counts = "counted" in decision || reason === "first" || reason === "repeat";
    const history = loop?.history ?? (counts ? this.#failed(name, now) : this.#failing.get(name));
    if (history === undefined) return;
    if (counts) history.count(event.time);
    const most = loop === undefined ? fewEvents : this.#eventsOfEach();
    history.add(event, most, loop !== undefined || this.#mayRead(event.time));
    if (loop !== undefined) this.#count(loop, decision, event);
    this.decided(decision, now);
  }

  decided(decision: Decision, now: Nanoseconds): void {
    switch (decision.reason) {
      case "first":
      case "repeat":
        return this.#notify(decision.alert.name, now, decision.alert);
      case "resolved":
        return this.#resolve(decision.name, decision.cause, decision.alert, now);
      case "gave-up":
        if (!this.#looping.has(decision.name)) this.#notify(decision.name, now);
        return this.#giveUp(decision.name, now);
    }
  }

  /** The view of a resolved loop is that of its last change: the rule no longer knows the loop by then. */
  #count(loop: Loop, decision: Decision, { time }: RuleEvent): void {
    if ("counted" in decision) {
      const lastAt = formatTime(time);
      const { times } = loop.history;
      loop.view = {
        ...loop.view,
        count: decision.counted,
        lastAt,
        timeline: timeline(times, milliseconds(time)),
      };
    }
    this.#changed(loop);
  }

  #failed(name: string, now: Nanoseconds): TaskHistory {
    const history = this.#failing.get(name) ?? new TaskHistory();
    this.#failing.delete(name);
    this.#failing.set(name, history);
    for (const [oldest, { last }] of this.#failing) {
      const isOld = last > -Infinity && last <= milliseconds(now) - hour;
      if (!isOld && this.#failing.size <= this.#bounds.failing) break;
      if (oldest !== name) this.#failing.delete(oldest);
      else break;
    }
    return history;
  }

  #notify(name: string, now: Nanoseconds, notified?: Alert): void {
    const known = this.#looping.get(name);
    const active = this.#rule.loop(name, now);
    const alert = active?.alert ?? notified;
    if (alert === undefined) return;
    if (known?.id === alert.loop) {
      const notifications = active?.notified ?? known.view.notifications;
      known.view = { ...known.view, notifications };
      return this.#changed(known);
    }
    const history = this.#failing.get(name) ?? new TaskHistory();
    this.#failing.delete(name);
    addNotifiedEvents(history, alert);
    const firstNotifiedAt = notified?.reason === "first" ? formatTime(now) : null;
    const view = loopView(alert, {
      notifications: active?.notified ?? 1,
      times: history.times,
      firstNotifiedAt,
    });
    const loop = { id: alert.loop, name, history, restored: notified === undefined, view };
    this.#looping.set(name, loop);
    if (firstNotifiedAt !== null) this.#keep(loop.id, { firstNotifiedAt, since: view.since });
    for (const { id } of dropOldest(this.#looping, this.#bounds.looping)) this.#keep(id, undefined);
    this.#changed(loop);
  }

  /** Moves a loop that Nomad has given up. */
  #giveUp(name: string, now: Nanoseconds): void {
    const loop = this.#looping.get(name);
    const notified = this.#rule.loop(name, now);
    if (loop === undefined || notified?.gaveUpAt === undefined) return;
    this.#looping.delete(name);
    const { since, firstNotifiedAt } = loop.view;
    const view = loopView(notified.alert, {
      notifications: notified.notified,
      times: loop.history.times,
      since,
      firstNotifiedAt,
    });
    loop.view = { ...view, status: "gave-up", gaveUpAt: formatTime(notified.gaveUpAt) };
    this.#gaveUp.set(name, loop);
    dropOldest(this.#gaveUp, this.#bounds.looping);
    this.#changed(loop);
  }

  #resolve(name: string, cause: string, alert: Alert | undefined, now: Nanoseconds): void {
    const loop = this.#looping.get(name) ?? this.#gaveUp.get(name);
    if (loop === undefined) return;
    this.#looping.delete(name);
    this.#gaveUp.delete(name);
    const details = alert?.details;
    loop.view = {
      ...loop.view,
      status: "resolved",
      count: details?.Failures ?? loop.view.count,
      notifications: loop.view.notifications + (alert === undefined ? 0 : 1),
      resolvedAt: formatTime(now),
      reason: details?.Reason ?? cause,
    };
    this.#resolved.set(loop.id, loop);
    this.#keep(loop.id, loop.view);
    this.#forgetOldest();
    this.#changed(loop);
  }

  #changed(loop: Loop): void {
    for (const listener of this.#listeners) listener(loop);
  }

  #forgetOldest(): void {
    for (const { id } of dropOldest(this.#resolved, this.#bounds.resolved)) this.#keep(id, undefined);
  }

  #keep(id: string, loop: KeptLoop | undefined): void {
    this.#memory.remember(id, loop && JSON.stringify(loop));
  }

  #eventsOfEach(): number {
    const loops = this.#looping.size + this.#gaveUp.size + this.#resolved.size;
    return Math.max(fewEvents, Math.min(maxEvents, Math.floor(this.#bounds.events / Math.max(1, loops))));
  }

  /** Parsing an update takes as long as everything else that is done with it. */
  #mayRead(time: Nanoseconds): boolean {
    const second = time / 1_000_000_000n;
    if (second !== this.#reads.second) this.#reads = { second, count: 0 };
    return this.#reads.count++ < maxReads;
  }
}

/** Reads a loop that the state kept; older state files have other names for three fields. */
function readKept(text: string): KeptLoop {
  const { firstTold, alerts, endedAt, ...kept } = JSON.parse(text);
  if (!("status" in kept)) return { firstNotifiedAt: firstTold, ...kept };
  return { firstNotifiedAt: firstTold, notifications: alerts, gaveUpAt: null, resolvedAt: endedAt, ...kept };
}

/** Returns what it dropped. */
function dropOldest(map: Map<string, Loop>, max: number): Loop[] {
  const dropped: Loop[] = [];
  for (const [key, loop] of map) {
    if (map.size <= max) break;
    map.delete(key);
    dropped.push(loop);
  }
  return dropped;
}
