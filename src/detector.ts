// The rule `restarts`: that of seatgeek's nomad-crashloop-detector. Which restarts count, when a loop is told and
// when it is told again. No clock, no I/O.
import { Agenda, type Planned } from "./agenda.ts";
import { type Alert, alertId } from "./alert.ts";
import type { Nanoseconds } from "./duration.ts";
import type { KeptRestarts, RestartJournal, Told } from "./journal.ts";
import type { Decision, Rule, ToldLoop } from "./rule.ts";
import { decode, type Restart } from "./update.ts";
import { type Counted, Window, Windows } from "./windows.ts";

/** When a loop is told. */
export interface Thresholds {
  /** This many restarts … */
  readonly restartCount: number;
  /** … younger than this are a crash loop, … */
  readonly restartInterval: Nanoseconds;
  /** … which is told at most this often. */
  readonly notificationInterval: Nanoseconds;
  /** Restarts that a person or a template asked for do not count. */
  readonly ignoreIntended?: boolean;
  /** The end of a loop is told too. */
  readonly notifyResolved?: boolean;
}

/** One name with restarts in its window, or told not long ago. */
class Watched extends Window implements Planned {
  told: Told | undefined = undefined;
  place = -1;
  constructor(readonly name: string) {
    super();
  }
}

/** Of one name at most so many restarts are kept, or `restartCount` where that is more; the oldest make room. */
export const mostRestarts = 10_000;
const latest = (1n << 63n) - 1n;

/**
 * Counts restarts by name and decides what is told. It remembers a name for as long as one of its restarts is
 * in the window or its last alert is younger than `notificationInterval`, and nothing else.
 */
export class Detector implements Rule<Restart> {
  readonly counts = "restart";
  readonly decode = decode;
  readonly #thresholds: Thresholds;
  readonly #journal: RestartJournal;
  readonly #watched = new Map<string, Watched>();
  readonly #agenda = new Agenda<Watched>();
  readonly #windows = new Windows();
  /** Restarts kept of one name. */
  readonly #most: number;
  #arrivals = 0;
  #looping = 0;

  constructor(thresholds: Thresholds, journal: RestartJournal) {
    this.#thresholds = thresholds;
    this.#journal = journal;
    this.#most = Math.max(mostRestarts, thresholds.restartCount);
  }

  get names(): number {
    return this.#watched.size;
  }

  get looping(): number {
    return this.#looping;
  }

  get nextDue(): Nanoseconds | undefined {
    return this.#agenda.next;
  }

