// What the rule `failures` decides about loops: first alert, repeat, given up, resolved; and the alerts. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { later } from "../../lib/time.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import { inWords } from "../alert/details.ts";
import type { ActiveLoop, Decision } from "../rule.ts";
import type { Deadlines, FailuresThresholds } from "./deadlines.ts";
import { failuresDetails } from "./details.ts";
import { nextNotice } from "./flapping.ts";
import { clear, type FailureStreak, hasGivenUp, isActive, maxLogged } from "./streak.ts";
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

  constructor(thresholds: FailuresThresholds, deadlines: Deadlines) {
    this.#thresholds = thresholds;
    this.#deadlines = deadlines;
  }

  /** The first alert of a loop, or a repeat in the phase of the first. */
  notify({ streak, name }: Named, now: Nanoseconds): Decision {
    const interval = this.#thresholds.notificationInterval;
    const { notified } = streak;
    if (notified !== undefined && !notified.resolved) {
      notified.at += (now - notified.at) / interval * interval;
      notified.repeats++;
      const id = alertId(notified.id, String(notified.repeats));
      return { reason: "repeat", alert: alertOf(name, streak, id, now) };
    }
    const id = loopId(name, streak);
    this.active++;
    streak.notified = nextNotice(notified, id, now, interval);
    return { reason: "first", alert: alertOf(name, streak, id, now) };
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
      const alert = this.#thresholds.notifyResolved ? alertOf(name, streak, id, now, cause) : undefined;
      if (alert !== undefined) streak.notified!.resolvedSent = true;
      decision = { reason: "resolved", name, cause, ...(alert === undefined ? {} : { alert }) };
    }
    clear(streak, at);
    return decision;
  }

  /** Nomad makes no further attempt. A streak that is no loop ends with it. */
  giveUp({ streak, name }: Named, now: Nanoseconds): Decision | undefined {
    if (hasGivenUp(streak)) return undefined;
    if (isActive(streak)) this.active--;
    else {
      if (!this.#deadlines.isLoop(streak)) return void clear(streak, streak.newest);
      streak.notified = { id: loopId(name, streak), repeats: 0, at: now, resolved: false };
    }
    streak.notified!.gaveUp = true;
    streak.notified!.at = now;
    streak.nextAttempt = undefined;
    const alert = alertOf(name, streak, alertId(streak.notified!.id, "gave-up"), now);
    const cause = alert.details!.Reason;
    return { reason: "gave-up", name, cause, ...(this.#thresholds.notifyResolved ? { alert } : {}) };
  }

  /** Resolves a loop that Nomad gave up. That it gave up was notified, so its end needs no alert. */
  close({ streak, name }: Named, cause: string): Decision {
    clear(streak, streak.newest);
    delete streak.notified;
    return { reason: "resolved", name, cause };
  }

  /** The loop of a streak, if it is active or was given up. */
  loop({ streak, name }: Named, now: Nanoseconds): ActiveLoop | undefined {
    if (!isShown(streak)) return undefined;
    const { id, repeats, at } = streak.notified!;
    // Without the time of Nomad's next attempt, which would soon be past.
    const alert = alertOf(name, streak, id, later(now, streak.nextAttempt ?? now));
    if (!hasGivenUp(streak)) return { alert, notified: repeats + 1 };
    return { alert, notified: repeats + 1 + Number(this.#thresholds.notifyResolved), gaveUpAt: at };
  }
}

/** Why a loop is resolved whose job was stopped, or is gone. */
export function causeOf(outcome: "stopped" | "gone"): string {
  return causes[outcome]();
}

/** Whether its loop is active, or was given up. */
export function isShown(streak: FailureStreak): boolean {
  return isActive(streak) || hasGivenUp(streak);
}

function loopId(name: string, { since, log }: FailureStreak): string {
  return alertId(name, String(since), String(log.at(-1)?.time));
}

function alertOf(
  name: string,
  streak: FailureStreak,
  id: string,
  now: Nanoseconds,
  resolved?: string,
): Alert {
  return {
    id,
    loop: streak.notified!.id,
    name,
    reason: resolved === undefined ? reasonOf(streak) : "resolved",
    lastEvent: streak.lastEvent,
    eventLog: streak.log.map(({ time }) => time),
    ...(streak.log.length >= maxLogged ? { limit: maxLogged } : {}),
    details: failuresDetails(streak, now, resolved),
  };
}

function reasonOf(streak: FailureStreak): Alert["reason"] {
  if (hasGivenUp(streak)) return "gave-up";
  return streak.notified!.repeats === 0 ? "first" : "repeat";
}
