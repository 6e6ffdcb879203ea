// The rule `failures`: a task loops if N consecutive runs failed and none was stable. The loop stays active through every
// delay of Nomad's, until a run is stable or somebody stops the task. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { earlier } from "../../lib/time.ts";
import { decodeRun } from "../decode/run_event.ts";
import type { JobEvent, JobSettingsEvent, RuleEvent, RunEvent } from "../event.ts";
import { JobSettings, type Scope } from "../jobs/job_settings.ts";
import type { ActiveLoop, Decision, FailingTask, Rule } from "../rule.ts";
import { Visibility } from "../visibility.ts";
import { setBack, setNoticeBack } from "./clock_correction.ts";
import { Deadlines, type FailuresThresholds, idleTimeout } from "./deadlines.ts";
import { isFailure, isNewsOfLife } from "./event_order.ts";
import { flaps, quieten } from "./flapping.ts";
import { causeOf, Notifications } from "./notifications.ts";
import { Schedule } from "./schedule.ts";
import type { FailuresState, KeptFailures } from "./state.ts";
import { type FailureStreak, hasGivenUp, isActive, isShown, newStreak, runningSince } from "./streak.ts";
import { type Step, take } from "./take_event.ts";
import { type Tracked, TrackedStreaks } from "./tracked_streaks.ts";

const second = 1_000_000_000n;
/** An event that is further ahead is of a wrong clock. */
const maxClockSkew = 24n * 3600n * second;

/** Counts consecutive failed runs, by task. A task whose runs do not fail leaves no trace. */
export class FailuresRule implements Rule {
  readonly counts = "failed run";
  readonly decode = decodeRun;
  readonly #state: FailuresState;
  readonly #visibility: Visibility;
  readonly #jobs: JobSettings;
  readonly #streaks = new TrackedStreaks();
  readonly #deadlines: Deadlines;
  readonly #schedule: Schedule;
  readonly #notifications: Notifications;
  /** The clock is that of the wall, not that of the events. */
  #isLive = true;

  /** Time alone decides nothing that `visibility` does not show. */
  constructor(
    thresholds: FailuresThresholds & Scope,
    state: FailuresState,
    visibility: Visibility = new Visibility(),
  ) {
    this.#state = state;
    this.#visibility = visibility;
    this.#jobs = new JobSettings(thresholds, state);
    this.#deadlines = new Deadlines(thresholds, this.#jobs, visibility);
    this.#schedule = new Schedule(this.#deadlines, visibility);
    this.#notifications = new Notifications(thresholds, this.#deadlines, this.#jobs);
  }

  get names(): number {
    return this.#streaks.size;
  }

  get looping(): number {
    return this.#notifications.active;
  }

  get nextDue(): Nanoseconds | undefined {
    return this.#schedule.next;
  }

  restore(kept: KeptFailures, now: Nanoseconds | undefined): void {
    this.#isLive = now !== undefined;
    if (now !== undefined) this.#schedule.holdAfterStart(now);
    this.#jobs.restore(kept);
    for (const [name, streak] of kept.entries("streaks")) {
      const tracked = this.#streaks.add(name, streak);
      if (isActive(streak)) this.#notifications.active++;
      this.#visibility.restore(streak.newest);
      this.#schedule.set(tracked, now ?? streak.newest);
    }
  }

  /** With the events' own clock, the times of a streak are of its node's clock, and agree with one another. */
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void {
    this.#schedule.clockSetBack(now);
    for (const tracked of this.#streaks) {
      if (tracked.catchingUpSince !== undefined) {
        tracked.catchingUpSince = earlier(tracked.catchingUpSince, now);
      }
      const isNoticeSet = setNoticeBack(tracked.streak, now);
      const isSet = this.#isLive && setBack(tracked.streak, now, from);
      if (isNoticeSet || isSet) this.#keep(tracked, now);
      else this.#schedule.set(tracked, now);
    }
  }

