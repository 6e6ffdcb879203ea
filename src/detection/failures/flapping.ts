// Flapping: a loop that begins again soon after its resolution was sent, several times. It is sent as flapping, and
// its next resolution only after it was quiet for as long as it flapped. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { type FailureStreak, runningSince, type StreakNotice } from "./streak.ts";

/** This many loops of one task within the notification interval are flapping. */
const minLoops = 3;

/** The notice of a loop that is notified now, after the last notice of its task. */
export function nextNotice(
  before: StreakNotice | undefined,
  id: string,
  now: Nanoseconds,
  notificationInterval: Nanoseconds,
): StreakNotice {
  const notified: StreakNotice = { id, repeats: 0, at: now, resolved: false };
  // If resolutions are not sent, a new loop waits for the notification interval, so it cannot flap.
  const earlier = before?.resolvedSent ? before.begun ?? [before.at] : [];
  const begun = [...earlier.filter((at) => now - at < notificationInterval), now].slice(-minLoops);
  if (begun.length >= minLoops) notified.flappingSince = begun[0]!;
  return { ...notified, begun };
}

/** Notes that a flapping loop has been quiet since then: a batch task completed. */
export function quieten(streak: FailureStreak, at: Nanoseconds): void {
  const { notified } = streak;
  if (notified === undefined) return;
  const quietSince = notified.quietSince ?? at;
  notified.quietSince = quietSince > lastFailureOf(streak) ? quietSince : at;
}

/** Whether the active loop flaps. */
export function flaps({ notified }: FailureStreak): boolean {
  return notified !== undefined && !notified.resolved && notified.flappingSince !== undefined;
}

/** Since when nothing failed: since the current run began, or since a batch task completed in a flapping loop. */
export function quietSince(streak: FailureStreak): Nanoseconds | undefined {
  const since = flaps(streak) ? streak.notified?.quietSince : undefined;
  return since !== undefined && since > lastFailureOf(streak) ? since : runningSince(streak);
}

/** How long a run must last to resolve the streak; if the loop flaps, as long as it flapped. */
export function stableAfterOf(streak: FailureStreak, stableAfter: Nanoseconds): Nanoseconds {
  if (!flaps(streak)) return stableAfter;
  const flapped = lastFailureOf(streak) - streak.notified!.flappingSince!;
  return flapped > stableAfter ? flapped : stableAfter;
}

function lastFailureOf({ log, newest }: FailureStreak): Nanoseconds {
  return log.at(-1)?.time ?? newest;
}
