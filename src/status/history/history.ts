// The history of loops that the page shows beyond the rule's own state: their events, and the loops that were resolved or
// given up. Everything is bounded.
import type { Alert } from "../../detection/alert/alert.ts";
import { detailsOf } from "../../detection/alert/details_of.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Kept, LoopMemory } from "../../state/store.ts";
import type { Observer } from "../../pipeline/pipeline.ts";
import type { Decision, Rule } from "../../detection/rule.ts";
import type { RuleEvent } from "../../detection/event.ts";
import { Listeners } from "../../lib/listeners.ts";
import { formatTime } from "../../lib/time.ts";
import { loopView, milliseconds, timeline } from "../api/loop_view.ts";
import { FailingKeys, fewEvents } from "./failing_keys.ts";
import { type KeptLoop, keptOf, learn, resolvedOf } from "./kept_loop.ts";
import { type Bounds, defaultBounds, dropOldest, type Loop } from "./loop.ts";
import { addNotifiedEvents } from "./notified_events.ts";
import { maxEvents, TaskHistory } from "./task_history.ts";
import type { LoopSources } from "../runtime_info.ts";
import type { AllocationView, LoopView } from "../view.ts";

const noMemory = { remember: () => {} };

/** The loops that the page can show. */
export class LoopHistory implements Observer {
  readonly #listeners = new Listeners<[loop: Loop]>();
  readonly #rule: Pick<Rule, "loop" | "loops">;
  readonly #bounds: Bounds;
  readonly #memory: LoopMemory;
  readonly #sources: LoopSources;
  /** Active loops by name, the oldest first. */
  readonly #looping = new Map<string, Loop>();
  /** Loops that Nomad has given up, by name. */
  readonly #gaveUp = new Map<string, Loop>();
  /** Resolved loops by id, in the order in which they were resolved. */
  readonly #resolved = new Map<string, Loop>();
  readonly #failing: FailingKeys;

  /** `memory` keeps loops over a restart of the program; `sources` know what the rule does not. */
  constructor(
    rule: Pick<Rule, "loop" | "loops">,
    bounds: Bounds = defaultBounds,
    memory: LoopMemory = noMemory,
    sources: LoopSources = {},
  ) {
    this.#rule = rule;
    this.#bounds = bounds;
    this.#failing = new FailingKeys(bounds.failing);
    this.#memory = memory;
    this.#sources = sources;
  }

  /** Takes over the active loops of the rule, and loops from the state. */
  restore(now: Nanoseconds, kept: Pick<Kept, "remembered"> = { remembered: () => [] }): void {
    const active = new Map<string, KeptLoop>();
    for (const [id, text] of kept.remembered()) {
      const loop: KeptLoop = JSON.parse(text);
      if ("status" in loop) {
        const history = new TaskHistory();
        this.#resolved.set(id, { id, name: loop.name, history, restored: true, ...resolvedOf(loop) });
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
        const { firstNotifiedAt, since, cause = null, context } = was;
        loop.view = { ...loop.view, firstNotifiedAt, since, cause: loop.view.cause ?? cause };
        loop.context ??= context;
      }
    }
    // These were resolved while no status server ran.
    for (const id of active.keys()) this.#memory.remember(id, undefined);
  }

