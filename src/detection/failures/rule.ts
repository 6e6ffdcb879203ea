// The rule `failures`: a task loops when so many runs in a row failed, none of which was stable. It stays looping
// through every delay of Nomad's, until a run is stable or somebody stops it. No clock, no I/O.
import { IndexedHeap } from "../../lib/offheap/indexed_heap.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { flaps, nextNotice, quieten, quietSince, stableAfterOf } from "./flapping.ts";
import type { JobEvent, RuleEvent, RunEvent } from "../event.ts";
import type { FailuresState, KeptFailures } from "./state.ts";
import { Interner } from "../../lib/offheap/interner.ts";
import {
  clear,
  type FailureStreak,
  isNewsOfLife,
  maxLogged,
  newStreak,
  runningSince,
  type Step,
  take,
} from "./streak.ts";
import { setBack, setNoticeBack } from "./clock_correction.ts";
import { ByJob } from "./streaks_by_job.ts";
import type { ActiveLoop, Decision, FailingTask, Rule } from "../rule.ts";
import { decodeRun } from "../decode/run_event.ts";
import { Visibility } from "../visibility.ts";
import { inWords } from "../alert/details.ts";
import { failuresDetails } from "./details.ts";

/** When a loop is notified. */
export interface FailuresThresholds {
  /** So many failed runs in a row … */
  readonly restartCount: number;
  /** … none of which lasted this long are a loop, … */
  readonly stableAfter: Nanoseconds;
  /** … which is notified once in this time. */
  readonly notificationInterval: Nanoseconds;
  /** Its resolution is sent too. */
  readonly notifyResolved: boolean;
}

/** A row in the agenda, under a number. */
class Watched {
  /** Since when its events are of the past. */
  catchesUpSince: Nanoseconds | undefined = undefined;
  /** What became of its job, where that is yet to be decided. */
  outcome: JobEvent | undefined = undefined;
  constructor(readonly number: number, readonly name: string, readonly streak: FailureStreak) {}
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
  silent: (_: Nanoseconds, silence: Nanoseconds) => `no event for ${inWords(silence)}`,
};

/** Counts failed runs in a row, by task. A task whose runs do not fail leaves no trace. */
export class FailuresRule implements Rule {
  readonly counts = "failed run";
  readonly decode = decodeRun;
  readonly #thresholds: FailuresThresholds;
  readonly #state: FailuresState;
  readonly #names = new Interner();
  /** By the numbers of their names. */
  readonly #watched: (Watched | undefined)[] = [];
  readonly #dueHeap = new IndexedHeap();
  readonly #visibility: Visibility;
  /** Rows whose time has come, by the time up to which it must be seen first what happened. */
  readonly #unseen = new IndexedHeap();
  readonly #byJob = new ByJob<Watched>();
  /** The clock is that of the wall, not that of the events. */
  #isLive = true;
  /** Until then nothing is done but by events. */
  #quietUntil = -latest;
  #looping = 0;

  /** Time alone decides nothing that is not in `visibility`. */
  constructor(thresholds: FailuresThresholds, state: FailuresState, visibility = new Visibility()) {
    this.#thresholds = thresholds;
    this.#state = state;
    this.#visibility = visibility;
  }

  get names(): number {
    return this.#names.size;
  }

  get looping(): number {
    return this.#looping;
  }

