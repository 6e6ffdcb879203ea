// The alert as one line for a terminal. No I/O.
import { formatDuration } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import { formatTime } from "../../lib/time.ts";
import type { Alert } from "./alert.ts";
import { detailsOf, lastTimeOf, lastUpdateOf } from "./details_of.ts";

/** The alert in columns: time, kind, key, count and span, reason. `colored`: with the terminal's colours. */
export function alertText(alert: Alert, colored = false): string {
  const { name, reason, eventLog, details } = alert;
  const times = eventLog.length > 0 ? eventLog : [lastTimeOf(alert)];
  const newest = times.reduce((a, b) => (a > b ? a : b));
  const oldest = times.reduce((a, b) => (a < b ? a : b));
  const second = 1_000_000_000n;
  const count = details?.Failures ?? eventLog.length;
  const counted = `${count} ${details === undefined ? "restart" : "failed run"}${count === 1 ? "" : "s"}`;
  const heading = reason !== "resolved" && details?.FlappingSince !== undefined
    ? "flapping"
    : headings[reason];
  const span = times.length > 1 ? ` in ${formatDuration((newest - oldest) / second * second)}` : "";
  return [
    formatTime(newest / second * second),
    colored ? inColor(heading, colors[reason]).padEnd(21) : heading.padEnd(11),
    plain(name).padEnd(28),
    (counted + span).padEnd(20),
    details !== undefined || reason === "resolved" ? plain(detailsOf(alert).Reason) : restartWords(alert),
  ].join("  ");
}

/** Red, yellow, green and magenta. Their escape sequences are ten characters that take no room. */
const colors = { first: 31, repeat: 33, update: 33, resolved: 32, "gave-up": 35 };

function inColor(text: string, color: number): string {
  return `\x1b[${color}m${text}\x1b[39m`;
}

const headings = {
  first: "crash loop",
  repeat: "still loops",
  update: "changed",
  resolved: "resolved",
  "gave-up": "gave up",
};

function restartWords(alert: Alert): string {
  const { task, reason } = lastUpdateOf(alert);
  return `task ${plain(task) || "-"}: ${plain(reason) || "-"}`;
}