  record(event: RuleEvent, now: Nanoseconds): Decision {
    if (event.kind === "restart" || event.kind === "node") return { reason: "noted" };
    if (event.kind === "job") return this.#recordJob(event, now);
    if (event.kind === "job-settings") return this.#recordSettings(event, now);
    const { name, time } = event;
    if (this.#isLive && time - now >= maxClockSkew) return { reason: "outside-window" };
    let tracked = this.#streaks.find(name);
    if (tracked === undefined && !isFailure(event)) return uncounted(event);
    const begin = tracked === undefined ? now : tracked.streak.since;
    if (isFailure(event) && begin - time >= idleTimeout) return { reason: "outside-window" };
    tracked ??= this.#streaks.add(name, newStreak(event));
    // With the events' own clock no event is stale.
    this.#schedule.noteAge(tracked, this.#isLive ? time : now, now);
    this.#doubt(tracked.streak, event);
    const runsAgain = this.#runsAgain(tracked, event);
    const step = take(tracked.streak, event, this.#deadlines.stableAfter(tracked.streak));
    const decision = this.#judge(tracked, step, event, now);
    this.#keep(tracked, now);
    return runsAgain ?? decision;
  }

  due(now: Nanoseconds, limit: number): Decision[] {
    const decisions: Decision[] = [];
    for (; limit > 0; limit--) {
      const number = this.#schedule.take(now);
      if (number === undefined) break;
      const tracked = this.#streaks.at(number);
      if (tracked === undefined) continue;
      const decision = this.#decideByTime(tracked, now);
      if (decision !== undefined) decisions.push(decision);
      const { failures } = tracked.streak;
      if (failures === 0 && now >= this.#deadlines.forgottenAt(tracked.streak)) this.#forget(tracked);
      else this.#keep(tracked, now);
    }
    return decisions;
  }

  loop(name: string, now: Nanoseconds): ActiveLoop | undefined {
    const tracked = this.#streaks.find(name);
    return tracked === undefined ? undefined : this.#notifications.loop(tracked, now);
  }

  *loops(): Iterable<string> {
    for (const { name, streak } of this.#streaks) if (isShown(streak)) yield name;
  }

  *failing(): Iterable<FailingTask> {
    for (const { streak: { key, runs, failures } } of this.#streaks) {
      if (failures === 0) continue;
      const { allocation = "", createIndex = 0 } = runs.at(-1) ?? {};
      yield { namespace: key.Namespace ?? "", job: key.JobID, allocation, createIndex };
    }
  }

  /** If events before this one can be missing, the run that it ends may have begun later than is known. */
  #doubt(streak: FailureStreak, { allocation, time, startedAt, afterGap }: RunEvent): void {
    const run = streak.runs.find((run) => run.allocation === allocation);
    if (run?.startedAt === undefined || time <= run.startedAt) return;
    if (!afterGap && !this.#visibility.mayHaveLost(run.startedAt)) return;
    if (startedAt !== undefined && startedAt < run.startedAt + second) return;
    run.startedAt = startedAt !== undefined && startedAt <= time ? startedAt : undefined;
  }

  #forget(tracked: Tracked): void {
    this.#streaks.delete(tracked);
    this.#state.put("streaks", tracked.name, undefined);
  }

  #keep(tracked: Tracked, now: Nanoseconds): void {
    this.#state.put("streaks", tracked.name, tracked.streak);
    this.#schedule.set(tracked, now);
  }

  /** What an event means for a streak that it did this to. */
  #judge(tracked: Tracked, step: Step, event: RunEvent, now: Nanoseconds): Decision {
    const { streak } = tracked;
    switch (step) {
      case "failed":
        return this.#judgeFailure(tracked, now);
      case "completed":
        if (flaps(streak)) {
          quieten(streak, event.time);
          return { reason: "noted" };
        }
        return this.#notifications.resolve(tracked, step, event.time, now) ?? { reason: "noted" };
      case "stable":
      case "stopped":
        return this.#notifications.resolve(tracked, step, event.time, now) ?? { reason: "noted" };
      case "duplicate":
        return { reason: "duplicate" };
      case "noted":
        return uncounted(event);
    }
  }

