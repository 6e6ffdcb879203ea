// The rule `loops`: a task loops when so many runs in a row failed, none of which was stable. It stays looping
// through every delay of Nomad's, until a run is stable or somebody stops it. No clock, no I/O.
import { Agenda } from "../../lib/offheap/indexed_heap.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { flaps, quieten, quietSince, stableAfterOf, toldAnew } from "./flapping.ts";
import type { JobEvent } from "../decode/job_event.ts";
import type { KeptRows, RowJournal } from "../journal.ts";
import { Names } from "../../lib/offheap/interner.ts";
import {
  clear,
  isNewsOfLife,
  mostLogged,
  newRow,
  type Row,
  runningSince,
  type Step,
  take,
} from "./streak.ts";
import { setBack, setToldBack } from "./clock_correction.ts";
import { ByJob } from "./streaks_by_job.ts";
import type { Decision, FailingTask, Rule, ToldLoop } from "../rule.ts";
import { decodeRun, type RunEvent } from "../decode/run_event.ts";
import { Sight } from "../visibility.ts";
import { failuresDetails, inWords } from "../alert/details.ts";

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
  /** What became of its job, where that is yet to be decided. */
  fate: JobEvent | undefined = undefined;
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
  quiet: (stableAfter: Nanoseconds) => `no run failed for ${inWords(stableAfter)}`,
  completed: () => "it completed",
  stopped: () => "it was stopped",
  gone: () => "its job is gone",
  silent: (_: Nanoseconds, silence: Nanoseconds) => `nothing was heard of it for ${inWords(silence)}`,
};

/** Counts failed runs in a row, by task. A task whose runs do not fail leaves no trace. */
export class Loops implements Rule<RunEvent | JobEvent> {
  readonly counts = "failed run";
  readonly decode = decodeRun;
  readonly #thresholds: LoopThresholds;
  readonly #journal: RowJournal;
  readonly #names = new Names();
  /** By the numbers of their names. */
  readonly #watched: (Watched | undefined)[] = [];
  readonly #agenda = new Agenda();
  readonly #sight: Sight;
  /** Rows whose time has come, by the time up to which it must be seen first what happened. */
  readonly #unseen = new Agenda();
  readonly #byJob = new ByJob<Watched>();
  /** The clock is that of the wall, not that of the events. */
  #isLive = true;
  /** Until then nothing is done but by events. */
  #quietUntil = -latest;
  #looping = 0;

  /** Time alone decides nothing that is not in `sight`. */
  constructor(thresholds: LoopThresholds, journal: RowJournal, sight = new Sight()) {
    this.#thresholds = thresholds;
    this.#journal = journal;
    this.#sight = sight;
  }

  get names(): number {
    return this.#names.size;
  }

  get looping(): number {
    return this.#looping;
  }