  get nextDue(): Nanoseconds | undefined {
    const { next } = this.#dueHeap;
    if (!this.#becomesVisible()) return next;
    return next === undefined ? this.#visibility.until : min(next, this.#visibility.until);
  }

  /** Before time alone decides about a row, what happened meanwhile is awaited. */
  restore(kept: KeptFailures, now: Nanoseconds | undefined): void {
    this.#isLive = now !== undefined;
    if (now !== undefined) this.#quietUntil = now + past;
    for (const [name, streak] of kept.entries("streaks")) {
      const watched = this.#watch(name, streak);
      if (isNotified(streak)) this.#looping++;
      this.#visibility.restore(streak.newest);
      this.#dueHeap.set(watched.number, this.#wakeAt(watched, now ?? streak.newest));
    }
  }

  /** On the clock of events, the times of a row are of its node's own clock, and agree with one another. */
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void {
    this.#quietUntil = min(this.#quietUntil, now + past);
    for (const watched of this.#watched) {
      if (watched === undefined) continue;
      if (watched.catchesUpSince !== undefined) watched.catchesUpSince = min(watched.catchesUpSince, now);
      const isNotified = setNoticeBack(watched.streak, now);
      const isChanged = this.#isLive && setBack(watched.streak, now, from);
      if (isNotified || isChanged) this.#keep(watched, now);
      else this.#dueHeap.set(watched.number, this.#wakeAt(watched, now));
    }
  }

  record(event: RuleEvent, now: Nanoseconds): Decision {
    if (event.kind === "restart") return { reason: "noted" };
    if (event.kind === "job") return this.#takeJob(event, now);
    const { name, time, meaning } = event;
    const isFailure = meaning === "failed" || meaning === "failing";
    if (this.#isLive && time - now >= future) return { reason: "outside-window" };
    let watched = this.#find(name);
    if (watched === undefined && !isFailure) return nothing(event);
    const begin = watched === undefined ? now : watched.streak.since;
    if (isFailure && begin - time >= silentAfter) return { reason: "outside-window" };
    watched ??= this.#watch(name, newStreak(event));
    this.#catchUp(watched, time, now);
    this.#doubt(watched.streak, event);
    const runsAgain = this.#runsAgain(watched, event);
    const step = take(watched.streak, event, this.#stableAfter(watched.streak));
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
      if (watched.streak.failures === 0 && now >= this.#forgottenAt(watched.streak)) this.#forget(watched);
      else this.#keep(watched, now);
    }
    return decisions;
  }

  /** Without the time of Nomad's next attempt, which would soon be of the past. */
  loop(name: string, now: Nanoseconds): ActiveLoop | undefined {
    const watched = this.#find(name);
    if (watched === undefined || !isShown(watched.streak)) return undefined;
    const { streak } = watched;
    const { id, repeats, at } = streak.notified!;
    const alert = this.#alert(watched, id, max(now, streak.nextAttempt ?? now));
    if (!hasGivenUp(streak)) return { alert, notified: repeats + 1 };
    return { alert, notified: repeats + 1 + Number(this.#thresholds.notifyResolved), gaveUpAt: at };
  }

  *loops(): Iterable<string> {
    for (const watched of this.#watched) if (watched && isShown(watched.streak)) yield watched.name;
  }

  *failing(): Iterable<FailingTask> {
    for (const watched of this.#watched) {
      if (watched === undefined || watched.streak.failures === 0) continue;
      const { key: { Namespace = "", JobID }, runs } = watched.streak;
      const { allocation = "", createIndex = 0 } = runs.at(-1) ?? {};
      yield { namespace: Namespace, job: JobID, allocation, createIndex };
    }
  }

  #find(name: string): Watched | undefined {
    const number = this.#names.find(name);
    return number < 0 ? undefined : this.#watched[number];
  }

  #watch(name: string, streak: FailureStreak): Watched {
    const number = this.#names.add(name);
    const watched = this.#watched[number] = new Watched(number, name, streak);
    this.#byJob.add(streak.key, watched);
    return watched;
  }

  /** Where the clock is that of the events, none is of the past. */
  #catchUp(watched: Watched, time: Nanoseconds, now: Nanoseconds): void {
    const since = watched.catchesUpSince;
    if (!this.#isLive || now - time < past) watched.catchesUpSince = undefined;
    else if (since === undefined || now - since >= 2n * past) watched.catchesUpSince = now;
  }

  /** Where what is due stands. */
  #dueAt(now: Nanoseconds): IndexedHeap | undefined {
    const { next } = this.#dueHeap;
    if (next !== undefined && next <= now) return this.#dueHeap;
    return this.#becomesVisible() ? this.#unseen : undefined;
  }

  /** Whether it is seen by now what a row waited for. */
  #becomesVisible(): boolean {
    const { next } = this.#unseen;
    return next !== undefined && this.#visibility.saw(next);
  }

  /** Where events can be missing before this one, the run that it ends may have begun later than is known. */
  #doubt(streak: FailureStreak, { allocation, time, startedAt, afterGap }: RunEvent): void {
    const run = streak.runs.find((run) => run.allocation === allocation);
    if (run?.startedAt === undefined || time <= run.startedAt) return;
    if (!afterGap && !this.#visibility.mayHaveLost(run.startedAt)) return;
    if (startedAt !== undefined && startedAt < run.startedAt + second) return;
    run.startedAt = startedAt !== undefined && startedAt <= time ? startedAt : undefined;
  }

  #forget(watched: Watched): void {
    const { number, name, streak } = watched;
    this.#byJob.delete(streak.key, watched);
    this.#names.delete(number);
    this.#watched[number] = undefined;
    this.#state.put("streaks", name, undefined);
  }

  #keep(watched: Watched, now: Nanoseconds): void {
    this.#state.put("streaks", watched.name, watched.streak);
    this.#dueHeap.set(watched.number, this.#wakeAt(watched, now));
  }

