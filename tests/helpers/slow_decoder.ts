// The decoder once more, slow and plain, to compare the fast one with.
import assert from "node:assert/strict";
import { identityOf, type Update } from "../../src/detection/decode/update.ts";

/** A number of JSON as it is written. */
class Digits {
  constructor(readonly text: string) {}
}

/** What `decode` does, in the slowest and plainest way: every number is kept as its text. No reason is given but
 * that for a message which is too deep for this decoder. */
export function decodeSlowly(body: Uint8Array): Update {
  const malformed: Update = { kind: "malformed", reason: "" };
  let update;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    update = JSON.parse(
      text,
      (_key, value, context?: { source?: string }) =>
        typeof value === "number" ? new Digits(context!.source!) : value,
    );
  } catch (error) {
    return error instanceof RangeError ? { ...malformed, reason: tooDeep } : malformed;
  }
  if (typeof update?.Name !== "string" || update.Name === "") return malformed;
  const event = update.TaskEvent;
  if (typeof event?.Type !== "string") return malformed;
  if (!(event.Time instanceof Digits) || !/^-?\d+$/.test(event.Time.text)) return malformed;
  const time = BigInt(event.Time.text);
  if (BigInt.asIntN(64, time) !== time) return malformed;
  if (event.Type !== "Restarting") return { kind: "other", time };
  const reasons = [event.RestartReason, event.Details?.restart_reason].filter((reason) =>
    reason !== undefined
  );
  const allocation = typeof update.AllocationID === "string" ? update.AllocationID : "";
  const task = typeof update.TaskName === "string" ? update.TaskName : "";
  return {
    kind: "restart",
    name: update.Name.toWellFormed(),
    allocation,
    task,
    identity: identityOf(allocation, task),
    time,
    requested: reasons.length > 0 && reasons.every((reason) => reason === "" || reason === null),
    missed: 0,
    update: text,
  };
}

/** What is malformed to one decoder for this reason, another one may be able to read. */
export const tooDeep = "nested too deeply";

/** Asserts that `decode` made the right thing of a message. */
export function assertDecoded(body: Uint8Array, update: Update, slow: Update = decodeSlowly(body)): void {
  if ([slow, update].some((each) => each.kind === "malformed" && each.reason === tooDeep)) return;
  const text = new TextDecoder().decode(body);
  // What cannot be a restart, however it is read, is not parsed: damage in the middle of it goes unseen.
  if (update.kind === "other" && !/"Restarting|\\u/.test(text)) assert.notEqual(slow.kind, "restart", text);
  else assert.deepEqual(withoutReason(update), withoutReason(slow), text);
}

function withoutReason(update: Update): unknown {
  return update.kind === "malformed" ? update.kind : update;
}