  get nextDue(): Nanoseconds | undefined {
    const { next } = this.#agenda;
    if (!this.#comesIntoSight()) return next;
    return next === undefined ? this.#sight.until : min(next, this.#sight.until);
  }

  /** Before time alone decides about a row, what happened meanwhile is awaited. */
  restore(kept: KeptRows, now: Nanoseconds | undefined): void {
    this.#isLive = now !== undefined;
    if (now !== undefined) this.#quietUntil = now + past;
    for (const [name, row] of kept.rows()) {
      const watched = this.#watch(name, row);
      if (isTold(row)) this.#looping++;
      this.#sight.restore(row.newest);
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

  record(event: RunEvent | JobEvent, now: Nanoseconds): Decision {
    if (event.kind === "job") return this.#takeJob(event, now);
    const { name, time, meaning } = event;
    const isFailure = meaning === "failed" || meaning === "failing";
    if (this.#isLive && time - now >= future) return { reason: "outside-window" };
    let watched = this.#find(name);
    if (watched === undefined && !isFailure) return nothing(event);
    const begin = watched === undefined ? now : watched.row.since;
    if (isFailure && begin - time >= silentAfter) return { reason: "outside-window" };
    watched ??= this.#watch(name, newRow(event));
    this.#catchUp(watched, time, now);
    this.#doubt(watched.row, event);
    const runsAgain = this.#runsAgain(watched, event);
    const step = take(watched.row, event, this.#stableAfter(watched.row));
    const decision = this.#judge(watched, step, event, now);
    this.#keep(watched, now);
    return runsAgain ?? decision;
  }

  due(now: Nanoseconds, most: number): Decision[] {
    const decisions: Decision[] = [];
    for (; most > 0; most--) {
      const agenda = this.#dueAt(now);
      if (agenda === undefined) break;
      const watched = this.#watched[agenda.take()];
      if (watched === undefined) continue;
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
    if (watched === undefined || !isShown(watched.row)) return undefined;
    const { row } = watched;
    const { id, repeats, at } = row.told!;
    const alert = this.#alert(watched, id, max(now, row.nextAttempt ?? now));
    if (!hasGivenUp(row)) return { alert, told: repeats + 1 };
    return { alert, told: repeats + 1 + Number(this.#thresholds.notifyResolved), gaveUpAt: at };
  }

  *loops(): Iterable<string> {
    for (const watched of this.#watched) if (watched && isShown(watched.row)) yield watched.name;
  }

  *failing(): Iterable<FailingTask> {
    for (const watched of this.#watched) {
      if (watched === undefined || watched.row.failures === 0) continue;
      const { key: { Namespace = "", JobID }, runs } = watched.row;
      const { allocation = "", made = 0 } = runs.at(-1) ?? {};
      yield { namespace: Namespace, job: JobID, allocation, made };
    }
  }

  #find(name: string): Watched | undefined {
    const number = this.#names.find(name);
    return number < 0 ? undefined : this.#watched[number];
  }

  #watch(name: string, row: Row): Watched {
    const number = this.#names.add(name);
    const watched = this.#watched[number] = new Watched(number, name, row);
    this.#byJob.add(row.key, watched);
    return watched;
  }

  /** Where the clock is that of the events, none is of the past. */
  #catchUp(watched: Watched, time: Nanoseconds, now: Nanoseconds): void {
    const since = watched.catchesUpSince;
    if (!this.#isLive || now - time < past) watched.catchesUpSince = undefined;
    else if (since === undefined || now - since >= 2n * past) watched.catchesUpSince = now;
  }

  /** Where what is due stands. */
  #dueAt(now: Nanoseconds): Agenda | undefined {
    const { next } = this.#agenda;
    if (next !== undefined && next <= now) return this.#agenda;
    return this.#comesIntoSight() ? this.#unseen : undefined;
  }

  /** Whether it is seen by now what a row waited for. */
  #comesIntoSight(): boolean {
    const { next } = this.#unseen;
    return next !== undefined && this.#sight.saw(next);
  }

  /** Where events can be missing before this one, the run that it ends may have begun later than is known. */
  #doubt(row: Row, { allocation, time, startedAt, afterGap }: RunEvent): void {
    const run = row.runs.find((run) => run.allocation === allocation);
    if (run?.startedAt === undefined || time <= run.startedAt) return;
    if (!afterGap && !this.#sight.mayHaveLost(run.startedAt)) return;
    if (startedAt !== undefined && startedAt < run.startedAt + second) return;
    run.startedAt = startedAt !== undefined && startedAt <= time ? startedAt : undefined;
  }

  #forget(watched: Watched): void {
    const { number, name, row } = watched;
    this.#byJob.delete(row.key, watched);
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
      case "completed":
        if (flaps(row)) {
          quieten(row, event.time);
          return { reason: "noted" };
        }
        return this.#end(watched, step, event.time, now) ?? { reason: "noted" };
      case "stable":
      case "stopped":
        return this.#end(watched, step, event.time, now) ?? { reason: "noted" };
      case "duplicate":
        return { reason: "duplicate" };
      case "noted":
        return nothing(event);
    }
  }

  /** What happens to a job falls due for its rows at once, since one event has one decision. */
  #takeJob(event: JobEvent, now: Nanoseconds): Decision {
    for (const watched of this.#byJob.of(event.namespace, event.job)) {
      if (!concerns(event, watched.row)) continue;
      if (event.fate === "waits") {
        watched.row.nextAttempt = event.until;
        this.#keep(watched, now);
      } else {
        watched.fate = event;
        this.#agenda.set(watched.number, now);
      }
    }
    return { reason: "noted" };
  }

  /** What became of its job, of whose row nothing newer is known by now. */
  #decideFate(watched: Watched, event: JobEvent, now: Nanoseconds): Decision | undefined {
    const { row, name } = watched;
    if (!concerns(event, row) || event.fate === "waits") return undefined;
    if (event.fate !== "gave-up") {
      if (hasGivenUp(row)) return this.#close(watched, ends[event.fate]());
      return this.#end(watched, event.fate, row.newest, now);
    }
    if (hasGivenUp(row)) return undefined;
    if (!isTold(row)) {
      if (!this.#isLoop(row)) return void clear(row, row.newest);
      row.told = { id: this.#newId(watched), repeats: 0, at: now, over: false };
    } else this.#looping--;
    row.told!.gaveUp = true;
    row.told!.at = now;
    row.nextAttempt = undefined;
    const alert = this.#alert(watched, alertId(row.told!.id, "gave-up"), now);
    return {
      reason: "gave-up",
      name,
      because: alert.details!.Reason,
      ...(this.#thresholds.notifyResolved ? { alert } : {}),
    };
  }

  /** Somebody runs again what Nomad had given up: it is another loop, if it becomes one. */
  #runsAgain(watched: Watched, event: RunEvent): Decision | undefined {
    if (!hasGivenUp(watched.row) || !isNewsOfLife(watched.row, event)) return undefined;
    return this.#close(watched, "it runs again");
  }

  /** Of what was given up the end was told before. */
  #close({ row, name }: Watched, because: string): Decision {
    clear(row, row.newest);
    delete row.told;
    return { reason: "recovered", name, because };
  }

  /** What time alone brings: the end of a loop whose run is stable, a loop told late or again. */
  #wake(watched: Watched, now: Nanoseconds): Decision | undefined {
    const { row, fate } = watched;
    watched.fate = undefined;
    if (row.failures === 0) return undefined;
    if (fate !== undefined) return this.#decideFate(watched, fate, now);
    if (hasGivenUp(row)) return undefined;
    const { how, at } = this.#endOf(row);
    if (now < at) return now >= this.#tellAt(row) ? this.#tellUnlessBlind(watched, now) : undefined;
    return this.#sight.saw(at) ? this.#end(watched, how, how === "silent" ? row.newest : at, now) : undefined;
  }

  /** That a loop goes on is not said while nobody knows. */
  #tellUnlessBlind(watched: Watched, now: Nanoseconds): Decision | undefined {
    return isTold(watched.row) && this.#sight.isBlind ? undefined : this.#tell(watched, now);
  }

