// What the page shows and the rule does not keep: the last hour of what restarts, the events of what loops, and the
// loops that ended or were given up. Bounded in all: 10,000 loops that go on, 10,000 that were given up and 1,000 that ended, with 100,000 events together where
// they have ten each or more; and 10,000 names that restarted in the last hour without being a loop.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Kept, LoopMemory } from "../state/store.ts";
import type { Observer } from "../pipeline/pipeline.ts";
import type { Decision, Rule } from "../detection/rule.ts";
import type { RuleEvent } from "../detection/event.ts";
import { formatTime } from "../lib/time.ts";
import { detailsOf } from "../detection/alert/details_of.ts";
import { hour, loopView, milliseconds, timeline } from "./loop_view.ts";
import { maxEvents, Trace } from "./task_history.ts";
import type { AllocationView, LoopView } from "./view.ts";

/** How much is remembered. */
export interface Bounds {
  readonly looping: number;
  readonly ended: number;
  /** Names that restart and are no loop. */
  readonly restarting: number;
  /** Events of loops, all together, unless each has only ten; of one loop 200 at most. */
  readonly events: number;
}

const defaultBounds: Bounds = { looping: 10_000, ended: 1_000, restarting: 10_000, events: 100_000 };
/** Of a name that is no loop, and of one among very many loops. */
const fewEvents = 10;
/** Updates of the rule `restarts` that are read in one second for the words of an event, where nothing loops. */
const maxReads = 1_000;

/** A loop that was told. */
export interface Remembered {
  readonly id: string;
  readonly name: string;
  readonly trace: Trace;
  /** It was told before the start: of what was before, it has what the state kept. */
  readonly restored: boolean;
  /** As it was when it was last looked at; something happened since then where it is `stale`. */
  view: LoopView;
  stale: boolean;
}

/** What the ledger keeps of a loop: of one that goes on what the rule does not know, of one that ended all of it. */
type KeptLoop = Pick<LoopView, "firstNotifiedAt" | "since"> | LoopView;

const nothing = { remember: () => {} };

/** Remembers loops. */
export class History implements Observer {
  /** Called when there is something new to show of a loop. */
  onChange: (loop: Remembered) => void = () => {};
  readonly #rule: Pick<Rule, "loop" | "loops">;
  readonly #bounds: Bounds;
  readonly #memory: LoopMemory;
  /** By name, the oldest first. */
  readonly #looping = new Map<string, Remembered>();
  /** Those that Nomad makes no further attempt at, by name. */
  readonly #gaveUp = new Map<string, Remembered>();
  /** By id, in the order in which they ended. */
  readonly #ended = new Map<string, Remembered>();
  /** Of names that are no loop, in the order in which they restarted last. */
  readonly #restarting = new Map<string, Trace>();
  #reads = { second: 0n, count: 0 };

  /** What it is to find again after a start it reports to `memory`. */
  constructor(
    rule: Pick<Rule, "loop" | "loops">,
    bounds: Bounds = defaultBounds,
    memory: LoopMemory = nothing,
  ) {
    this.#rule = rule;
    this.#bounds = bounds;
    this.#memory = memory;
  }

