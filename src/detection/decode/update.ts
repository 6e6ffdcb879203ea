// Decodes the bytes of an allocation update of nomad-firehose: a restart, something to ignore, or malformed. Times are
// exact to the nanosecond. No rule and no I/O.
import { Buffer, isAscii } from "node:buffer";
import type { Nanoseconds } from "../../lib/duration.ts";
import { maxTime } from "../../lib/time.ts";
import type { JobSettingsEvent, Malformed, NodeEvent, Other, Restart } from "../event.ts";
import { type Fields, isObject, textOf } from "./fields.ts";
import { jobSettingsOf } from "./job_settings_event.ts";
import { nodeEventOf } from "./node_event.ts";
import { mayRestart, timeOfOther } from "./prefilter/prefilter.ts";
import { readPlainRestart } from "./plain_restart.ts";

/** What a message means to the rule `restarts`. */
export type Update = Restart | JobSettingsEvent | NodeEvent | Other | Malformed;

/** An update of any type, read but not judged. */
export interface Read {
  readonly kind: "read";
  readonly time: Nanoseconds;
  readonly name: string;
  readonly type: string;
  /** The update, and its `TaskEvent`. The numbers in them are not exact. */
  readonly update: Fields;
  readonly event: Fields;
  readonly text: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const minTime = -(1n << 63n);

/** Decodes one message for the rule `restarts`. Never throws: what it cannot read is malformed, with the reason. */
export function decode(body: Uint8Array): Update {
  const time = timeOfOther(body);
  if (time > mayRestart) return { kind: "other", time };
  const plain = time === mayRestart ? plainRestart(latin1(body)) : undefined;
  if (plain !== undefined) return plain;
  const read = readUpdate(body);
  if (read.kind === "malformed") return read;
  const { type, name, update, event, text } = read;
  if (type !== "Restarting") {
    return jobSettingsOf(read) ?? nodeEventOf(read) ?? { kind: "other", time: read.time };
  }
  const allocation = textOf(update.AllocationID);
  const task = textOf(update.TaskName);
  return {
    kind: "restart",
    name,
    allocation,
    task,
    identity: identityOf(allocation, task),
    time: read.time,
    requested: isRequested(event),
    missed: missed(update),
    update: text,
  };
}

function plainRestart(text: string): Restart | undefined {
  const plain = readPlainRestart(text);
  if (plain === undefined) return undefined;
  const { name, allocation, task, time } = plain;
  const identity = identityOf(allocation, task);
  return {
    kind: "restart",
    name,
    allocation,
    task,
    identity,
    time: BigInt(time),
    requested: false,
    missed: 0,
    update: text,
  };
}

/** The bytes as characters, one each. */
function latin1(body: Uint8Array): string {
  const buffer = body instanceof Buffer ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return buffer.toString("latin1");
}

/** Reads one message of any type. Never throws. */
export function readUpdate(body: Uint8Array): Read | Malformed {
  if (body.length === 0) return malformed("empty");
  let text;
  try {
    text = isAscii(body) ? latin1(body) : utf8.decode(body);
  } catch {
    return malformed("not UTF-8");
  }
  let update: unknown;
  try {
    update = JSON.parse(text);
  } catch {
    return malformed("not JSON");
  }
  if (!isObject(update)) return malformed("not a JSON object");
  const { Name: name, TaskEvent: event } = update;
  if (typeof name !== "string" || name === "") return malformed("no Name");
  if (!isObject(event)) return malformed("no TaskEvent");
  if (typeof event.Type !== "string") return malformed("no TaskEvent.Type");
  if (typeof event.Time !== "number") return malformed("TaskEvent.Time is not a number");
  const time = exactTime(text);
  if (time === "too deep") return malformed("nested too deeply");
  if (time === undefined || time < minTime || time > maxTime) {
    return malformed("TaskEvent.Time is not a whole number of 64 bits");
  }
  return { kind: "read", time, name: fullName(update, name), type: event.Type, update, event, text };
}

/** The name, prefixed with its namespace if the update has one. Half a surrogate pair could not be kept in a file. */
function fullName({ Namespace: namespace }: Fields, name: string): string {
  return (typeof namespace === "string" ? `${namespace}/${name}` : name).toWellFormed();
}

/** The source `nomad` adds how many restarts happened that no event showed. */
export function missed({ MissedRestarts: count }: Fields): number {
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function malformed(reason: string): Malformed {
  return { kind: "malformed", reason };
}

/**
 * `TaskEvent.Time` to the last digit, which a JavaScript number does not hold. If the text has one key `Time` and
 * none that could be an escaped one, its digits are cut out; else the text is parsed again.
 */
function exactTime(text: string): Nanoseconds | undefined | "too deep" {
  const key = text.indexOf('"Time"');
  if (key >= 0 && text.indexOf('"Time"', key + 1) < 0 && !text.includes("\\u")) {
    afterTime.lastIndex = key;
    const digits = afterTime.exec(text)?.[1];
    return digits === undefined ? undefined : wholeNumber(digits);
  }
  try {
    const { TaskEvent: event } = JSON.parse(text, wholeTimes);
    return typeof event.Time === "bigint" ? event.Time : undefined;
  } catch {
    return "too deep"; // the text is JSON, but a reviver recurses
  }
}

const afterTime = /"Time"\s*:\s*(-?[0-9]+)\s*[,}]/y;

function wholeTimes(key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return key === "Time" && source !== undefined ? wholeNumber(source) ?? value : value;
}

/** The integer in the text if it can be of 64 bits: reading longer ones takes more than linear time. */
function wholeNumber(text: string): bigint | undefined {
  return /^-?[0-9]{1,19}$/.test(text) ? BigInt(text) : undefined;
}

/** Nomad gives a reason for a restart that its policy decided, and none for a requested one. */
export function isRequested({ RestartReason: reason, Details: details }: Fields): boolean {
  const detail = isObject(details) ? details.restart_reason : undefined;
  if (reason === undefined && detail === undefined) return false;
  return (reason ?? "") === "" && (detail ?? "") === "";
}

/**
 * A hash of allocation and task, an integer up to 2^53, kept instead of two strings. Two restarts of one key with the
 * same identity and nanosecond are taken for the same.
 */
export function identityOf(allocation: string, task: string): number {
  const text = `${allocation}\0${task}`;
  let high = 0x811c9dc5;
  let low = 0x9e3779b9;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b) ^ low >>> 13;
  }
  return (high >>> 0) % 2 ** 21 * 2 ** 32 + (low >>> 0);
}
