// What the payload `full` says of a loop beyond the original's two fields, and in one plain sentence.
// alert.schema.json describes it.
import { formatDuration, type Nanoseconds } from "./duration.ts";
import type { Exit, Row } from "./row.ts";
import { formatTime } from "./time.ts";
import type { Key } from "./run_event.ts";
import { type Fields, readUpdate, textOf } from "./update.ts";

/** Fields of the payload; times are RFC 3339. */
export interface Story {
  readonly Status: "looping" | "resolved";
  readonly Rule: "restarts" | "loops";
  /** The id that all alerts about one loop have in common. */
  readonly Loop: string;
  readonly Key: Partial<Key>;
  /** Restarts, or failed runs in a row. */
  readonly Failures: number;
  /** Of them, those that no event told of. */
  readonly NotSeen: number;
  /** The first failure. */
  readonly Since: string;
  readonly LastExit?: {
    readonly Time: string;
    readonly ExitCode?: number;
    readonly Signal?: number;
    readonly OutOfMemory?: "reported" | "likely";
    /** A duration as Go writes it. */
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

/** The story of a row, or of its end where `resolved` says why. */
export function tellStory(row: Row, now: Nanoseconds, resolved: string | undefined): Story {
  const { key, failures, notSeen, since, exit, nextAttempt, node, events, told } = row;
  const next = nextAttempt !== undefined && nextAttempt > now ? nextAttempt : undefined;
  return {
    Status: resolved === undefined ? "looping" : "resolved",
    Rule: "loops",
    Loop: told!.id,
    Key: key,
    Failures: failures,
    NotSeen: notSeen,
    Since: formatTime(since),
    ...(exit === undefined ? {} : { LastExit: exitFields(exit) }),
    Reason: resolved === undefined
      ? loopSentence(row, now, next)
      : `${resolved}, after ${often(failures)} since ${clock(since, now)}`,
    ...(next === undefined || resolved !== undefined ? {} : { NextAttempt: formatTime(next) }),
    Node: { ID: node.ID, ...(node.Name === "" ? {} : { Name: node.Name }) },
    Events: events.map((event) => ({ ...event, Time: formatTime(event.Time) })),
  };
}

/** The story of an alert of the rule `restarts`: what its last event and its restarts tell. */
export function tellRestarts({ lastEvent, eventLog, loop, reason }: RestartsAlert): Story {
  const read = readUpdate(new TextEncoder().encode(lastEvent));
  const nothing: Fields = {};
  const { update, event, time } = read.kind === "read" ? read : { update: nothing, event: nothing, time: 0n };
  const text = (name: string) => typeof update[name] === "string" ? { [name]: update[name] } : {};
  const times = eventLog.length > 0 ? eventLog : [time];
  const since = times.reduce((a, b) => (a < b ? a : b));
  const newest = times.reduce((a, b) => (a > b ? a : b));
  const why = textOf(event.RestartReason) || textOf(event.DisplayMessage);
  const restarted = `restarted ${often(eventLog.length)} since ${clock(since, newest)}${why && `: ${why}`}`;
  return {
    Status: reason === "resolved" ? "resolved" : "looping",
    Rule: "restarts",
    Loop: loop,
    Key: {
      ...text("Namespace"),
      ...text("JobID"),
      TaskGroup: textOf(update.GroupName),
      Task: textOf(update.TaskName),
    },
    Failures: eventLog.length,
    NotSeen: eventLog.length - new Set(eventLog).size,
    Since: formatTime(since),
    Reason: reason === "resolved" ? "it no longer restarts often enough" : restarted,
    Node: { ID: textOf(update.NodeID), ...(update.NodeName ? { Name: textOf(update.NodeName) } : {}) },
    Events: [],
  };
}

/** What is told of an alert here. */
interface RestartsAlert {
  readonly lastEvent: string;
  readonly eventLog: readonly Nanoseconds[];
  readonly loop: string;
  readonly reason: string;
}

function exitFields({ time, code, signal, outOfMemory, after }: Exit): Story["LastExit"] {
  return {
    Time: formatTime(time),
    ...(code === undefined ? {} : { ExitCode: code }),
    ...(signal === undefined ? {} : { Signal: signal }),
    ...(outOfMemory === undefined ? {} : { OutOfMemory: outOfMemory }),
    ...(after === undefined ? {} : { After: rounded(after) }),
  };
}

function loopSentence(row: Row, now: Nanoseconds, next: Nanoseconds | undefined): string {
  const { exit, failures, since, events } = row;
  const failedOnly = exit === undefined || exit.time < since;
  const what = failedOnly ? events.at(-1)?.DisplayMessage ?? "failed" : exitWords(exit);
  const again = next === undefined ? "" : `; Nomad tries again in ${rounded(next - now)}`;
  return `${what}, ${often(failures)} since ${clock(since, now)}${again}`;
}

function exitWords({ code, signal, outOfMemory, after }: Exit): string {
  const how = outOfMemory === "reported"
    ? "ran out of memory"
    : signal
    ? `was killed by signal ${signal}${outOfMemory === "likely" ? ", likely out of memory," : ""}`
    : `exited with ${code ?? "an unknown code"}`;
  return after === undefined ? how : `${how} after ${rounded(after)}`;
}

function often(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** The time of day, with the date where that is another one. */
function clock(time: Nanoseconds, now: Nanoseconds): string {
  const text = formatTime(time);
  return text.slice(0, 10) === formatTime(now).slice(0, 10)
    ? text.slice(11, 16)
    : text.slice(0, 16).replace("T", " ");
}

/** As exact as a person wants it: `52s`, `1.2s`, `3m20s`. */
function rounded(duration: Nanoseconds): string {
  const unit = duration < 10_000_000_000n ? 100_000_000n : 1_000_000_000n;
  return formatDuration((duration + unit / 2n) / unit * unit);
}
