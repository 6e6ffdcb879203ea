// What the rule `failures` decides about loops: first alert, repeat, given up, resolved; and the alerts. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { later } from "../../lib/time.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import { inWords } from "../alert/details.ts";
import type { ActiveLoop, Decision } from "../rule.ts";
import type { Deadlines, FailuresThresholds } from "./deadlines.ts";
import { type JobSettings, type Muting, wishesOf } from "../jobs/job_settings.ts";
import { failuresDetails } from "./details.ts";
import { nextNotice } from "./flapping.ts";
import {
  clear,
  type FailureStreak,
  hasGivenUp,
  isActive,
  isShown,
  maxLogged,
  type StreakNotice,
} from "./streak.ts";
import type { Tracked } from "./tracked_streaks.ts";

/** Why a loop is resolved, in words. */
const causes = {
  stable: (stableAfter: Nanoseconds) => `it ran for ${inWords(stableAfter)}`,
  quiet: (stableAfter: Nanoseconds) => `no run failed for ${inWords(stableAfter)}`,
  completed: () => "it completed",
  stopped: () => "it was stopped",
  gone: () => "its job is gone",
  idle: (_: Nanoseconds, idle: Nanoseconds) => `no event for ${inWords(idle)}`,
};

/** Why a loop is resolved. */
export type Cause = keyof typeof causes;

type Named = Pick<Tracked, "streak" | "name">;

/** Decides about loops, and counts those that are active. */
export class Notifications {
  /** How many loops are active. */
  active = 0;
  readonly #thresholds: FailuresThresholds;
  readonly #deadlines: Deadlines;
  readonly #jobs: JobSettings;

  constructor(thresholds: FailuresThresholds, deadlines: Deadlines, jobs: JobSettings) {
    this.#thresholds = thresholds;
    this.#deadlines = deadlines;
    this.#jobs = jobs;
  }

