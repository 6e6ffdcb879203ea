// The program with a real RabbitMQ and real Alertmanagers: an alert is active, goes on over a restart of the program
// without flapping, and is resolved.
import assert from "node:assert/strict";
import { type Alertmanager, startAlertmanager } from "../helpers/alertmanager.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { freePort, type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { crash, started, stop } from "../helpers/runs.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
import { now, restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
let first: Alertmanager;
let second: Alertmanager;
Deno.test.beforeAll(async () => {
  [broker, first, second] = await Promise.all([
    startRabbitMq(),
    startAlertmanager(),
    startAlertmanager("/am"),
  ]);
});
Deno.test.afterAll(async () => {
  await Promise.all([broker, first, second].map((server) => server[Symbol.asyncDispose]()));
});

const oneSecond = 1_000_000_000n;

Deno.test("an alert is active on both members, survives a restart of the program, and is resolved; none flaps", async () => {
  using folder = stateFolderOnDisk();
  await using own = await brokerClient(broker.url);
  await own.queue("updates");
  const env = {
    AMQP_CONNECTION: broker.url,
    AMQP_QUEUE: "updates",
    SINK_TYPE: "alertmanager",
    SINK_ALERTMANAGER_URLS: `${first.url},${second.url}`,
    CLUSTER_NAME: "prod-eu",
    EXTERNAL_URL: "https://detector.example",
    STATE: `sqlite:${folder.file}`,
    RULE: "failures",
    RESTART_COUNT: "2",
  };
  const begin = now() - 40n * oneSecond;
  const runs = [0n, 20n].flatMap((after) => [
    started(begin + after * oneSecond),
    ...crash(begin + (after + 1n) * oneSecond),
  ]);
  const members = [first, second];
  const ends = async () =>
    await Promise.all(members.map(async (member) => {
      const alerts = await member.active();
      assert.deepEqual(alerts.map(({ labels }) => labels.job), ["api"]);
      return Date.parse(alerts[0]!.endsAt);
    }));
  {
    await using program = new Program({ env });
    await program.logged("source amqp: consumes");
    await own.put("updates", runs);
    await waitFor(
      "both to have it",
      async () =>
        (await Promise.all(members.map((member) => member.jobs()))).every(({ length }) => length === 1),
      { timeoutMs: 30_000 },
    );
    program.signal("SIGTERM");
    const { code, stderr } = await program.ended;
    assert.equal(code, 0, stderr);
  }
  const before = await ends();
  await using program = new Program({ env });
  await waitFor(
    "both to have it again, for longer",
    async () => (await ends()).every((end, index) => end > before[index]!),
    { timeoutMs: 30_000 },
  );
  await own.put("updates", stop(now()));
  await waitFor(
    "both to have its end",
    async () =>
      (await Promise.all(members.map((member) => member.jobs()))).every(({ length }) => length === 0),
    { timeoutMs: 30_000 },
  );
  for (const member of members) {
    await waitFor("the notification of its end", () => member.notified.length > 1);
    assert.deepEqual(member.notified, ["firing api", "resolved api"]);
  }
  assert.ok(!program.stderr.includes("warning"), program.stderr);
});

Deno.test("check says what each member answers, and no password", async () => {
  const env = {
    SOURCE_TYPE: "stdin",
    SINK_TYPE: "alertmanager",
    SINK_ALERTMANAGER_URLS: `${first.url.replace("//", "//detector:hunter2@")},${second.url}`,
  };
  const { stdout } = await run({ args: ["check"], env });
  const where = first.url.replace("//", "//detector:***@");
  assert.match(
    stdout,
    new RegExp(
      `ok {6}sink alertmanager: ${RegExp.escape(where)}: takes alerts; ${second.url}: takes alerts`,
    ),
  );
  const failed = await run({
    args: ["check"],
    env: { ...env, SINK_ALERTMANAGER_URLS: `${first.url}/wrong` },
  });
  assert.equal(failed.code, 1);
  assert.match(
    failed.stdout,
    /failed {2}sink alertmanager: http:\S+\/wrong answered 404: 404 page not found\n/,
  );
});

Deno.test("a member that is down is said once, and the other confirms", async () => {
  const nobody = `http://127.0.0.1:${freePort()}`;
  const env = {
    SOURCE_TYPE: "stdin",
    RESTART_COUNT: "2",
    SINK_TYPE: "alertmanager",
    SINK_ALERTMANAGER_URLS: `${nobody},${first.url}`,
  };
  const names = ["one.web[0]", "two.web[0]"];
  const stdin = names.flatMap((name) => restarts(2, { name })).join("\n");
  const { code, stderr } = await run({ env, stdin });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.match(/warning.*/g), [
    `warning sink alertmanager: ${nobody}: connection refused; the others still receive alerts; retrying`,
  ]);
  assert.deepEqual((await first.active()).map(({ labels }) => labels.name).sort(), names);
});
