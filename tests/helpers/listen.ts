// Lets a rule hear of updates, with the clock of the events.
import type { Nanoseconds } from "../../src/lib/duration.ts";
import type { Decision, Rule } from "../../src/detection/rule.ts";

/** What a rule decides, each with its time: of updates one by one, then of the time until the end. */
export function* decisions(
  rule: Rule,
  updates: Iterable<string>,
  end?: Nanoseconds,
): Iterable<{ readonly now: Nanoseconds; readonly decision: Decision }> {
  rule.restore({ restarts: () => [], notified: () => [], entries: () => [] }, undefined);
  function* wait(until: Nanoseconds) {
    for (let due = rule.nextDue; due !== undefined && due <= until; due = rule.nextDue) {
      for (const decision of rule.due(due, 1)) yield { now: due, decision };
    }
  }
  let now: Nanoseconds | undefined;
  for (const update of updates) {
    const event = rule.decode(new TextEncoder().encode(update));
    if (event.kind === "malformed") throw new Error(`${event.reason}: ${update}`);
    if (now === undefined || event.time > now) yield* wait(now = event.time);
    if (event.kind !== "other") yield { now, decision: rule.record(event, now) };
  }
  if (end !== undefined) yield* wait(end);
}

/** A journal that keeps nothing. */
export const noopState = { counted() {}, dropped() {}, notified() {}, put() {} };

/** Minutes as a duration. */
export function minutes(count: number): Nanoseconds {
  return BigInt(count) * 60_000_000_000n;
}
