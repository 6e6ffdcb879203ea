// Questions that are asked once for many, and few at a time.
import assert from "node:assert/strict";
import { mock } from "node:test";
import { Answers, NoAnswer } from "../../../../src/sources/nomad/context/answers.ts";
import { haltTimers, happened } from "../../../helpers/timers.ts";

const { signal } = new AbortController();

Deno.test("get() asks a question once within five seconds, whether it has an answer or none", async () => {
  let now = 1000;
  using _ = { [Symbol.dispose]: () => mock.restoreAll() };
  mock.method(performance, "now", () => now);
  const answers = new Answers(3_000);
  let asked = 0;
  const question = () => Promise.resolve(++asked);
  assert.deepEqual(
    await Promise.all([answers.get("a", signal, question), answers.get("a", signal, question)]),
    [1, 1],
  );
  assert.equal(await answers.get("b", signal, question), 2);
  now += 4_999;
  assert.equal(await answers.get("a", signal, question), 1);
  now += 1;
  assert.equal(await answers.get("a", signal, question), 3);
  const failing = () => Promise.reject(new Error(`failed ${++asked}`));
  for (let time = 0; time < 2; time++) {
    await assert.rejects(answers.get("c", signal, failing), { message: "failed 4" });
  }
});

Deno.test("get() asks eight questions at a time, the others in turn, and none for longer than its patience", async () => {
  using timers = haltTimers();
  const answers = new Answers(3_000);
  const asked = new Map<number, { answer: () => void; signal: AbortSignal }>();
  const results: string[] = [];
  for (let number = 0; number < 20; number++) {
    answers.get(String(number), signal, (signal) =>
      new Promise<void>((answer, fail) => {
        asked.set(number, { answer, signal });
        signal.addEventListener("abort", fail);
      })).then(
        () => results.push(`${number} answered`),
        (error) => results.push(`${number} ${error instanceof NoAnswer ? "not answered" : error}`),
      );
  }
  await happened();
  assert.deepEqual([...asked.keys()], [0, 1, 2, 3, 4, 5, 6, 7]);
  asked.get(3)!.answer();
  asked.get(0)!.answer();
  await happened();
  assert.deepEqual([...asked.keys()].slice(8), [8, 9]);
  await timers.pass(2_999);
  assert.deepEqual(results, ["3 answered", "0 answered"]);
  await timers.pass(1);
  assert.deepEqual(
    results.toSorted(),
    Array.from(
      { length: 20 },
      (_, number) => `${number} ${number === 0 || number === 3 ? "answered" : "not answered"}`,
    ).toSorted(),
  );
  assert.equal(asked.size, 10, "whose time is over before its turn is not asked");
  const late = answers.get("late", signal, () => Promise.resolve("asked"));
  assert.equal(await late, "asked", "every place is free again");
});

Deno.test("get() ends all questions when the signal comes", async () => {
  const stop = new AbortController();
  const answers = new Answers(600_000);
  const asking = Array.from(
    { length: 20 },
    (_, number) =>
      answers.get(
        String(number),
        stop.signal,
        (signal) => new Promise((_, fail) => signal.addEventListener("abort", fail)),
      ),
  );
  await happened();
  stop.abort();
  const ended = await Promise.allSettled(asking);
  assert.ok(ended.every((one) => one.status === "rejected" && one.reason instanceof NoAnswer));
  await assert.rejects(answers.get("later", stop.signal, () => Promise.resolve(1)), NoAnswer);
});