  /** The first alert of a loop, or a repeat in the phase of the first. */
  notify(named: Named, now: Nanoseconds): Decision {
    const { streak, name } = named;
    const { notified } = streak;
    if (isActive(streak)) return notified!.muted ? this.#unmute(named, now) : this.#repeat(named, now);
    const id = loopId(name, streak);
    this.active++;
    streak.notified = nextNotice(notified, id, now, this.#deadlines.notificationInterval(streak));
    const muting = this.#mute(streak, now);
    if (muting !== undefined) return { reason: "muted", alert: this.#alert(named, id, now, { muting }) };
    return { reason: "first", alert: this.#alert(named, id, now) };
  }

  #repeat(named: Named, now: Nanoseconds): Decision {
    const { streak } = named;
    const interval = this.#deadlines.notificationInterval(streak);
    const notified = streak.notified!;
    notified.at += (now - notified.at) / interval * interval;
    notified.repeats++;
    this.#widen(streak);
    const id = alertId(notified.id, String(notified.repeats));
    return { reason: "repeat", alert: this.#alert(named, id, now) };
  }

  /** Marks the notice of a new loop if no sink may get it now. */
  #mute(streak: FailureStreak, now: Nanoseconds): Muting | undefined {
    const notified = streak.notified!;
    const { sinks } = this.#jobs.of(streak.key);
    if (sinks !== undefined) notified.sinks = sinks;
    const muting = this.#jobs.mutingOf(streak.key, now);
    if (muting !== undefined) notified.muted = true;
    return muting;
  }

  /** Nothing mutes the loop any more, and it is still active. */
  #unmute(named: Named, now: Nanoseconds): Decision {
    const { streak } = named;
    const notified = streak.notified!;
    delete notified.muted;
    notified.at = now;
    notified.begun = [...notified.begun?.slice(0, -1) ?? [], now];
    delete notified.sinks;
    this.#mute(streak, now);
    return { reason: "first", alert: this.#alert(named, notified.id, now) };
  }

  /** A repeat goes where the job wants it now; the end goes wherever an alert went. */
  #widen(streak: FailureStreak): void {
    const notified = streak.notified!;
    if (notified.sinks === undefined) return;
    const { sinks } = this.#jobs.of(streak.key);
    if (sinks === undefined) delete notified.sinks;
    else notified.sinks = [...new Set([...notified.sinks, ...sinks])];
  }

  /** Ends the streak; resolves its loop if that was notified. */
  resolve(
    { streak, name }: Named,
    by: Cause,
    at: Nanoseconds,
    now: Nanoseconds,
    idle = 0n,
  ): Decision | undefined {
    let decision: Decision | undefined;
    if (isActive(streak)) {
      this.active--;
      const cause = causes[by](this.#deadlines.stableAfter(streak), idle);
      const id = alertId(streak.notified!.id, "resolved");
      const alert = this.#sendsEnd(streak)
        ? this.#alert({ streak, name }, id, now, { resolved: cause })
        : undefined;
      if (alert !== undefined) streak.notified!.resolvedSent = true;
      decision = { reason: "resolved", name, cause, ...(alert === undefined ? {} : { alert }) };
    }
    clear(streak, at);
    return decision;
  }

  /** Nomad makes no further attempt. A streak that is no loop ends with it. */
  giveUp(named: Named, now: Nanoseconds): Decision | undefined {
    const { streak, name } = named;
    if (hasGivenUp(streak)) return undefined;
    if (isActive(streak)) this.active--;
    else {
      if (!this.#deadlines.isLoop(streak)) return void clear(streak, streak.newest);
      streak.notified = { id: loopId(name, streak), repeats: 0, at: now, resolved: false };
      this.#mute(streak, now);
    }
    streak.notified!.gaveUp = true;
    streak.notified!.at = now;
    streak.nextAttempt = undefined;
    return this.#gaveUp(named, now);
  }

  /** Nothing mutes the loop any more that Nomad gave up meanwhile. */
  unmuteGivenUp(named: Named, now: Nanoseconds): Decision | undefined {
    const { streak } = named;
    if (!streak.notified?.muted || this.#jobs.mutingOf(streak.key, now) !== undefined) return undefined;
    delete streak.notified.muted;
    return this.#gaveUp(named, now);
  }

  #gaveUp(named: Named, now: Nanoseconds): Decision {
    const { streak, name } = named;
    this.#widen(streak);
    const alert = this.#alert(named, alertId(streak.notified!.id, "gave-up"), now);
    const cause = alert.details!.Reason;
    return { reason: "gave-up", name, cause, ...(this.#sendsEnd(streak) ? { alert } : {}) };
  }

  /** Sinks get the end of what they know. */
  #sendsEnd({ notified }: FailureStreak): boolean {
    return this.#thresholds.notifyResolved && !notified!.muted;
  }

  /** Resolves a loop that Nomad gave up. That it gave up was notified, so its end needs no alert. */
  close({ streak, name }: Named, cause: string): Decision {
    clear(streak, streak.newest);
    delete streak.notified;
    return { reason: "resolved", name, cause };
  }

  /** The loop of a streak, if it is active or was given up. */
  loop(named: Named, now: Nanoseconds): ActiveLoop | undefined {
    const { streak } = named;
    if (!isShown(streak)) return undefined;
    const { id, repeats, at, muted } = streak.notified!;
    const muting = this.#jobs.mutingOf(streak.key, now);
    // Without the time of Nomad's next attempt, which would soon be past.
    const alert = this.#alert(named, id, later(now, streak.nextAttempt ?? now), { muting });
    const notified = muted ? 0 : repeats + 1;
    if (!hasGivenUp(streak)) return { alert, notified };
    return { alert, notified: notified + Number(this.#sendsEnd(streak)), gaveUpAt: at };
  }

  /** `resolved` says why it is an end, `muting` why no sink gets it. */
  #alert(
    { streak, name }: Named,
    id: string,
    now: Nanoseconds,
    { resolved, muting }: { readonly resolved?: string; readonly muting?: Muting | undefined } = {},
  ): Alert {
    const settings = this.#jobs.of(streak.key);
    const sinks = isEnd(streak.notified!, resolved) ? streak.notified!.sinks : settings.sinks;
    return {
      id,
      loop: streak.notified!.id,
      name,
      reason: resolved === undefined ? reasonOf(streak) : "resolved",
      lastEvent: streak.lastEvent,
      eventLog: streak.log.map(({ time }) => time),
      ...(streak.log.length >= maxLogged ? { limit: maxLogged } : {}),
      ...(sinks === undefined ? {} : { sinks }),
      details: failuresDetails(streak, now, resolved, wishesOf(settings, muting)),
    };
  }
}

function isEnd({ gaveUp }: StreakNotice, resolved: string | undefined): boolean {
  return gaveUp === true || resolved !== undefined;
}

/** Why a loop is resolved whose job was stopped, or is gone. */
export function causeOf(outcome: "stopped" | "gone"): string {
  return causes[outcome]();
}

function loopId(name: string, { since, log }: FailureStreak): string {
  return alertId(name, String(since), String(log.at(-1)?.time));
}

function reasonOf(streak: FailureStreak): Alert["reason"] {
  if (hasGivenUp(streak)) return "gave-up";
  return streak.notified!.repeats === 0 ? "first" : "repeat";
}
