// Makes the alerts about the detector itself. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { formatTime } from "../../lib/time.ts";
import { type Alert, alertId } from "./alert.ts";
import type { AlertDetails } from "./details.ts";
import type { Notice } from "./notice.ts";

/** What a notice is made of. */
export interface NoticeParts {
  readonly kind: Notice["kind"];
  readonly component: string;
  readonly since: Nanoseconds;
  readonly problem: string;
  /** How many alerts about this trouble were sent before. */
  readonly sent: number;
  /** It works again, since then. */
  readonly until?: Nanoseconds;
  /** The rule in force. */
  readonly rule: AlertDetails["Rule"];
}

const program = "nomad-crashloop-detector";

/** The alert about a trouble: its first one, a repeat, or its end. Its ids follow from the component and from when the
 * trouble began. */
export function noticeAlert({ kind, component, since, problem, sent, until, rule }: NoticeParts): Alert {
  const loop = alertId(program, component, String(since));
  const reason = until !== undefined ? "resolved" : sent === 0 ? "first" : "repeat";
  const end = until === undefined ? {} : { until: formatTime(until) };
  return {
    id: reason === "first" ? loop : alertId(loop, reason, String(sent)),
    loop,
    name: `${program}: ${component}`,
    reason,
    lastEvent: "{}",
    eventLog: [],
    details: {
      Status: reason === "resolved" ? "resolved" : "looping",
      Rule: rule,
      Loop: loop,
      Key: {},
      Failures: 0,
      Missed: 0,
      Since: formatTime(since),
      Reason: problem,
      Node: { ID: "" },
      Events: [],
    },
    notice: { kind, component, since: formatTime(since), ...end, problem },
  };
}