  #isLoop({ failures }: Row): boolean {
    return failures >= this.#thresholds.restartCount;
  }

  /** A new loop after an end that was sent is news. */
  #mayTellAt({ told }: Row): Nanoseconds {
    if (told === undefined || (told.over && told.endSent)) return -latest;
    return told.at + this.#thresholds.notificationInterval;
  }

  /** When the row is told if it goes on as it is now. One that flaps is not told again while it is quiet. */
  #tellAt(row: Row): Nanoseconds {
    if (!this.#isLoop(row)) return latest;
    const tellAt = this.#mayTellAt(row);
    const since = flaps(row) ? quietSince(row) : undefined;
    return since !== undefined && tellAt >= since + this.#thresholds.stableAfter ? latest : tellAt;
  }

  /** When something is to be done about a row that no event brings. */
  #wakeAt({ row, number, catchesUpSince }: Watched, now: Nanoseconds): Nanoseconds {
    if (hasGivenUp(row)) return latest;
    let wakeAt = row.failures === 0 ? this.#forgottenAt(row) : this.#seenAt(row, number, now);
    if (catchesUpSince !== undefined) wakeAt = max(wakeAt, min(now + moment, catchesUpSince + past));
    return min(max(wakeAt, this.#quietUntil), latest);
  }

  /** When time decides about a row that failed. What must be seen first waits for that. */
  #seenAt(row: Row, number: number, now: Nanoseconds): Nanoseconds {
    const { at } = this.#endOf(row);
    if (at <= now && !this.#sight.saw(at)) {
      this.#unseen.set(number, at);
      return latest;
    }
    const tellAt = max(this.#tellAt(row), now);
    if (tellAt > now || !isTold(row) || !this.#sight.isBlind) return min(at, tellAt);
    this.#unseen.set(number, this.#sight.until);
    return at;
  }

  /** When time alone ends a row that goes on as it is now. For silence counts only what could be heard. */
  #endOf(row: Row): { readonly how: "stable" | "quiet" | "silent"; readonly at: Nanoseconds } {
    const stableAt = this.#stableAt(row);
    if (stableAt === undefined) return { how: "silent", at: silentAt(row) + this.#sight.missed(row.newest) };
    return { how: runningSince(row) === quietSince(row) ? "stable" : "quiet", at: stableAt };
  }

  /** When the run that goes on is stable. One that would have been so before the last failure is of the past. Of the
   * time in which events can be lost, nobody knows that it ran. */
  #stableAt(row: Row): Nanoseconds | undefined {
    const since = quietSince(row);
    const failedAt = row.log.at(-1)?.time;
    if (since === undefined || failedAt === undefined) return undefined;
    const stableAt = since + this.#stableAfter(row) + this.#sight.lost(since);
    return stableAt > failedAt ? stableAt : undefined;
  }

  #stableAfter(row: Row): Nanoseconds {
    return stableAfterOf(row, this.#thresholds.stableAfter);
  }

  /** A row that is over is kept so that its events, when they come again, are no news, and for what was told. */
  #forgottenAt(row: Row): Nanoseconds {
    const { told, newest } = row;
    return max(
      newest + silentAfter,
      told === undefined ? newest : told.at + this.#thresholds.notificationInterval,
    );
  }

  #tell(watched: Watched, now: Nanoseconds): Decision {
    const { row } = watched;
    if (row.told !== undefined && !row.told.over) {
      const interval = this.#thresholds.notificationInterval;
      row.told.at += (now - row.told.at) / interval * interval;
      row.told.repeats++;
      return {
        reason: "repeat",
        alert: this.#alert(watched, alertId(row.told.id, String(row.told.repeats)), now),
      };
    }
    const id = this.#newId(watched);
    this.#looping++;
    row.told = toldAnew(row.told, id, now, this.#thresholds.notificationInterval);
    return { reason: "first", alert: this.#alert(watched, id, now) };
  }

  #newId({ row, name }: Watched): string {
    return alertId(name, String(row.since), String(row.log.at(-1)?.time));
  }

  #end(watched: Watched, how: keyof typeof ends, at: Nanoseconds, now: Nanoseconds): Decision | undefined {
    const { row, name } = watched;
    let decision: Decision | undefined;
    if (isTold(row)) {
      this.#looping--;
      const because = ends[how](this.#stableAfter(row), now - row.newest - this.#sight.missed(row.newest));
      const id = alertId(row.told!.id, "resolved");
      const alert = this.#thresholds.notifyResolved ? this.#alert(watched, id, now, because) : undefined;
      if (alert !== undefined) row.told!.endSent = true;
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
      reason: resolved !== undefined
        ? "resolved"
        : hasGivenUp(row)
        ? "gave-up"
        : row.told!.repeats === 0
        ? "first"
        : "repeat",
      lastEvent: row.lastEvent,
      eventLog: row.log.map(({ time }) => time),
      ...(row.log.length >= mostLogged ? { limit: mostLogged } : {}),
      details: failuresDetails(row, now, resolved),
    };
  }
}

/** Told, and it goes on. */
function isTold({ told }: Row): boolean {
  return told !== undefined && !told.over && told.gaveUp !== true;
}

function hasGivenUp({ told }: Row): boolean {
  return told?.gaveUp === true;
}

function isShown(row: Row): boolean {
  return isTold(row) || hasGivenUp(row);
}

/** Whether the event is about what the row counts, and not about a job of the same name before it. */
function concerns({ fate, index, allocation, until }: JobEvent, row: Row): boolean {
  const last = row.runs.at(-1);
  if (last === undefined || row.failures === 0) return false;
  if (allocation !== "" && allocation !== last.allocation) return false;
  if (fate === "waits") return until !== undefined && runningSince(row) === undefined;
  return last.made <= index;
}

/** When a task that does not run has been silent for too long. */
function silentAt({ log, newest }: Row): Nanoseconds {
  const [before, last] = log.slice(-2);
  const pause = before === undefined || last === undefined ? 0n : last.time - before.time;
  return newest + max(silentAfter, 3n * pause);
}

function nothing({ type, meaning }: RunEvent): Decision {
  return { reason: type === "Restarting" && meaning === "nothing" ? "requested" : "noted" };
}

function min(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a < b ? a : b;
}

function max(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a > b ? a : b;
}
