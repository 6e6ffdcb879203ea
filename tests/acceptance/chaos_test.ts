// A few rounds of chaos; `deno task test:chaos` plays as many as wanted, each five times as long.
import assert from "node:assert/strict";
import { playRound, type Round } from "../chaos/round.ts";
import { type RabbitMq, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const messages = 20_000;
const rounds: readonly Round[] = [
  { state: "sqlite", queue: "classic", seed: 1, messages },
  { state: "sqlite", queue: "quorum", seed: 2, messages },
  { state: "sqlite", queue: "classic", seed: 5, messages }, // in every fifth the broker is killed or stopped
  { state: "sqlite", queue: "quorum", seed: 10, messages },
  { state: "memory", queue: "quorum", seed: 3, messages },
  { state: "memory", queue: "classic", seed: 5, messages },
];

for (const round of rounds) {
  const { state, queue, seed } = round;
  Deno.test(
    `chaos with STATE=${state} and a ${queue} queue, seed ${seed}: every loop is notified, none twice, nothing is lost`,
    restartsBroker,
    async () => {
      const { problems, log, faults, notified, loops, notifiedTwice, notifiedFalsely, lost } =
        await playRound(
          broker,
          round,
        );
      assert.deepEqual(problems.slice(0, 5), [], `with ${faults}; the program's log is ${log}`);
      assert.deepEqual({ notified, notifiedTwice, notifiedFalsely, lost }, {
        notified: loops,
        notifiedTwice: 0,
        notifiedFalsely: 0,
        lost: 0,
      });
      assert.ok(loops > 0);
    },
  );
}
