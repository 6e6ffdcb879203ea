// Mutated messages through the decoders of both rules, compared with the slow one.
import assert from "node:assert/strict";
import { decodeRun } from "../../src/detection/decode/run_event.ts";
import { decode, type Update } from "../../src/detection/decode/update.ts";
import { assertDecoded, decodeSlowly, tooDeep } from "../helpers/slow_decoder.ts";
import { hugeMessage, mutated } from "./mutations.ts";

/** How many messages the decoder took for what. */
export type Counters = Record<"restart" | "other" | "malformed", number>;

/** Decodes so many mutated messages, and a huge one. Throws with the one that is decoded wrongly. */
export function fuzzDecoder(seed: number, count: number): Counters {
  const counters: Counters = { restart: 0, other: 0, malformed: 0 };
  for (let index = 0; index < count; index++) {
    const body = mutated(seed, index);
    try {
      const update = decode(body);
      const slow = decodeSlowly(body);
      assertDecoded(body, update, slow);
      assertDecodedRun(decodeRun(body), slow);
      counters[kindOf(update)]++;
    } catch (error) {
      throw new Error(`message ${index} of seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  counters[kindOf(decode(hugeMessage()))]++;
  return counters;
}

/** No mutation makes settings of a job, nor a change of a node. */
function kindOf({ kind }: Update): keyof Counters {
  assert.ok(kind !== "job-settings" && kind !== "node");
  return kind;
}

/** The rule `failures` takes every type of update; it parses them all. */
function assertDecodedRun(run: ReturnType<typeof decodeRun>, slow: Update): void {
  if ([run, slow].some((each) => each.kind === "malformed" && each.reason === tooDeep)) return;
  assert.equal(run.kind === "malformed", slow.kind === "malformed");
  if (run.kind === "event") assert.equal(run.time, slow.kind === "malformed" ? undefined : slow.time);
}
