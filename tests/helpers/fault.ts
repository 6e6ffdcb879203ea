// What an attempt failed with.
import assert from "node:assert/strict";
import type { Fault } from "../../src/lib/errors.ts";

/** What a fault says. */
export type FaultFields = Pick<Fault, "message" | "recovery" | "retryAfter">;

/** The fault that the attempt rejects with; throws where it does not. */
export async function faultOf(attempt: Promise<unknown>): Promise<FaultFields> {
  try {
    await attempt;
  } catch (error) {
    const { name, message, recovery, retryAfter } = error as Fault;
    assert.equal(name, "Fault");
    return { message, recovery, retryAfter };
  }
  throw new Error("it did not fail");
}
