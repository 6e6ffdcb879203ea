// The alert: what is told about a crash loop, its exact JSON and its readable line. No I/O.
import { createHash } from "node:crypto";
import { formatDuration, type Nanoseconds } from "./duration.ts";
import { plain, plainJson } from "./log.ts";
import { formatTime } from "./time.ts";

/** A crash loop to be told. */
export interface Alert {
  /** The same for the same loop told again, whoever computes it: 32 hexadecimal digits. */
  readonly id: string;
  /** Name of the allocation that loops. */
  readonly name: string;
  /** Told for the first time, or again since it goes on. */
  readonly reason: "first" | "repeat";
  /** The last `Restarting` update of the allocation, as it came. */
  readonly lastEvent: string;
  /** The times of its counted restarts, in order of arrival. */
  readonly eventLog: readonly Nanoseconds[];
  /** Set where `eventLog` has as many times as are kept: there can have been older ones. */
  readonly limit?: number;
}

/** The id of an alert, from what makes it this one and no other. */
export function alertId(...identity: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 32);
}

/**
 * The alert as sinks get it: `{"LastEvent":<update>,"EventLog":[<RFC 3339>…]}` on one line. The payload is that
 * of seatgeek's nomad-crashloop-detector; the update keeps all its fields, digits and their order. Characters that
 * a terminal would obey stand in it as escapes: `\u009b`. A log that is not whole is followed by
 * `"EventLogLimit":<how many are kept>`.
 */
export function alertJson({ lastEvent, eventLog, limit }: Alert): string {
  const times = eventLog.map((time) => `"${formatTime(time)}"`).join(",");
  return `{"LastEvent":${plainJson(oneLine(lastEvent))},"EventLog":[${times}]${
    limit === undefined ? "" : `,"EventLogLimit":${limit}`
  }}`;
}

/** Line breaks in JSON text are only ever between its tokens: strings hold them escaped. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+[ \t\r\n]*/g, "").trim() : json;
}

/** The alert as a person reads it on a terminal: when, what, how often in which time, and why. */
export function alertText({ name, reason, lastEvent, eventLog }: Alert): string {
  const { JobID, TaskName, TaskEvent } = JSON.parse(lastEvent);
  const shown = (value: unknown) => typeof value === "string" && value !== "" ? plain(value) : "-";
  const times = eventLog.toSorted((a, b) => a < b ? -1 : 1);
  const newest = times.at(-1)!;
  const second = 1_000_000_000n;
  const span = formatDuration((newest - times[0]!) / second * second);
  const why = shown(TaskEvent.RestartReason || TaskEvent.DisplayMessage);
  return `${formatTime(newest / second * second)}  ${reason === "first" ? "crash loop" : "still loops"}  ` +
    `${plain(name)}  ${times.length} restarts in ${span}  job ${shown(JobID)}, task ${
      shown(TaskName)
    }: ${why}`;
}
