// The alert: what is told about a crash loop, its exact JSON and its readable line. No I/O.
import { hash } from "node:crypto";
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { oneLine, plain, plainJson } from "../../lib/escape.ts";
import { type AlertDetails, restartsDetails } from "./details.ts";
import { formatTime } from "../../lib/time.ts";
import { readUpdate } from "../decode/update.ts";

/** A crash loop to be told. */
export interface Alert {
  /** The same for the same loop told again, whoever computes it: 32 hexadecimal digits. */
  readonly id: string;
  /** The id that all alerts about one loop have in common: that of the first. */
  readonly loop: string;
  /** Name of what loops: of the allocation, or of the task in it. */
  readonly name: string;
  /** Notified for the first time, or again since it goes on, or that it is over, or that Nomad has given it up. */
  readonly reason: "first" | "repeat" | "resolved" | "gave-up";
  /** The update of its last restart, or failed run, as it came. */
  readonly lastEvent: string;
  /** The times of its counted restarts, in order of arrival. */
  readonly eventLog: readonly Nanoseconds[];
  /** Set where `eventLog` has as many times as are kept: there can have been older ones. */
  readonly limit?: number;
  /** What the payload `full` says beyond that; of the rule `restarts` it is made when it is sent. */
  readonly details?: AlertDetails;
}

/** The id of an alert, from what makes it this one and no other. */
export function alertId(...identity: readonly string[]): string {
  return hash("sha256", JSON.stringify(identity), "hex").slice(0, 32);
}

/** What sinks get: the two fields of seatgeek's nomad-crashloop-detector, or those and the whole story. */
export const payloads = ["original", "full"] as const;
/** One of them. */
export type Payload = typeof payloads[number];

/**
 * The alert as sinks get it, on one line: `{"LastEvent":<update>,"EventLog":[<RFC 3339>…]}`, with the payload
 * `full` also `Id` and the fields of `AlertDetails`. The update keeps all its fields, digits and their order. A log that
 * is not whole is followed by `"EventLogLimit":<how many are kept>`. Characters that a terminal would obey stand
 * in it as escapes: `\u009b`.
 */
export function alertJson(alert: Alert, payload: Payload = "original"): string {
  const { lastEvent, eventLog, limit } = alert;
  const times = eventLog.map((time) => `"${formatTime(time)}"`).join(",");
  const cut = limit === undefined ? "" : `,"EventLogLimit":${limit}`;
  const more = payload === "original"
    ? ""
    : `,"Id":"${alert.id}",${JSON.stringify(alert.details ?? restartsDetails(alert)).slice(1, -1)}`;
  return plainJson(`{"LastEvent":${oneLine(lastEvent)},"EventLog":[${times}]${cut}${more}}`);
}

/** The alert as a person reads it on a terminal: when, what, how often in which time, and why. In columns, as
 * far as names are of usual length. The name tells the job. `colored`: with the terminal's colours. */
export function alertText(alert: Alert, colored = false): string {
  const { name, reason, eventLog, details } = alert;
  const times = eventLog.length > 0 ? eventLog : [lastTime(alert)];
  const newest = times.reduce((a, b) => (a > b ? a : b));
  const oldest = times.reduce((a, b) => (a < b ? a : b));
  const second = 1_000_000_000n;
  const count = details?.Failures ?? eventLog.length;
  const counted = `${count} ${details === undefined ? "restart" : "failed run"}${count === 1 ? "" : "s"}`;
  const heading = reason !== "resolved" && details?.FlappingSince !== undefined ? "flaps" : headings[reason];
  const span = times.length > 1 ? ` in ${formatDuration((newest - oldest) / second * second)}` : "";
  return [
    formatTime(newest / second * second),
    colored ? inColor(heading, colors[reason]).padEnd(21) : heading.padEnd(11),
    plain(name).padEnd(28),
    (counted + span).padEnd(20),
    details !== undefined || reason === "resolved"
      ? plain((details ?? restartsDetails(alert)).Reason)
      : restartWords(alert),
  ].join("  ");
}

/** Red, yellow, green and magenta, and what ends them: ten characters that take no room. */
const colors = { first: 31, repeat: 33, resolved: 32, "gave-up": 35 };

function inColor(text: string, color: number): string {
  return `\x1b[${color}m${text}\x1b[39m`;
}

const headings = { first: "crash loop", repeat: "still loops", resolved: "is over", "gave-up": "gave up" };

function restartWords({ lastEvent }: Alert): string {
  const { TaskName, TaskEvent } = JSON.parse(lastEvent);
  const shown = (value: unknown) => typeof value === "string" && value !== "" ? plain(value) : "-";
  return `task ${shown(TaskName)}: ${shown(TaskEvent.RestartReason || TaskEvent.DisplayMessage)}`;
}

function lastTime({ lastEvent }: Alert): Nanoseconds {
  const read = readUpdate(new TextEncoder().encode(lastEvent));
  return read.kind === "read" ? read.time : 0n;
}