  /** Only what other thresholds change in it is reported. */
  restore(kept: KeptRestarts): void {
    for (const [name, restart] of kept.restarts()) {
      const watched = this.#watch(name);
      this.#arrivals = restart.arrival + 1;
      if (!this.#windows.add(watched, this.#leavingAsNow(name, restart))) continue;
      this.#makeRoom(watched);
      this.#agenda.set(watched, this.#windows.emptyAt(watched));
    }
    for (const [name, told] of kept.told()) {
      const watched = this.#watch(name);
      watched.told = told;
      this.#looping++;
      this.#agenda.set(watched, this.#dueAt(told));
    }
  }

  record(restart: Restart, now: Nanoseconds): Decision {
    if (restart.intended && this.#thresholds.ignoreIntended) return { reason: "intended" };
    if (now - restart.time >= this.#thresholds.restartInterval) return { reason: "outside-window" };
    const watched = this.#watch(restart.name);
    this.#windows.drop(watched, now);
    if (!this.#countAll(watched, restart, now)) return { reason: "duplicate" };
    const { told } = watched;
    if (told !== undefined) {
      told.lastEvent = restart.update;
      this.#journal.told(restart.name, told);
    }
    if (watched.size < this.#thresholds.restartCount) {
      return { reason: "below-threshold", counted: watched.size };
    }
    if (told !== undefined) return { reason: "already-notified", counted: watched.size };
    return { reason: "first", alert: this.#tell(watched, restart, now) };
  }

  due(now: Nanoseconds, most: number): Decision[] {
    const decisions: Decision[] = [];
    for (; most > 0 && this.#agenda.next !== undefined && this.#agenda.next <= now; most--) {
      const watched = this.#agenda.take()!;
      const { told, name } = watched;
      this.#windows.drop(watched, now);
      if (told !== undefined) decisions.push(this.#tellAgain(watched, told, now));
      if (watched.told !== undefined) this.#agenda.set(watched, this.#dueAt(watched.told));
      else if (watched.size > 0) this.#agenda.set(watched, this.#windows.emptyAt(watched));
      else this.#watched.delete(name);
    }
    return decisions;
  }

  /** With the restarts that were in the window when something last happened to it. */
  loop(name: string): ToldLoop | undefined {
    const watched = this.#watched.get(name);
    if (watched?.told === undefined) return undefined;
    return { alert: this.#alert(watched, watched.told, "repeat"), told: watched.told.repeats + 1 };
  }

  *loops(): Iterable<string> {
    for (const { name, told } of this.#watched.values()) if (told !== undefined) yield name;
  }

  #watch(name: string): Watched {
    let watched = this.#watched.get(name);
    if (watched === undefined) this.#watched.set(name, watched = new Watched(name));
    return watched;
  }

  /** The restart, and as many more of its time as happened unseen before it. */
  #countAll(watched: Watched, restart: Restart, now: Nanoseconds): boolean {
    if (!this.#count(watched, restart, now)) return false;
    const most = Math.min(restart.notSeen, this.#most);
    for (let more = 1; more <= most; more++) {
      this.#count(watched, { ...restart, identity: (restart.identity + more) % 2 ** 53 }, now);
    }
    return true;
  }

  #count(watched: Watched, { time, identity, name }: Restart, now: Nanoseconds): boolean {
    const restart = { time, identity, leavesAt: this.#leavesAt(time, now), arrival: this.#arrivals };
    if (!this.#windows.add(watched, restart)) return false;
    this.#arrivals++;
    this.#journal.counted(name, restart);
    if (watched.place < 0) this.#agenda.set(watched, restart.leavesAt);
    this.#makeRoom(watched);
    return true;
  }

  #makeRoom(watched: Watched): void {
    while (watched.size > this.#most) this.#journal.dropped(watched.name, this.#windows.dropFirst(watched));
  }

  /** The restart as if it had been counted with the interval of now. One far in the future stays as it is. */
  #leavingAsNow(name: string, restart: Counted): Counted {
    const leavesAt = atMost64Bits(restart.time + this.#thresholds.restartInterval);
    if (leavesAt === restart.leavesAt || restart.leavesAt <= restart.time) return restart;
    const changed = { ...restart, leavesAt };
    this.#journal.dropped(name, restart);
    this.#journal.counted(name, changed);
    return changed;
  }

  /** A time in the future counts; one far in the future not for ever, but for twice the interval. */
  #leavesAt(time: Nanoseconds, now: Nanoseconds): Nanoseconds {
    const { restartInterval } = this.#thresholds;
    const far = now + 2n * restartInterval;
    return atMost64Bits(time > far ? far : time + restartInterval);
  }

  #dueAt({ toldAt }: Told): Nanoseconds {
    return atMost64Bits(toldAt + this.#thresholds.notificationInterval);
  }

  #tell(watched: Watched, restart: Restart, now: Nanoseconds): Alert {
    const { name, allocation, task, time, update } = restart;
    const id = alertId(name, allocation, task, String(time));
    this.#looping++;
    watched.told = { toldAt: now, id, repeats: 0, lastEvent: update };
    this.#agenda.set(watched, this.#dueAt(watched.told));
    this.#journal.told(name, watched.told);
    return this.#alert(watched, watched.told, "first");
  }

  #tellAgain(watched: Watched, told: Told, now: Nanoseconds): Decision {
    const { name } = watched;
    if (watched.size < this.#thresholds.restartCount) {
      watched.told = undefined;
      this.#looping--;
      this.#journal.told(name, undefined);
      const because = "it no longer restarts often enough";
      if (!this.#thresholds.notifyResolved) return { reason: "recovered", name, because };
      return { reason: "recovered", name, because, alert: this.#alert(watched, told, "resolved") };
    }
    const interval = this.#thresholds.notificationInterval;
    told.toldAt += (now - told.toldAt) / interval * interval;
    told.repeats++;
    this.#journal.told(name, told);
    return { reason: "repeat", alert: this.#alert(watched, told, "repeat") };
  }

  #alert(watched: Watched, { id, repeats, lastEvent }: Told, reason: Alert["reason"]): Alert {
    return {
      id: reason === "first" ? id : alertId(id, reason === "repeat" ? String(repeats) : reason),
      loop: id,
      name: watched.name,
      reason,
      lastEvent,
      eventLog: this.#windows.times(watched),
      ...(watched.size >= this.#most ? { limit: this.#most } : {}),
    };
  }
}

/** Columns and files hold times of 64 bits. */
function atMost64Bits(time: Nanoseconds): Nanoseconds {
  return time < latest ? time : latest;
}
