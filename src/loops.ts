// The rule `loops`: a task loops when so many runs in a row failed, none of which was stable. It stays looping
// through every delay of Nomad's, until a run is stable or somebody stops it. No clock, no I/O.
import { Agenda } from "./agenda.ts";
import { type Alert, alertId } from "./alert.ts";
import type { Nanoseconds } from "./duration.ts";
import type { KeptRows, RowJournal } from "./journal.ts";
import { Names } from "./names.ts";
import { clear, mostLogged, newRow, type Row, runningSince, type Step, take } from "./row.ts";
import { setBack, setToldBack } from "./row_clock.ts";
import type { Decision, Rule, ToldLoop } from "./rule.ts";
import { decodeRun, type RunEvent } from "./run_event.ts";
import { inWords, tellStory } from "./story.ts";

/** When a loop is told. */
export interface LoopThresholds {
  /** So many failed runs in a row … */
  readonly restartCount: number;
  /** … none of which lasted this long are a loop, … */
  readonly stableAfter: Nanoseconds;
  /** … which is told at most this often. */
  readonly notificationInterval: Nanoseconds;
  /** Its end is told too. */
  readonly notifyResolved: boolean;
}

/** A row in the agenda, under a number. */
class Watched {
  /** Since when its events are of the past. */
  catchesUpSince: Nanoseconds | undefined = undefined;
  constructor(readonly number: number, readonly name: string, readonly row: Row) {}
}

const second = 1_000_000_000n;
/** An event older than this is of the past: before time decides about its row, what followed is awaited for a
 * moment; all in all no longer than this. */
const past = 30n * second;
const moment = 2n * second;
/** An event so far ahead is of a clock that is wrong. */
const future = 24n * 3600n * second;
/** After so long without an event a task is forgotten: Nomad waits an hour at most unless a job says otherwise. Where
 * it waited longer before, after three times that. */
export const silentAfter = 3n * 3600n * second;
const latest = (1n << 63n) - 1n;

/** How a row ends. */
const ends = {
  stable: (stableAfter: Nanoseconds) => `it ran for ${inWords(stableAfter)}`,
  completed: () => "it completed",
  stopped: () => "it was stopped",
  silent: (_: Nanoseconds, silence: Nanoseconds) => `nothing was heard of it for ${inWords(silence)}`,
};

/** Counts failed runs in a row, by task. A task whose runs do not fail leaves no trace. */
export class Loops implements Rule<RunEvent> {
  readonly counts = "failed run";
  readonly decode = decodeRun;
  readonly #thresholds: LoopThresholds;
  readonly #journal: RowJournal;
  readonly #names = new Names();
  /** By the numbers of their names. */
  readonly #watched: (Watched | undefined)[] = [];
  readonly #agenda = new Agenda();
  /** The clock is that of the wall, not that of the events. */
  #isLive = true;
  /** Until then nothing is done but by events. */
  #quietUntil = -latest;
  #looping = 0;

  constructor(thresholds: LoopThresholds, journal: RowJournal) {
    this.#thresholds = thresholds;
    this.#journal = journal;
  }

  get names(): number {
    return this.#names.size;
  }

  get looping(): number {
    return this.#looping;
  }

  get nextDue(): Nanoseconds | undefined {
    return this.#agenda.next;
  }

  /** Before time alone decides about a row, what happened meanwhile is awaited. */
  restore(kept: KeptRows, now: Nanoseconds | undefined): void {
    this.#isLive = now !== undefined;
    if (now !== undefined) this.#quietUntil = now + past;
    for (const [name, row] of kept.rows()) {
      const watched = this.#watch(name, row);
      if (isTold(row)) this.#looping++;
      this.#agenda.set(watched.number, this.#wakeAt(watched, now ?? row.newest));
    }
  }

  /** On the clock of events, the times of a row are of its node's own clock, and agree with one another. */
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void {
    this.#quietUntil = min(this.#quietUntil, now + past);
    for (const watched of this.#watched) {
      if (watched === undefined) continue;
      if (watched.catchesUpSince !== undefined) watched.catchesUpSince = min(watched.catchesUpSince, now);
      const isTold = setToldBack(watched.row, now);
      const isChanged = this.#isLive && setBack(watched.row, now, from);
      if (isTold || isChanged) this.#keep(watched, now);
      else this.#agenda.set(watched.number, this.#wakeAt(watched, now));
    }
  }