  #judge(watched: Watched, step: Step, event: RunEvent, now: Nanoseconds): Decision {
    const { streak } = watched;
    switch (step) {
      case "failed":
        if (!this.#isLoop(streak)) return { reason: "below-threshold", counted: streak.failures };
        if (now < this.#mayNotifyAt(streak)) return { reason: "already-notified", counted: streak.failures };
        if (watched.catchesUpSince !== undefined) return { reason: "catching-up", counted: streak.failures };
        return this.#notify(watched, now);
      case "completed":
        if (flaps(streak)) {
          quieten(streak, event.time);
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
      if (!concerns(event, watched.streak)) continue;
      if (event.outcome === "pending") {
        watched.streak.nextAttempt = event.until;
        this.#keep(watched, now);
      } else {
        watched.outcome = event;
        this.#dueHeap.set(watched.number, now);
      }
    }
    return { reason: "noted" };
  }

  /** What became of its job, of whose row nothing newer is known by now. */
  #decideOutcome(watched: Watched, event: JobEvent, now: Nanoseconds): Decision | undefined {
    const { streak, name } = watched;
    if (!concerns(event, streak) || event.outcome === "pending") return undefined;
    if (event.outcome !== "gave-up") {
      if (hasGivenUp(streak)) return this.#close(watched, ends[event.outcome]());
      return this.#end(watched, event.outcome, streak.newest, now);
    }
    if (hasGivenUp(streak)) return undefined;
    if (!isNotified(streak)) {
      if (!this.#isLoop(streak)) return void clear(streak, streak.newest);
      streak.notified = { id: this.#newId(watched), repeats: 0, at: now, resolved: false };
    } else this.#looping--;
    streak.notified!.gaveUp = true;
    streak.notified!.at = now;
    streak.nextAttempt = undefined;
    const alert = this.#alert(watched, alertId(streak.notified!.id, "gave-up"), now);
    return {
      reason: "gave-up",
      name,
      cause: alert.details!.Reason,
      ...(this.#thresholds.notifyResolved ? { alert } : {}),
    };
  }

  /** Somebody runs again what Nomad had given up: it is another loop, if it becomes one. */
  #runsAgain(watched: Watched, event: RunEvent): Decision | undefined {
    if (!hasGivenUp(watched.streak) || !isNewsOfLife(watched.streak, event)) return undefined;
    return this.#close(watched, "it runs again");
  }

  /** A loop that Nomad gave up was notified as such: its end needs no alert. */
  #close({ streak, name }: Watched, cause: string): Decision {
    clear(streak, streak.newest);
    delete streak.notified;
    return { reason: "resolved", name, cause };
  }

  /** What time alone decides: a loop resolves because its run is stable, or it is notified late, or repeats. */
  #wake(watched: Watched, now: Nanoseconds): Decision | undefined {
    const { streak, outcome } = watched;
    watched.outcome = undefined;
    if (streak.failures === 0) return undefined;
    if (outcome !== undefined) return this.#decideOutcome(watched, outcome, now);
    if (hasGivenUp(streak)) return undefined;
    const { how, at } = this.#endOf(streak);
    if (now < at) return now >= this.#notifyAt(streak) ? this.#notifyUnlessBlind(watched, now) : undefined;
    return this.#visibility.saw(at)
      ? this.#end(watched, how, how === "silent" ? streak.newest : at, now)
      : undefined;
  }

  /** A loop does not repeat while the source is blind: nobody knows whether it is still active. */
  #notifyUnlessBlind(watched: Watched, now: Nanoseconds): Decision | undefined {
    return isNotified(watched.streak) && this.#visibility.isBlind ? undefined : this.#notify(watched, now);
  }

