// Builds the view of a loop, as the API shows it, from the alert that would be sent now.
import type { Alert } from "../../detection/alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { detailsOf, lastUpdateOf } from "../../detection/alert/details_of.ts";
import { formatTime } from "../../lib/time.ts";
import type { CauseView, LoopView } from "../view.ts";

/** The length of a timeline, in milliseconds. */
export const hour = 3_600_000;

/** Milliseconds since the Unix epoch. */
export function milliseconds(time: Nanoseconds): number {
  return Number(time / 1_000_000n);
}

/** What an alert does not say about its loop. */
export interface LoopContext {
  readonly notifications: number;
  /** Restarts or failed runs, oldest first, in milliseconds. */
  readonly times: readonly number[];
  /** The start of the loop, if the alert does not know it: that of the rule `restarts` has only the window. */
  readonly since?: string | undefined;
  /** The first notification, if known. */
  readonly firstNotifiedAt: string | null;
  readonly cause?: CauseView | null | undefined;
}

/** The view of an active loop. */
export function loopView(
  alert: Alert,
  { notifications, times, since, firstNotifiedAt, cause = null }: LoopContext,
): LoopView {
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
    notifications,
    firstNotifiedAt,
    since: since ?? details.Since,
    lastAt: formatTime(lastAt),
    gaveUpAt: null,
    resolvedAt: null,
    reason: details.Reason,
    exitCode: details.LastExit?.ExitCode ?? null,
    timeline: timeline(times, milliseconds(lastAt)),
    muted: details.Muted ?? null,
    severity: details.Severity ?? null,
    owner: details.Owner ?? null,
    runbook: webAddress(details.Runbook),
    cause,
  };
}

/** What a link can have: anything else that a job's meta says could run a script. */
function webAddress(text = ""): string | null {
  const { protocol, href } = URL.parse(text) ?? { protocol: "", href: "" };
  return protocol === "http:" || protocol === "https:" ? href : null;
}

/** The times within the hour before the last one. */
export function timeline(times: readonly number[], lastAt: number): number[] {
  return times.filter((time) => time > lastAt - hour);
}
