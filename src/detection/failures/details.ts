// What the payload `full` says of a loop of the rule `failures`, above all in its one sentence.
import type { Nanoseconds } from "../../lib/duration.ts";
import { formatTime } from "../../lib/time.ts";
import { type AlertDetails, clock, inWords, type JobWishes, often, rounded } from "../alert/details.ts";
import { exitCodeWords, signalWords } from "../alert/signals.ts";
import type { Ended, FailureStreak } from "./streak.ts";

/** The details of a streak that was notified, or of its end if `resolved` says why. `wishes` are those of its job. */
export function failuresDetails(
  streak: FailureStreak,
  now: Nanoseconds,
  resolved: string | undefined,
  wishes: JobWishes,
): AlertDetails {
  const { key, failures, missed, since, ended, nextAttempt, node, events, notified } = streak;
  const next = resolved === undefined && nextAttempt !== undefined && nextAttempt > now
    ? nextAttempt
    : undefined;
  return {
    Status: resolved !== undefined ? "resolved" : notified!.gaveUp ? "gave-up" : "looping",
    Rule: "failures",
    Loop: notified!.id,
    Key: key,
    Failures: failures,
    Missed: missed,
    Since: formatTime(since),
    ...(notified!.flappingSince === undefined ? {} : { FlappingSince: formatTime(notified!.flappingSince) }),
    ...(ended === undefined ? {} : { LastExit: exitFields(ended) }),
    Reason: resolved === undefined
      ? loopSentence(streak, now, next)
      : `${resolved}, after ${failures} failed ${failures === 1 ? "run" : "runs"} since ${clock(since, now)}`,
    ...(next === undefined ? {} : { NextAttempt: formatTime(next) }),
    Node: { ID: node.ID, ...(node.Name === "" ? {} : { Name: node.Name }) },
    Events: events.map((event) => ({ ...event, Time: formatTime(event.Time) })),
    ...wishes,
  };
}

function exitFields(ended: Ended): AlertDetails["LastExit"] {
  const { time, code, signal, runtime } = ended;
  const outOfMemory = memoryOf(ended);
  return {
    Time: formatTime(time),
    ...(code === undefined ? {} : { ExitCode: code }),
    ...(signal === undefined ? {} : { Signal: signal }),
    ...(outOfMemory === undefined ? {} : { OutOfMemory: outOfMemory }),
    ...(runtime === undefined ? {} : { After: rounded(runtime) }),
  };
}

/** Signal 9 is what the kernel ends a process with that goes over its limit. */
function memoryOf({ outOfMemory, killed, code, signal }: Ended): "reported" | "likely" | undefined {
  if (outOfMemory) return "reported";
  return !killed && (signal === 9 || code === 137) ? "likely" : undefined;
}

function loopSentence(streak: FailureStreak, now: Nanoseconds, next: Nanoseconds | undefined): string {
  const { ended, cause, failures, since, notified } = streak;
  const what = cause?.trim().replaceAll(/\s+/g, " ") || (ended === undefined ? "failed" : exitWords(ended));
  const again = notified?.gaveUp
    ? "; Nomad has given it up"
    : next === undefined
    ? ""
    : `; Nomad tries again in ${inWords(next - now)}`;
  const flaps = notified?.flappingSince === undefined
    ? ""
    : `flaps since ${clock(notified.flappingSince, now)}: `;
  return `${flaps}${what}, ${often(failures)} since ${clock(since, now)}${again}`;
}

function exitWords(ended: Ended): string {
  const { code, signal, runtime } = ended;
  const memory = memoryOf(ended);
  const how = memory === "reported"
    ? "ran out of memory"
    : signal !== undefined
    ? `was killed by signal ${signalWords(signal)}`
    : `exited with ${code === undefined ? "an unknown code" : exitCodeWords(code)}`;
  const when = runtime === undefined ? "" : ` after ${inWords(runtime)}`;
  return `${how}${when}${memory === "likely" ? ", likely out of memory" : ""}`;
}