  record(event: RunEvent, now: Nanoseconds): Decision {
    const { name, time, meaning } = event;
    const isFailure = meaning === "failed" || meaning === "failing";
    if (this.#isLive && time - now >= future) return { reason: "outside-window" };
    let watched = this.#find(name);
    if (watched === undefined && !isFailure) return nothing(event);
    const begin = watched === undefined ? now : watched.row.since;
    if (isFailure && begin - time >= silentAfter) return { reason: "outside-window" };
    watched ??= this.#watch(name, newRow(event));
    this.#catchUp(watched, time, now);
    const decision = this.#judge(watched, take(watched.row, event, this.#thresholds.stableAfter), event, now);
    this.#keep(watched, now);
    return decision;
  }

  due(now: Nanoseconds, most: number): Decision[] {
    const decisions: Decision[] = [];
    for (; most > 0 && this.#agenda.next !== undefined && this.#agenda.next <= now; most--) {
      const watched = this.#watched[this.#agenda.take()]!;
      const decision = this.#wake(watched, now);
      if (decision !== undefined) decisions.push(decision);
      if (watched.row.failures === 0 && now >= this.#forgottenAt(watched.row)) this.#forget(watched);
      else this.#keep(watched, now);
    }
    return decisions;
  }

  /** Without the time of Nomad's next attempt, which would soon be of the past. */
  loop(name: string, now: Nanoseconds): ToldLoop | undefined {
    const watched = this.#find(name);
    if (watched === undefined || !isTold(watched.row)) return undefined;
    const { row } = watched;
    const { id, repeats } = row.told!;
    return { alert: this.#alert(watched, id, max(now, row.nextAttempt ?? now)), told: repeats + 1 };
  }

  *loops(): Iterable<string> {
    for (const watched of this.#watched) if (watched && isTold(watched.row)) yield watched.name;
  }

  #find(name: string): Watched | undefined {
    const number = this.#names.find(name);
    return number < 0 ? undefined : this.#watched[number];
  }

  #watch(name: string, row: Row): Watched {
    const number = this.#names.add(name);
    return this.#watched[number] = new Watched(number, name, row);
  }

  /** Where the clock is that of the events, none is of the past. */
  #catchUp(watched: Watched, time: Nanoseconds, now: Nanoseconds): void {
    const since = watched.catchesUpSince;
    if (!this.#isLive || now - time < past) watched.catchesUpSince = undefined;
    else if (since === undefined || now - since >= 2n * past) watched.catchesUpSince = now;
  }

  #forget({ number, name }: Watched): void {
    this.#names.delete(number);
    this.#watched[number] = undefined;
    this.#journal.row(name, undefined);
  }

  #keep(watched: Watched, now: Nanoseconds): void {
    this.#journal.row(watched.name, watched.row);
    this.#agenda.set(watched.number, this.#wakeAt(watched, now));
  }

  #judge(watched: Watched, step: Step, event: RunEvent, now: Nanoseconds): Decision {
    const { row } = watched;
    switch (step) {
      case "failed":
        if (!this.#isLoop(row)) return { reason: "below-threshold", counted: row.failures };
        if (now < this.#mayTellAt(row)) return { reason: "already-notified", counted: row.failures };
        if (watched.catchesUpSince !== undefined) return { reason: "catching-up", counted: row.failures };
        return this.#tell(watched, now);
      case "stable":
      case "completed":
      case "stopped":
        return this.#end(watched, step, event.time, now) ?? { reason: "noted" };
      case "duplicate":
        return { reason: "duplicate" };
      case "noted":
        return nothing(event);
    }
  }

  /** What time alone brings: the end of a loop whose run is stable, a loop told late or again. */
  #wake(watched: Watched, now: Nanoseconds): Decision | undefined {
    const { row } = watched;
    if (row.failures === 0) return undefined;
    const stableAt = this.#stableAt(row);
    if (stableAt !== undefined && now >= stableAt) return this.#end(watched, "stable", stableAt, now);
    if (stableAt === undefined && now >= silentAt(row)) return this.#end(watched, "silent", row.newest, now);
    return this.#isLoop(row) && now >= this.#mayTellAt(row) ? this.#tell(watched, now) : undefined;
  }