  /** Goes on with the loops that the rule goes on with, and with those that ended before. */
  restore(now: Nanoseconds, kept: Pick<Kept, "remembered"> = { remembered: () => [] }): void {
    const goingOn = new Map<string, KeptLoop>();
    for (const [id, text] of kept.remembered()) {
      const loop: KeptLoop = JSON.parse(text);
      if ("status" in loop) {
        this.#ended.set(id, {
          id,
          name: loop.name,
          trace: new Trace(),
          restored: true,
          view: loop,
          stale: false,
        });
      } else goingOn.set(id, loop);
    }
    this.#forgetOldest();
    for (const name of this.#rule.loops()) {
      if (this.#looping.size >= this.#bounds.looping) break;
      this.#notify(name, now);
      this.#setApart(name, now);
      const loop = this.#looping.get(name);
      if (loop === undefined) continue;
      const was = goingOn.get(loop.id);
      goingOn.delete(loop.id);
      if (was !== undefined) {
        loop.view = { ...loop.view, firstNotifiedAt: was.firstNotifiedAt, since: was.since };
      }
      // The clock may be that of the events, which is not known before the first.
      loop.stale = true;
    }
    // They ended while nobody remembered it.
    for (const id of goingOn.keys()) this.#memory.remember(id, undefined);
  }

  /** All loops; what their views say of their counts and times is true, even where they are stale. */
  *loops(): Iterable<Remembered> {
    yield* this.#looping.values();
    yield* this.#gaveUp.values();
    yield* this.#ended.values();
  }

  /** The loop as it is now. */
  view(loop: Remembered, now: Nanoseconds): LoopView {
    if (!loop.stale) return loop.view;
    loop.stale = false;
    const notified = this.#rule.loop(loop.name, now);
    if (notified === undefined || notified.alert.loop !== loop.id) return loop.view;
    const { since, firstNotifiedAt } = loop.view;
    const keepSince = notified.alert.details === undefined ? since : undefined;
    const { times } = loop.trace;
    return loop.view = loopView(notified.alert, {
      notified: notified.notified,
      times,
      since: keepSince,
      firstNotifiedAt,
    });
  }

  /** By name or id of a loop, or by an allocation: those that go on before those that ended, the youngest first. */
  find(what: string, now: Nanoseconds): AllocationView | undefined {
    const loop = this.#looping.get(what) ?? this.#gaveUp.get(what) ?? this.#ended.get(what) ??
      [...this.#looping.values(), ...this.#gaveUp.values(), ...[...this.#ended.values()].reverse()]
        .find((loop) =>
          loop.id === what || loop.name === what || loop.view.allocation === what || loop.trace.knows(what)
        );
    if (loop === undefined) return undefined;
    return { loop: this.view(loop, now), restored: loop.restored, events: loop.trace.views() };
  }

  recorded(event: RuleEvent, decision: Decision, now: Nanoseconds): void {
    const { reason } = decision;
    if (reason === "duplicate" || reason === "outside-window") return;
    const { name } = event;
    const loop = this.#looping.get(name);
    const counts = "counted" in decision || reason === "first" || reason === "repeat";
    const trace = loop?.trace ?? (counts ? this.#restarted(name, now) : this.#restarting.get(name));
    if (trace === undefined) return;
    if (counts) trace.count(event.time);
    const most = loop === undefined ? fewEvents : this.#eventsOfEach();
    trace.add(event, most, loop !== undefined || this.#mayRead(event.time));
    if (loop !== undefined) this.#changed(loop, decision, event);
    this.decided(decision, now);
  }

  decided(decision: Decision, now: Nanoseconds): void {
    switch (decision.reason) {
      case "first":
      case "repeat":
        return this.#notify(decision.alert.name, now, decision.alert);
      case "resolved":
        return this.#end(decision.name, decision.cause, decision.alert, now);
      case "gave-up":
        if (!this.#looping.has(decision.name)) this.#notify(decision.name, now);
        return this.#setApart(decision.name, now);
    }
  }

  /** Where nobody looks, what counts is remembered all the same, for the end. */
  #changed(loop: Remembered, decision: Decision, { time }: RuleEvent): void {
    loop.stale = true;
    if ("counted" in decision) {
      const lastAt = formatTime(time);
      const { times } = loop.trace;
      loop.view = {
        ...loop.view,
        count: decision.counted,
        lastAt,
        timeline: timeline(times, milliseconds(time)),
      };
    }
    this.onChange(loop);
  }

  #restarted(name: string, now: Nanoseconds): Trace {
    const trace = this.#restarting.get(name) ?? new Trace();
    this.#restarting.delete(name);
    this.#restarting.set(name, trace);
    for (const [oldest, { last }] of this.#restarting) {
      const isOver = last > -Infinity && last <= milliseconds(now) - hour;
      if (!isOver && this.#restarting.size <= this.#bounds.restarting) break;
      if (oldest !== name) this.#restarting.delete(oldest);
      else break;
    }
    return trace;
  }

  #notify(name: string, now: Nanoseconds, notified?: Alert): void {
    const known = this.#looping.get(name);
    const going = this.#rule.loop(name, now);
    const alert = going?.alert ?? notified;
    if (alert === undefined) return;
    if (known?.id === alert.loop) {
      known.stale = true;
      return this.onChange(known);
    }
    const trace = this.#restarting.get(name) ?? new Trace();
    this.#restarting.delete(name);
    addWhatIsTold(trace, alert);
    const firstNotifiedAt = notified?.reason === "first" ? formatTime(now) : null;
    const view = loopView(alert, { notified: going?.notified ?? 1, times: trace.times, firstNotifiedAt });
    const loop = { id: alert.loop, name, trace, restored: notified === undefined, view, stale: false };
    this.#looping.set(name, loop);
    if (firstNotifiedAt !== null) this.#keep(loop.id, { firstNotifiedAt, since: view.since });
    for (const { id } of dropOldest(this.#looping, this.#bounds.looping)) this.#keep(id, undefined);
    this.onChange(loop);
  }

  /** Where Nomad has given the loop up. */
  #setApart(name: string, now: Nanoseconds): void {
    const loop = this.#looping.get(name);
    const notified = this.#rule.loop(name, now);
    if (loop === undefined || notified?.gaveUpAt === undefined) return;
    this.#looping.delete(name);
    const { since, firstNotifiedAt } = loop.view;
    const view = loopView(notified.alert, {
      notified: notified.notified,
      times: loop.trace.times,
      since,
      firstNotifiedAt,
    });
    loop.stale = false;
    loop.view = { ...view, status: "gave-up", gaveUpAt: formatTime(notified.gaveUpAt) };
    this.#gaveUp.set(name, loop);
    dropOldest(this.#gaveUp, this.#bounds.looping);
    this.onChange(loop);
  }

  #end(name: string, cause: string, alert: Alert | undefined, now: Nanoseconds): void {
    const loop = this.#looping.get(name) ?? this.#gaveUp.get(name);
    if (loop === undefined) return;
    this.#looping.delete(name);
    this.#gaveUp.delete(name);
    const details = alert?.details;
    loop.stale = false;
    loop.view = {
      ...loop.view,
      status: "resolved",
      count: details?.Failures ?? loop.view.count,
      notifications: loop.view.notifications + (alert === undefined ? 0 : 1),
      resolvedAt: formatTime(now),
      reason: details?.Reason ?? cause,
    };
    this.#ended.set(loop.id, loop);
    this.#keep(loop.id, loop.view);
    this.#forgetOldest();
    this.onChange(loop);
  }

  #forgetOldest(): void {
    for (const { id } of dropOldest(this.#ended, this.#bounds.ended)) this.#keep(id, undefined);
  }

  #keep(id: string, loop: KeptLoop | undefined): void {
    this.#memory.remember(id, loop && JSON.stringify(loop));
  }

  #eventsOfEach(): number {
    const loops = this.#looping.size + this.#gaveUp.size + this.#ended.size;
    return Math.max(fewEvents, Math.min(maxEvents, Math.floor(this.#bounds.events / Math.max(1, loops))));
  }

  /** To read an update takes as long as all else that is done with it. */
  #mayRead(time: Nanoseconds): boolean {
    const second = time / 1_000_000_000n;
    if (second !== this.#reads.second) this.#reads = { second, count: 0 };
    return this.#reads.count++ < maxReads;
  }
}

/** Yields what it dropped. */
function dropOldest(map: Map<string, Remembered>, most: number): Remembered[] {
  const dropped: Remembered[] = [];
  for (const [key, loop] of map) {
    if (map.size <= most) break;
    map.delete(key);
    dropped.push(loop);
  }
  return dropped;
}

/** After a start nothing was seen yet of a loop that goes on; what is told of it was seen before. */
function addWhatIsTold(trace: Trace, alert: Alert): void {
  if (trace.times.length < alert.eventLog.length) {
    trace.times.length = 0;
    for (const time of alert.eventLog) trace.count(time);
  }
  const events = detailsOf(alert).Events.map(({ Type, DisplayMessage, Time }) => ({
    time: timeOf(Time),
    type: Type,
    message: DisplayMessage,
  }));
  trace.addNotified(events);
}

/** The time that `formatTime` wrote. */
function timeOf(text: string): Nanoseconds {
  const [, seconds, fraction = "", zone] = /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const whole = Date.parse(`${seconds}${zone}`);
  return (Number.isNaN(whole) ? 0n : BigInt(whole) * 1_000_000n) + BigInt(fraction.padEnd(9, "0"));
}
