// A loop as the API shows it, made of what would be told about it.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { detailsOf, lastUpdateOf } from "../detection/alert/details_of.ts";
import { formatTime } from "../lib/time.ts";
import type { LoopView } from "./view.ts";

/** The last hour, in milliseconds: what timelines show. */
export const hour = 3_600_000;

/** Milliseconds since the Unix epoch. */
export function milliseconds(time: Nanoseconds): number {
  return Number(time / 1_000_000n);
}

/** What an alert does not say of its loop. */
export interface Beside {
  /** How often it was told. */
  readonly notified: number;
  /** Its restarts, oldest first, in milliseconds. */
  readonly times: readonly number[];
  /** Since when it was said to go on before; the alert of the rule `restarts` knows only what is in the window. */
  readonly since?: string | undefined;
  /** When it was told first, where that is known. */
  readonly firstNotifiedAt: string | null;
}

/** The view of a loop that goes on. */
export function loopView(alert: Alert, { notified, times, since, firstNotifiedAt }: Beside): LoopView {
  const details = detailsOf(alert);
  const { Namespace, JobID, TaskGroup } = details.Key;
  const last = lastUpdateOf(alert);
  const lastAt = alert.eventLog.reduce((a, b) => (a > b ? a : b), 0n);
  return {
    id: alert.loop,
    status: "looping",
    name: alert.name,
    namespace: Namespace ?? null,
    job: JobID ?? "",
    group: TaskGroup || null,
    task: details.Key.Task ?? (last.task || null),
    node: details.Node.Name ?? (details.Node.ID || null),
    allocation: last.allocation || null,
    count: details.Failures,
    notifications: notified,
    firstNotifiedAt,
    since: since ?? details.Since,
    lastAt: formatTime(lastAt),
    gaveUpAt: null,
    resolvedAt: null,
    reason: details.Reason,
    exitCode: details.LastExit?.ExitCode ?? null,
    timeline: timeline(times, milliseconds(lastAt)),
  };
}

/** Those of the times that are of the last hour before the last. */
export function timeline(times: readonly number[], lastAt: number): number[] {
  return times.filter((time) => time > lastAt - hour);
}
