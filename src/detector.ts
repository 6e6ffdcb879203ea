// The rule: which restarts count, when a loop is told and when it is told again. No clock, no I/O: the time
// comes as an argument.
import { Agenda } from "./agenda.ts";
import { type Alert, alertId } from "./alert.ts";
import type { Nanoseconds } from "./duration.ts";
import type { Restart } from "./update.ts";
import { Window } from "./window.ts";

/** When a loop is told. */
export interface Thresholds {
  /** This many restarts … */
  readonly restartCount: number;
  /** … younger than this are a crash loop, … */
  readonly restartInterval: Nanoseconds;
  /** … which is told at most this often. */
  readonly notificationInterval: Nanoseconds;
}

/** What the rule made of a restart, or of time going by. */
export type Decision =
  /** Seen before: not counted again. */
  | { readonly reason: "duplicate" }
  /** Too old to count. */
  | { readonly reason: "outside-window" }
  | { readonly reason: "below-threshold"; readonly counted: number }
  /** Enough restarts, but told less than `notificationInterval` ago. */
  | { readonly reason: "already-notified"; readonly counted: number }
  | { readonly reason: "first" | "repeat"; readonly alert: Alert }
  /** Told once, and `notificationInterval` later no longer looping. */
  | { readonly reason: "recovered"; readonly name: string };

/** One name with restarts in its window, or told not long ago. */
interface Watched {
  readonly name: string;
  readonly window: Window;
  /** When this is looked at again: the one entry of the agenda that is not stale. */
  wakeAt: Nanoseconds;
  told: Told | undefined;
}

interface Told {
  /** When it may be told again. */
  dueAt: Nanoseconds;
  /** Id of the first alert, and how many repeats followed. */
  readonly id: string;
  repeats: number;
  /** The last restart's update, for the repeat. */
  lastEvent: string;
}

/**
 * Counts restarts by name and decides what is told. It remembers a name for as long as one of its restarts is
 * in the window or its last alert is younger than `notificationInterval`, and nothing else.
 */
export class Detector {
  readonly #thresholds: Thresholds;
  readonly #watched = new Map<string, Watched>();
  readonly #agenda = new Agenda<Watched>();

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  /** How many names are remembered. */
  get names(): number {
    return this.#watched.size;
  }

  /** When `due` has something to do next. */
  get nextDue(): Nanoseconds | undefined {
    return this.#agenda.next;
  }

  /** Counts a restart at the time `now`. What fell due before `now` must have been asked for with `due`. */
  record(restart: Restart, now: Nanoseconds): Decision {
    const { restartCount, restartInterval, notificationInterval } = this.#thresholds;
    if (now - restart.time >= restartInterval) return { reason: "outside-window" };
    const watched = this.#watched.get(restart.name) ?? this.#watch(restart);
    const { window } = watched;
    window.drop(now - restartInterval);
    if (!window.add(restart)) return { reason: "duplicate" };
    const { told } = watched;
    if (told !== undefined) told.lastEvent = restart.update;
    if (window.size < restartCount) return { reason: "below-threshold", counted: window.size };
    if (told !== undefined) return { reason: "already-notified", counted: window.size };
    const id = alertId(restart.name, restart.allocation, restart.task, String(restart.time));
    watched.told = { dueAt: now + notificationInterval, id, repeats: 0, lastEvent: restart.update };
    this.#wake(watched, watched.told.dueAt);
    return { reason: "first", alert: this.#alert(watched, watched.told) };
  }

  /** What time alone decides, up to `now`: loops told again, loops over. Names with nothing left are forgotten. */
  due(now: Nanoseconds): Decision[] {
    const decisions: Decision[] = [];
    while (this.#agenda.next !== undefined && this.#agenda.next <= now) {
      const { at, thing: watched } = this.#agenda.take()!;
      if (at !== watched.wakeAt) continue;
      const { window, told, name } = watched;
      window.drop(now - this.#thresholds.restartInterval);
      if (told !== undefined) decisions.push(this.#tellAgain(watched, told, now));
      if (watched.told !== undefined) this.#wake(watched, watched.told.dueAt);
      else if (window.size > 0) this.#wake(watched, window.newest + this.#thresholds.restartInterval);
      else this.#watched.delete(name);
    }
    return decisions;
  }

  #watch({ name, time }: Restart): Watched {
    const watched: Watched = { name, window: new Window(), wakeAt: time, told: undefined };
    this.#watched.set(name, watched);
    this.#wake(watched, time + this.#thresholds.restartInterval);
    return watched;
  }

  #wake(watched: Watched, at: Nanoseconds): void {
    watched.wakeAt = at;
    this.#agenda.add(at, watched);
  }

  #tellAgain(watched: Watched, told: Told, now: Nanoseconds): Decision {
    if (watched.window.size < this.#thresholds.restartCount) {
      watched.told = undefined;
      return { reason: "recovered", name: watched.name };
    }
    const interval = this.#thresholds.notificationInterval;
    told.dueAt += ((now - told.dueAt) / interval + 1n) * interval;
    told.repeats++;
    return { reason: "repeat", alert: this.#alert(watched, told) };
  }

  #alert({ name, window }: Watched, { id, repeats, lastEvent }: Told): Alert {
    return {
      id: repeats === 0 ? id : alertId(id, String(repeats)),
      name,
      reason: repeats === 0 ? "first" : "repeat",
      lastEvent,
      eventLog: window.times(),
    };
  }
}
