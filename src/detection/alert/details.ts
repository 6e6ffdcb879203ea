// What the payload `full` says of a loop beyond the original's two fields, and in one plain sentence.
// alert.schema.json describes it.
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { type Key, keyOf } from "../decode/task_key.ts";
import type { Ended, FailureStreak } from "../failures/streak.ts";
import { exitCodeWords, signalWords } from "./signals.ts";
import { formatTime } from "../../lib/time.ts";
import { type Fields, textOf } from "../decode/fields.ts";
import { readUpdate } from "../decode/update.ts";

/** Fields of the payload; times are RFC 3339. */
export interface AlertDetails {
  readonly Status: "looping" | "resolved" | "gave-up";
  readonly Rule: "restarts" | "loops";
  /** The id that all alerts about one loop have in common. */
  readonly Loop: string;
  readonly Key: Partial<Key>;
  /** Restarts, or failed runs in a row. */
  readonly Failures: number;
  /** Of them, those that no event told of. */
  readonly Missed: number;
  /** The first failure. */
  readonly Since: string;
  /** There where it flaps: loops, seems to be over, and loops again. The first of its loops was told then. */
  readonly FlappingSince?: string;
  readonly LastExit?: {
    readonly Time: string;
    readonly ExitCode?: number;
    readonly Signal?: number;
    /** `reported` by Nomad, or `likely`: killed by signal 9, and not by Nomad. */
    readonly OutOfMemory?: "reported" | "likely";
    /** How long the process ran, as Go writes durations. */
    readonly After?: string;
  };
  readonly Reason: string;
  readonly NextAttempt?: string;
  readonly Node: { readonly ID: string; readonly Name?: string };
  readonly Events: readonly {
    readonly Time: string;
    readonly Type: string;
    readonly DisplayMessage: string;
  }[];
}

/** The story of a row that was told, or of its end where `resolved` says why. */
export function failuresDetails(
  streak: FailureStreak,
  now: Nanoseconds,
  resolved: string | undefined,
): AlertDetails {
  const { key, failures, missed, since, ended, nextAttempt, node, events, notified } = streak;
  const next = resolved === undefined && nextAttempt !== undefined && nextAttempt > now
    ? nextAttempt
    : undefined;
  return {
    Status: resolved !== undefined ? "resolved" : notified!.gaveUp ? "gave-up" : "looping",
    Rule: "loops",
    Loop: notified!.id,
    Key: key,
    Failures: failures,
    Missed: missed,
    Since: formatTime(since),
    ...(notified!.flapsSince === undefined ? {} : { FlappingSince: formatTime(notified!.flapsSince) }),
    ...(ended === undefined ? {} : { LastExit: exitFields(ended) }),
    Reason: resolved === undefined
      ? loopSentence(streak, now, next)
      : `${resolved}, after ${failures} failed ${failures === 1 ? "run" : "runs"} since ${clock(since, now)}`,
    ...(next === undefined ? {} : { NextAttempt: formatTime(next) }),
    Node: { ID: node.ID, ...(node.Name === "" ? {} : { Name: node.Name }) },
    Events: events.map((event) => ({ ...event, Time: formatTime(event.Time) })),
  };
}

/** What is told here of an alert of the rule `restarts`. */
interface RestartsAlert {
  readonly lastEvent: string;
  readonly eventLog: readonly Nanoseconds[];
  readonly loop: string;
  readonly reason: string;
}