  #isLoop({ failures }: FailureStreak): boolean {
    return failures >= this.#thresholds.restartCount;
  }

  /** A new loop after an end that was sent is news. */
  #mayNotifyAt({ notified }: FailureStreak): Nanoseconds {
    if (notified === undefined || (notified.resolved && notified.resolvedSent)) return -latest;
    return notified.at + this.#thresholds.notificationInterval;
  }

  /** When the streak is notified if nothing changes. A flapping loop does not repeat while it is quiet. */
  #notifyAt(streak: FailureStreak): Nanoseconds {
    if (!this.#isLoop(streak)) return latest;
    const notifyAt = this.#mayNotifyAt(streak);
    const since = flaps(streak) ? quietSince(streak) : undefined;
    return since !== undefined && notifyAt >= since + this.#thresholds.stableAfter ? latest : notifyAt;
  }

  /** When something is to be done about a row that no event brings. */
  #wakeAt({ streak, number, catchesUpSince }: Watched, now: Nanoseconds): Nanoseconds {
    if (hasGivenUp(streak)) return latest;
    let wakeAt = streak.failures === 0 ? this.#forgottenAt(streak) : this.#seenAt(streak, number, now);
    if (catchesUpSince !== undefined) wakeAt = max(wakeAt, min(now + moment, catchesUpSince + past));
    return min(max(wakeAt, this.#quietUntil), latest);
  }

  /** When time decides about a row that failed. What must be seen first waits for that. */
  #seenAt(streak: FailureStreak, number: number, now: Nanoseconds): Nanoseconds {
    const { at } = this.#endOf(streak);
    if (at <= now && !this.#visibility.saw(at)) {
      this.#unseen.set(number, at);
      return latest;
    }
    const notifyAt = max(this.#notifyAt(streak), now);
    if (notifyAt > now || !isNotified(streak) || !this.#visibility.isBlind) return min(at, notifyAt);
    this.#unseen.set(number, this.#visibility.until);
    return at;
  }

  /** When time alone ends a row that goes on as it is now. For silence counts only what could be heard. */
  #endOf(streak: FailureStreak): { readonly how: "stable" | "quiet" | "silent"; readonly at: Nanoseconds } {
    const stableAt = this.#stableAt(streak);
    if (stableAt === undefined) {
      return { how: "silent", at: silentAt(streak) + this.#visibility.missed(streak.newest) };
    }
    return { how: runningSince(streak) === quietSince(streak) ? "stable" : "quiet", at: stableAt };
  }

  /** When the run that goes on is stable. One that would have been so before the last failure is of the past. Of the
   * time in which events can be lost, nobody knows that it ran. */
  #stableAt(streak: FailureStreak): Nanoseconds | undefined {
    const since = quietSince(streak);
    const failedAt = streak.log.at(-1)?.time;
    if (since === undefined || failedAt === undefined) return undefined;
    const stableAt = since + this.#stableAfter(streak) + this.#visibility.lost(since);
    return stableAt > failedAt ? stableAt : undefined;
  }

  #stableAfter(streak: FailureStreak): Nanoseconds {
    return stableAfterOf(streak, this.#thresholds.stableAfter);
  }

  /** A resolved streak is kept, so that redelivered events do not count again, and for its last notification. */
  #forgottenAt(streak: FailureStreak): Nanoseconds {
    const { notified, newest } = streak;
    return max(
      newest + silentAfter,
      notified === undefined ? newest : notified.at + this.#thresholds.notificationInterval,
    );
  }

  #notify(watched: Watched, now: Nanoseconds): Decision {
    const { streak } = watched;
    if (streak.notified !== undefined && !streak.notified.resolved) {
      const interval = this.#thresholds.notificationInterval;
      streak.notified.at += (now - streak.notified.at) / interval * interval;
      streak.notified.repeats++;
      return {
        reason: "repeat",
        alert: this.#alert(watched, alertId(streak.notified.id, String(streak.notified.repeats)), now),
      };
    }
    const id = this.#newId(watched);
    this.#looping++;
    streak.notified = nextNotice(streak.notified, id, now, this.#thresholds.notificationInterval);
    return { reason: "first", alert: this.#alert(watched, id, now) };
  }

  #newId({ streak, name }: Watched): string {
    return alertId(name, String(streak.since), String(streak.log.at(-1)?.time));
  }

  #end(watched: Watched, how: keyof typeof ends, at: Nanoseconds, now: Nanoseconds): Decision | undefined {
    const { streak, name } = watched;
    let decision: Decision | undefined;
    if (isNotified(streak)) {
      this.#looping--;
      const cause = ends[how](
        this.#stableAfter(streak),
        now - streak.newest - this.#visibility.missed(streak.newest),
      );
      const id = alertId(streak.notified!.id, "resolved");
      const alert = this.#thresholds.notifyResolved ? this.#alert(watched, id, now, cause) : undefined;
      if (alert !== undefined) streak.notified!.resolvedSent = true;
      decision = { reason: "resolved", name, cause, ...(alert === undefined ? {} : { alert }) };
    }
    clear(streak, at);
    return decision;
  }

  #alert({ streak, name }: Watched, id: string, now: Nanoseconds, resolved?: string): Alert {
    return {
      id,
      loop: streak.notified!.id,
      name,
      reason: resolved !== undefined
        ? "resolved"
        : hasGivenUp(streak)
        ? "gave-up"
        : streak.notified!.repeats === 0
        ? "first"
        : "repeat",
      lastEvent: streak.lastEvent,
      eventLog: streak.log.map(({ time }) => time),
      ...(streak.log.length >= maxLogged ? { limit: maxLogged } : {}),
      details: failuresDetails(streak, now, resolved),
    };
  }
}

/** Notified and still active. */
function isNotified({ notified }: FailureStreak): boolean {
  return notified !== undefined && !notified.resolved && notified.gaveUp !== true;
}

function hasGivenUp({ notified }: FailureStreak): boolean {
  return notified?.gaveUp === true;
}

function isShown(streak: FailureStreak): boolean {
  return isNotified(streak) || hasGivenUp(streak);
}

/** Whether the event is about what the row counts, and not about a job of the same name before it. */
function concerns({ outcome, index, allocation, until }: JobEvent, streak: FailureStreak): boolean {
  const last = streak.runs.at(-1);
  if (last === undefined || streak.failures === 0) return false;
  if (allocation !== "" && allocation !== last.allocation) return false;
  if (outcome === "pending") return until !== undefined && runningSince(streak) === undefined;
  return last.createIndex <= index;
}

/** When a task that does not run has been silent for too long. */
function silentAt({ log, newest }: FailureStreak): Nanoseconds {
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