  #judgeFailure(tracked: Tracked, now: Nanoseconds): Decision {
    const { streak, catchingUpSince } = tracked;
    const counted = streak.failures;
    if (!this.#deadlines.isLoop(streak)) return { reason: "below-threshold", counted };
    if (now < this.#deadlines.mayNotifyAt(streak)) return { reason: "already-notified", counted };
    if (catchingUpSince !== undefined) return { reason: "catching-up", counted };
    return this.#notifications.notify(tracked, now);
  }

  /** What happens to a job falls due for its streaks at once, since one event has one decision. */
  #recordJob(event: JobEvent, now: Nanoseconds): Decision {
    for (const tracked of this.#streaks.ofJob(event.namespace, event.job)) {
      if (!concerns(event, tracked.streak)) continue;
      if (event.outcome === "pending") {
        tracked.streak.nextAttempt = event.until;
        this.#keep(tracked, now);
      } else {
        tracked.outcome = event;
        this.#schedule.setAt(tracked, now);
      }
    }
    return { reason: "noted" };
  }

  /** Time decides about the streaks of a job again, since its thresholds changed. */
  #recordSettings(event: JobSettingsEvent, now: Nanoseconds): Decision {
    this.#jobs.take(event);
    for (const tracked of this.#streaks.ofJob(event.namespace, event.job)) this.#schedule.set(tracked, now);
    return { reason: "noted" };
  }

  /** Decides what became of the streak's job, unless something newer is known of the streak by now. */
  #decideOutcome(tracked: Tracked, event: JobEvent, now: Nanoseconds): Decision | undefined {
    const { streak } = tracked;
    const { outcome } = event;
    if (!concerns(event, streak) || outcome === "pending") return undefined;
    if (outcome === "gave-up") return this.#notifications.giveUp(tracked, now);
    if (hasGivenUp(streak)) return this.#notifications.close(tracked, causeOf(outcome));
    return this.#notifications.resolve(tracked, outcome, streak.newest, now);
  }

  /** Somebody runs again what Nomad had given up: it is another loop, if it becomes one. */
  #runsAgain(tracked: Tracked, event: RunEvent): Decision | undefined {
    if (!hasGivenUp(tracked.streak) || !isNewsOfLife(tracked.streak, event)) return undefined;
    return this.#notifications.close(tracked, "it runs again");
  }

  /** What time alone decides: a loop resolves because its run is stable, is notified late, or repeats. */
  #decideByTime(tracked: Tracked, now: Nanoseconds): Decision | undefined {
    const { streak, outcome } = tracked;
    tracked.outcome = undefined;
    if (streak.failures === 0) return undefined;
    if (outcome !== undefined) return this.#decideOutcome(tracked, outcome, now);
    if (hasGivenUp(streak)) return this.#notifications.unmuteGivenUp(tracked, now);
    const { how, at } = this.#deadlines.endOf(streak);
    if (now < at) {
      if (now < this.#deadlines.notifyAt(streak)) return undefined;
      // While the source is blind nobody knows whether a loop is still active.
      return isActive(streak) && this.#visibility.isBlind
        ? undefined
        : this.#notifications.notify(tracked, now);
    }
    if (!this.#visibility.saw(at)) return undefined;
    const idle = now - streak.newest - this.#visibility.missed(streak.newest);
    return this.#notifications.resolve(tracked, how, how === "idle" ? streak.newest : at, now, idle);
  }
}

/** Whether the event is about the counted runs, and not about an earlier job of the same name. */
function concerns({ outcome, index, allocation, until }: JobEvent, streak: FailureStreak): boolean {
  const last = streak.runs.at(-1);
  if (last === undefined || streak.failures === 0) return false;
  if (allocation !== "" && allocation !== last.allocation) return false;
  if (outcome === "pending") return until !== undefined && runningSince(streak) === undefined;
  return last.createIndex <= index;
}

/** Of an event that neither counts nor resolves anything. */
function uncounted({ type, meaning }: RunEvent): Decision {
  return { reason: type === "Restarting" && meaning === "nothing" ? "requested" : "noted" };
}