  #isLoop({ failures }: Row): boolean {
    return failures >= this.#thresholds.restartCount;
  }

  #mayTellAt({ told }: Row): Nanoseconds {
    return told === undefined ? -latest : told.at + this.#thresholds.notificationInterval;
  }

  /** When something is to be done about a row that no event brings. */
  #wakeAt({ row, catchesUpSince }: Watched, now: Nanoseconds): Nanoseconds {
    let wakeAt = row.failures === 0 ? this.#forgottenAt(row) : this.#stableAt(row) ?? silentAt(row);
    if (this.#isLoop(row)) wakeAt = min(wakeAt, this.#mayTellAt(row));
    if (catchesUpSince !== undefined) wakeAt = max(wakeAt, min(now + moment, catchesUpSince + past));
    return min(max(wakeAt, this.#quietUntil), latest);
  }

  /** When the run that goes on is stable. One that would have been so before the last failure is of the past. */
  #stableAt(row: Row): Nanoseconds | undefined {
    const since = runningSince(row);
    const failedAt = row.log.at(-1)?.time;
    if (since === undefined || failedAt === undefined) return undefined;
    const stableAt = since + this.#thresholds.stableAfter;
    return stableAt > failedAt ? stableAt : undefined;
  }

  /** A row that is over is kept so that its events, when they come again, are no news, and for what was told. */
  #forgottenAt(row: Row): Nanoseconds {
    return max(row.newest + silentAfter, this.#mayTellAt(row));
  }

  #tell(watched: Watched, now: Nanoseconds): Decision {
    const { row, name } = watched;
    if (row.told !== undefined && !row.told.over) {
      const interval = this.#thresholds.notificationInterval;
      row.told.at += (now - row.told.at) / interval * interval;
      row.told.repeats++;
      return {
        reason: "repeat",
        alert: this.#alert(watched, alertId(row.told.id, String(row.told.repeats)), now),
      };
    }
    const id = alertId(name, String(row.since), String(row.log.at(-1)?.time));
    this.#looping++;
    row.told = { id, repeats: 0, at: now, over: false };
    return { reason: "first", alert: this.#alert(watched, id, now) };
  }

  #end(watched: Watched, how: keyof typeof ends, at: Nanoseconds, now: Nanoseconds): Decision | undefined {
    const { row, name } = watched;
    let decision: Decision | undefined;
    if (isTold(row)) {
      this.#looping--;
      const because = ends[how](this.#thresholds.stableAfter, now - row.newest);
      const id = alertId(row.told!.id, "resolved");
      const alert = this.#thresholds.notifyResolved ? this.#alert(watched, id, now, because) : undefined;
      decision = { reason: "recovered", name, because, ...(alert === undefined ? {} : { alert }) };
    }
    clear(row, at);
    return decision;
  }

  #alert({ row, name }: Watched, id: string, now: Nanoseconds, resolved?: string): Alert {
    return {
      id,
      loop: row.told!.id,
      name,
      reason: resolved !== undefined ? "resolved" : row.told!.repeats === 0 ? "first" : "repeat",
      lastEvent: row.lastEvent,
      eventLog: row.log.map(({ time }) => time),
      ...(row.log.length >= mostLogged ? { limit: mostLogged } : {}),
      story: tellStory(row, now, resolved),
    };
  }
}

function isTold({ told }: Row): boolean {
  return told !== undefined && !told.over;
}

/** When a task that does not run has been silent for too long. */
function silentAt({ log, newest }: Row): Nanoseconds {
  const [before, last] = log.slice(-2);
  const pause = before === undefined || last === undefined ? 0n : last.time - before.time;
  return newest + max(silentAfter, 3n * pause);
}

function nothing({ type, meaning }: RunEvent): Decision {
  return { reason: type === "Restarting" && meaning === "nothing" ? "intended" : "noted" };
}

function min(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a < b ? a : b;
}

function max(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a > b ? a : b;
}
