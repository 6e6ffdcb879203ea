// Requests held apart: from an answer to the next request, whatever became of the one before.
import assert from "node:assert/strict";
import { Pace } from "../../../src/clients/http/pace.ts";
import { within } from "../../helpers/wait_for.ts";

Deno.test("turn() makes the next request the interval after the answer before", async () => {
  const pace = new Pace(40);
  const times: [begun: number, ended: number][] = [];
  const request = async () => {
    const begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    times.push([begun, performance.now()]);
  };
  await pace.turn(request);
  await assert.rejects(
    pace.turn(() => request().then(() => Promise.reject(new Error("failed")))),
    /^Error: failed$/,
  );
  assert.equal(await pace.turn(() => request().then(() => "answer")), "answer");
  for (const index of [1, 2]) assert.ok(times[index]![0] - times[index - 1]![1] >= 39);
});

Deno.test("turn() ends at once where it is closed meanwhile, and makes no request", async () => {
  const pace = new Pace(3_600_000);
  await pace.turn(() => Promise.resolve());
  let made = false;
  const turn = pace.turn(() => Promise.resolve(made = true));
  pace[Symbol.dispose]();
  await assert.rejects(within("the turn", turn), { name: "Fault", message: "closed" });
  assert.equal(made, false);
});
