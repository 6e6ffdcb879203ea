// Decodes an update for the rule `failures`: its task, and what it says about a run of that task. The meaning of events
// follows Nomad's client/allocrunner/taskrunner and client/allocrunner/taskrunner/restarts.
import type { Nanoseconds } from "../../lib/duration.ts";
import { parseTime } from "../../lib/time.ts";
import type { Exit, JobEvent, JobSettingsEvent, Malformed, Meaning, NodeEvent, RunEvent } from "../event.ts";
import { type Fields, isObject, textOf } from "./fields.ts";
import { jobEventOf } from "./job_event.ts";
import { jobSettingsOf } from "./job_settings_event.ts";
import { nodeEventOf } from "./node_event.ts";
import { keyOf, nameOf } from "./task_key.ts";
import { identityOf, isRequested, missed, readUpdate } from "./update.ts";

/** Decodes one message for the rule `failures`. Never throws. */
export function decodeRun(
  body: Uint8Array,
): RunEvent | JobEvent | JobSettingsEvent | NodeEvent | Malformed {
  const read = readUpdate(body);
  if (read.kind === "malformed") return read;
  const ofOther = jobEventOf(read) ?? jobSettingsOf(read) ?? nodeEventOf(read);
  if (ofOther !== undefined) return ofOther;
  const { update, event, type, time } = read;
  const key = keyOf(update, textOf(update.Name));
  const allocation = textOf(update.AllocationID);
  const exit = type === "Terminated" ? exitOf(event) : undefined;
  return {
    kind: "event",
    name: nameOf(key),
    key,
    time,
    allocation,
    createIndex: wholeNumber(update.CreateIndex) ?? 0,
    identity: identityOf(allocation, key.Task),
    type,
    meaning: meaningOf(update, event, type, exit),
    displayMessage: textOf(event.DisplayMessage) || type,
    missed: missed(update),
    afterGap: update.EventsMissed === true,
    startedAt: timeOf(textOf(update.TaskStartedAt)),
    exit,
    nextAttempt: type === "Restarting" ? nextAttempt(event, time) : undefined,
    node: { ID: textOf(update.NodeID), Name: textOf(update.NodeName) },
    update: read.text,
  };
}

function meaningOf(update: Fields, event: Fields, type: string, exit: Exit | undefined): Meaning {
  if (isStopped(update)) return "stopped";
  switch (type) {
    case "Started":
      return "started";
    case "Terminated":
      return isDone(update) && exit?.code === 0 && exit.signal === undefined ? "completed" : "exited";
    case "Restarting":
      return isRequested(event) ? "nothing" : "failed";
    case "Not Restarting":
      return "failed";
    case "Killing":
      return failsTask(event) ? "failing" : "nothing";
    default:
      return "nothing";
  }
}

/** The texts are those of Nomad's scheduler/structs/const.go. Its other reasons to stop an allocation are a deploy, a
 * drain, a failure, a replacement whose lost original came back: then the task continues elsewhere. */
function isStopped({ DesiredStatus, DesiredDescription }: Fields): boolean {
  return DesiredStatus === "stop" &&
    /^(?:system )?alloc not needed (?:due to job update|as node is tainted)/.test(textOf(DesiredDescription));
}

/** A service that ends with 0 is restarted, and dead only when that is given up; a batch task is done. */
function isDone({ DesiredStatus, ClientStatus, TaskState, TaskFailed }: Fields): boolean {
  return DesiredStatus === "run" && ClientStatus !== "failed" && TaskState === "dead" && TaskFailed === false;
}

function failsTask({ FailsTask, Details }: Fields): boolean {
  return FailsTask === true || (isObject(Details) && Details.fails_task === "true");
}

/** `oom_killed` can be false although it was so; then a driver may say it in words. */
function exitOf(event: Fields): Exit {
  const details: Fields = isObject(event.Details) ? event.Details : {};
  const words = `${textOf(details.exit_message)} ${textOf(event.Message)}`;
  return {
    code: wholeNumber(details.exit_code ?? event.ExitCode),
    signal: wholeNumber(details.signal ?? event.Signal) || undefined,
    outOfMemory: details.oom_killed === "true" || /\bOOM\b|out of memory/i.test(words),
  };
}

function nextAttempt({ StartDelay, Details }: Fields, time: Nanoseconds): Nanoseconds | undefined {
  const delay = wholeNumber((isObject(Details) ? Details.start_delay : undefined) ?? StartDelay);
  return delay === undefined || delay < 0 ? undefined : time + BigInt(delay);
}

function wholeNumber(value: unknown): number | undefined {
  const found = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isSafeInteger(found) ? found : undefined;
}

/** A time that was reached; Go writes one that was not as the year 1. */
function timeOf(text: string): Nanoseconds | undefined {
  const time = parseTime(text);
  return time !== undefined && time > 0n ? time : undefined;
}
