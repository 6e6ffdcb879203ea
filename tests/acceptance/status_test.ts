// The real program with its status server, a real RabbitMQ and a real Prometheus.
import assert from "node:assert/strict";
import { brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { promtool, startPrometheus } from "../helpers/prometheus.ts";
import { freePort, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

const queue = "nomad.crash-loop-in";
const listen = { LISTEN: "127.0.0.1:0" };

/** Where the program says that its status is. */
async function statusOf(program: Program): Promise<string> {
  await program.logged("Status at ");
  return /Status at (\S+)\n/.exec(program.stderr)![1]!;
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test(
  "Prometheus reads the program; when the broker dies, /readyz and up say so",
  restartsBroker,
  async () => {
    await using broker = await startRabbitMq();
    const own = await brokerClient(broker.url);
    await own.queue(queue);
    await using program = new Program({
      env: { ...listen, AMQP_CONNECTION: broker.url, AMQP_QUEUE: queue, RESTART_COUNT: "2" },
    });
    const url = await statusOf(program);
    await program.logged("source amqp: consumes");
    await using prometheus = await startPrometheus(new URL(url).host);
    const value = async (query: string) => (await prometheus.query(query))[0]?.value[1];
    const shows = (query: string, expected: string) =>
      waitFor(`${query} to be ${expected}`, async () => await value(query) === expected, { everyMs: 100 });

    await shows('crashloop_detector_events_total{result="counted"}', "0");
    await shows('crashloop_detector_up{component="source",type="amqp"}', "1");
    const twice = restarts(3);
    await own.put(queue, [...twice, twice[0]!, update({ type: "Started" }), "rubbish"]);
    await shows('crashloop_detector_events_total{result="counted"}', "3");
    await shows('crashloop_detector_events_total{result="duplicate"}', "1");
    await shows('crashloop_detector_messages_total{result="malformed"}', "1");
    await shows('crashloop_detector_notifications_total{reason="first"}', "1");
    await shows('crashloop_detector_notification_attempts_total{sink="stdout",result="confirmed"}', "1");
    await shows('crashloop_detector_notification_latency_seconds_count{sink="stdout"}', "1");
    await shows("crashloop_detector_active_loops", "1");
    const lastEvent = Number(await value("crashloop_detector_last_event_timestamp_seconds"));
    assert.ok(Date.now() / 1000 - lastEvent < 60);

    const check = await promtool(["check", "metrics"], await text(`${url}metrics`));
    assert.deepEqual(check, { code: 0, output: "" });
    assert.equal(await text(`${url}readyz`), "ok\n");
    const { loops: [loop] } = JSON.parse(await text(`${url}api/v1/loops`));
    assert.deepEqual([loop.name, loop.status, loop.count], ["job.group[0]", "looping", 3]);

    await own[Symbol.asyncDispose]();
    await broker.kill();
    await shows('crashloop_detector_up{component="source",type="amqp"}', "0");
    const ready = await fetch(`${url}readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /^source amqp: down for \d+s: .*\n$/);
    assert.equal(await text(`${url}livez`), "ok\n");

    await broker.start();
    await shows('crashloop_detector_up{component="source",type="amqp"}', "1");
    await shows('crashloop_detector_reconnects_total{component="source",type="amqp"}', "1");
    const begun = performance.now();
    program.signal("SIGTERM");
    const { code } = await program.ended;
    assert.equal(code, 0);
    assert.ok(performance.now() - begun < 9_000, "it does not wait for SHUTDOWN_TIMEOUT");
  },
);

Deno.test("with a state file, a loop that was notified shows at once after a start", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = {
      ...listen,
      STATE: `sqlite:${folder}/state.db`,
      RESTART_COUNT: "2",
      NOTIFICATION_INTERVAL: "1h",
    };
    await Deno.writeTextFile(`${folder}/input`, restarts(3).join("\n"));
    const ids: string[] = [];
    for (const file of [`${folder}/input`, "/dev/null"]) {
      await using program = new Program({ env, args: [file] });
      const url = await statusOf(program);
      await program.logged("All files are read; the results stay at ");
      const { total, loops: [loop] } = JSON.parse(await text(`${url}api/v1/loops`));
      assert.deepEqual([total, loop.name, loop.count, loop.notifications], [1, "job.group[0]", 3, 1]);
      assert.match(await text(`${url}metrics`), /^crashloop_detector_commit_seconds_count [1-9]/m);
      ids.push(loop.id);
      program.signal("SIGINT");
      assert.equal((await program.ended).code, 0);
    }
    assert.equal(ids[0], ids[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("standard input that ends ends the program, though it listens", async () => {
  const { code, stdout } = await run({
    env: { ...listen, SOURCE_TYPE: "stdin", RESTART_COUNT: "2" },
    stdin: restarts(2).join("\n"),
  });
  assert.equal(code, 0);
  assert.equal(stdout.split("\n").length, 2);
});

Deno.test("a port that is taken ends the program with a line that says so", async () => {
  const port = freePort();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port });
  const { code, stderr } = await run({ args: ["--listen", `127.0.0.1:${port}`, "/dev/null"] });
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(
      `^\\S+ error LISTEN \\(--listen\\): cannot listen on 127\\.0\\.0\\.1:${port}: ` +
        "another process listens there; choose another port\\n$",
    ),
  );
});

Deno.test("a token from a file is wanted, and is nowhere in the log", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "hunter2-token\n");
    await using program = new Program({
      env: { ...listen, LISTEN_TOKEN_FILE: file, LOG_LEVEL: "debug" },
      args: ["/dev/null"],
    });
    const url = await statusOf(program);
    const without = await fetch(`${url}metrics`);
    assert.equal(without.status, 401);
    await without.body!.cancel();
    const headers = { authorization: "Bearer hunter2-token" };
    const answer = await fetch(`${url}metrics`, { headers });
    assert.equal(answer.status, 200);
    assert.ok(!(await answer.text()).includes("hunter2"));
    assert.ok(!program.stderr.includes("hunter2"));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("where other machines may read without a token, a warning says so at the start", async () => {
  const cases: readonly { readonly env: Record<string, string>; readonly warns: boolean }[] = [
    { env: { LISTEN: "0.0.0.0:0" }, warns: true },
    { env: { LISTEN: "0.0.0.0:0", LISTEN_TOKEN: "hunter2-token" }, warns: false },
    { env: listen, warns: false },
  ];
  for (const { env, warns } of cases) {
    await using program = new Program({ env, args: ["/dev/null"] });
    await program.logged("All files are read");
    const where = /Status at (\S+)\n/.exec(program.stderr)![1]!;
    const warning =
      ` warning Anyone who can reach ${where} can read what runs in the cluster; set LISTEN_TOKEN\n`;
    assert.equal(program.stderr.includes(warning), warns, program.stderr);
    assert.equal(program.stderr.includes(" warning "), warns, program.stderr);
  }
});