  /** Calls the listener at every change, until it is disposed. */
  subscribe(listener: (loop: Loop) => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** All loops; the counts, times, status and causes of their views are up to date. */
  *loops(): Iterable<Loop> {
    for (const loops of [this.#looping, this.#gaveUp]) {
      for (const loop of loops.values()) {
        this.#learn(loop);
        yield loop;
      }
    }
    yield* this.#resolved.values();
  }

  /** The loop as it is now. */
  view(loop: Loop, now: Nanoseconds): LoopView {
    if (loop.view.status !== "resolved") this.#learn(loop);
    if (loop.view.status !== "looping") return loop.view;
    const active = this.#rule.loop(loop.name, now);
    if (active === undefined || active.alert.loop !== loop.id) return loop.view;
    const { alert, notified } = active;
    const { since, firstNotifiedAt, cause } = loop.view;
    return loop.view = loopView(alert, {
      notifications: notified,
      times: loop.history.times,
      since: alert.details === undefined ? since : undefined,
      firstNotifiedAt,
      cause,
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
    const view = this.view(loop, now);
    const { restored, history, context = null } = loop;
    return { loop: view, restored, events: history.views(), context };
  }

  recorded(event: RuleEvent, decision: Decision, now: Nanoseconds): void {
    const { reason } = decision;
    if (reason === "duplicate" || reason === "outside-window") return;
    const { name } = event;
    const loop = this.#looping.get(name);
    const counts = "counted" in decision || reason === "first" || reason === "repeat" || reason === "muted";
    const history = loop?.history ?? (counts ? this.#failing.failed(name, now) : this.#failing.get(name));
    if (history === undefined) return;
    if (counts) history.count(event.time);
    const max = loop === undefined ? fewEvents : this.#eventsOfEach();
    history.add(event, max, loop !== undefined || this.#failing.mayRead(event.time));
    if (loop !== undefined) this.#count(loop, decision, event);
    this.decided(decision, now);
  }

  decided(decision: Decision, now: Nanoseconds): void {
    switch (decision.reason) {
      case "first":
      case "repeat":
      case "muted":
        return this.#notify(decision.alert.name, now, decision.alert);
      case "resolved":
        return this.#resolve(decision.name, decision.cause, decision.alert, now);
      case "gave-up":
        if (!this.#looping.has(decision.name)) this.#notify(decision.name, now);
        this.#giveUp(decision.name, now);
        return this.#learn(this.#gaveUp.get(decision.name));
    }
  }

  /** The view of a resolved loop is that of its last change: the rule no longer knows the loop by then. */
  #count(loop: Loop, decision: Decision, { time }: RuleEvent): void {
    this.#learn(loop);
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

  #notify(name: string, now: Nanoseconds, notified?: Alert): void {
    const known = this.#looping.get(name);
    const active = this.#rule.loop(name, now);
    const alert = active?.alert ?? notified;
    if (alert === undefined) return;
    const isFirst = notified?.reason === "first" && detailsOf(notified).Muted === undefined;
    const firstNotifiedAt = isFirst ? formatTime(now) : null;
    if (known?.id === alert.loop) {
      const notifications = active?.notified ?? known.view.notifications;
      known.view = {
        ...known.view,
        notifications,
        firstNotifiedAt: known.view.firstNotifiedAt ?? firstNotifiedAt,
        // A mute that has passed is notified without another event.
        muted: detailsOf(alert).Muted ?? null,
      };
      if (isFirst) this.#keep(known.id, { firstNotifiedAt, since: known.view.since });
      return this.#changed(known);
    }
    const history = this.#failing.take(name);
    addNotifiedEvents(history, alert);
    const view = loopView(alert, {
      notifications: active?.notified ?? 1,
      times: history.times,
      firstNotifiedAt,
    });
    const loop: Loop = { id: alert.loop, name, history, restored: notified === undefined, view };
    this.#looping.set(name, loop);
    if (firstNotifiedAt !== null) this.#keep(loop.id, keptOf(loop));
    for (const { id } of dropOldest(this.#looping, this.#bounds.looping)) this.#keep(id, undefined);
    this.#changed(loop);
  }

  /** Moves a loop that Nomad has given up. */
  #giveUp(name: string, now: Nanoseconds): void {
    const loop = this.#looping.get(name);
    const notified = this.#rule.loop(name, now);
    if (loop === undefined || notified?.gaveUpAt === undefined) return;
    this.#looping.delete(name);
    const { since, firstNotifiedAt, cause } = loop.view;
    const view = loopView(notified.alert, {
      notifications: notified.notified,
      times: loop.history.times,
      since,
      firstNotifiedAt,
      cause,
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
    this.#learn(loop);
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
    this.#keep(loop.id, keptOf(loop));
    this.#forgetOldest();
    this.#changed(loop);
  }

  /** Not while it restores: what the state kept would be lost. */
  #learn(loop: Loop | undefined): void {
    if (loop !== undefined && learn(loop, this.#sources)) this.#keep(loop.id, keptOf(loop));
  }

  #changed(loop: Loop): void {
    this.#listeners.call(loop);
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
}