/** The story of an alert of the rule `restarts`: what its last event and its restarts tell. */
export function restartsDetails({ lastEvent, eventLog, loop, reason }: RestartsAlert): AlertDetails {
  const read = readUpdate(new TextEncoder().encode(lastEvent));
  const nothing: Fields = {};
  const { update, event, time } = read.kind === "read" ? read : { update: nothing, event: nothing, time: 0n };
  const times = eventLog.length > 0 ? eventLog : [time];
  const since = times.reduce((a, b) => (a < b ? a : b));
  const newest = times.reduce((a, b) => (a > b ? a : b));
  const type = textOf(event.Type);
  const message = textOf(event.DisplayMessage) || type;
  const why = textOf(event.RestartReason) || message;
  const { Task: _, ...key } = keyOf(update, textOf(update.Name));
  return {
    Status: reason === "resolved" ? "resolved" : "looping",
    Rule: "restarts",
    Loop: loop,
    Key: { ...key, JobID: textOf(update.JobID) || key.JobID },
    Failures: eventLog.length,
    Missed: eventLog.length - new Set(eventLog).size,
    Since: formatTime(since),
    Reason: reason === "resolved"
      ? "it no longer restarts often enough"
      : `restarted ${often(eventLog.length)} since ${clock(since, newest)}: ${why}`,
    Node: { ID: textOf(update.NodeID), ...(update.NodeName ? { Name: textOf(update.NodeName) } : {}) },
    Events: [{ Time: formatTime(time), Type: type, DisplayMessage: message }],
  };
}

function exitFields(ended: Ended): AlertDetails["LastExit"] {
  const { time, code, signal, after } = ended;
  const outOfMemory = memoryOf(ended);
  return {
    Time: formatTime(time),
    ...(code === undefined ? {} : { ExitCode: code }),
    ...(signal === undefined ? {} : { Signal: signal }),
    ...(outOfMemory === undefined ? {} : { OutOfMemory: outOfMemory }),
    ...(after === undefined ? {} : { After: rounded(after) }),
  };
}

/** Signal 9 is what the kernel ends a process with that goes over its limit. */
function memoryOf({ outOfMemory, killed, code, signal }: Ended): "reported" | "likely" | undefined {
  if (outOfMemory) return "reported";
  return !killed && (signal === 9 || code === 137) ? "likely" : undefined;
}

function loopSentence(streak: FailureStreak, now: Nanoseconds, next: Nanoseconds | undefined): string {
  const { ended, why, failures, since, notified } = streak;
  const what = why?.trim().replaceAll(/\s+/g, " ") || (ended === undefined ? "failed" : exitWords(ended));
  const again = notified?.gaveUp
    ? "; Nomad has given it up"
    : next === undefined
    ? ""
    : `; Nomad tries again in ${inWords(next - now)}`;
  const flaps = notified?.flapsSince === undefined ? "" : `flaps since ${clock(notified.flapsSince, now)}: `;
  return `${flaps}${what}, ${often(failures)} since ${clock(since, now)}${again}`;
}

function exitWords(ended: Ended): string {
  const { code, signal, after } = ended;
  const memory = memoryOf(ended);
  const how = memory === "reported"
    ? "ran out of memory"
    : signal !== undefined
    ? `was killed by signal ${signalWords(signal)}`
    : `exited with ${code === undefined ? "an unknown code" : exitCodeWords(code)}`;
  const when = after === undefined ? "" : ` after ${inWords(after)}`;
  return `${how}${when}${memory === "likely" ? ", likely out of memory" : ""}`;
}

function often(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** The time of day and its zone, with the date where that is another one: `03:42 UTC`, `05:42 +02:00`. */
function clock(time: Nanoseconds, now: Nanoseconds): string {
  const text = formatTime(time);
  const [zone = "Z"] = /[+-]\d\d:\d\d$/.exec(text) ?? [];
  const day = text.slice(0, 10) === formatTime(now).slice(0, 10) ? "" : `${text.slice(0, 10)} `;
  return `${day}${text.slice(11, 16)} ${zone === "Z" ? "UTC" : zone}`;
}

/** A duration in a sentence: `52 s`, `1.2 s`, `3 min 20 s`, `1 h 30 min`. */
export function inWords(duration: Nanoseconds): string {
  return rounded(duration).replaceAll(
    /([0-9.]+)([a-zµ]+)/g,
    (_, number, unit) => `${number} ${unit === "m" ? "min" : unit} `,
  ).trim();
}

/** As exact as a person wants it: `52s`, `1.2s`, `3m20s`. */
function rounded(duration: Nanoseconds): string {
  const unit = duration < 10_000_000_000n ? 100_000_000n : 1_000_000_000n;
  return formatDuration((duration + unit / 2n) / unit * unit);
}
