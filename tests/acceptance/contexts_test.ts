// The program straight from Nomad says why: what changed, how much is down, and the last words of the task, of every
// loop of a recorded cluster; nobody waits for a server that hangs but the alert itself; a kill loses nothing.
import assert from "node:assert/strict";
import { NomadServer, Recording, type ServerOptions } from "../helpers/nomad.ts";
import { ContextAnswers } from "../helpers/nomad_contexts.ts";
import { Program } from "../helpers/program.ts";
import { startSlack } from "../helpers/slack.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
import { waitFor } from "../helpers/wait_for.ts";

const recorded = Recording.load("all-topics.ndjson.br");
/** Lines until most jobs loop, and version 1 of the job `reverted` is being rolled out. */
const until = recorded.lines.findIndex(({ index }) => index >= 1500);

/** The recording, shifted so that these lines end now. */
function playedNow(): Recording {
  const last = recorded.begunAt(new Date()).lines.slice(0, until).flatMap(({ allocations }) => allocations);
  const newest = Math.max(...last.map(({ ModifyTime }) => Number(JSON.stringify(ModifyTime)) / 1e6));
  return recorded.begunAt(new Date(2 * Date.now() - newest));
}

/** A server at which these lines have happened. */
async function startServer(options: Partial<ServerOptions> = {}): Promise<NomadServer> {
  const server = await NomadServer.start({
    recording: playedNow(),
    heartbeat: 1000,
    lines: until,
    ...options,
  });
  server.pass(until);
  return server;
}

const env = (server: NomadServer, more: Record<string, string> = {}): Record<string, string> => ({
  NOMAD_ADDR: server.address,
  RESTART_COUNT: "2",
  ALERT_CONTEXT: "all",
  ...more,
});

// deno-lint-ignore no-explicit-any -- the payload full
const alertsOf = ({ lines }: Program): any[] => lines.map((line) => JSON.parse(line));

const sh = (script: string) => `/bin/sh -c ${script}`;

/** By namespace, job, group and task: version, what runs, rollout, version before; looping, total, running. */
const expected: Readonly<
  Record<string, readonly [version: number, runs: string, rest: string, counts: string]>
> = {
  "default api-gateway.web/app": [
    0,
    sh(
      'echo listening; sleep 2; for i in 1 2 3 4 5; do echo "goroutine $i [running]: main.go:$i" >&2; done; exit 134',
    ),
    "",
    "1 of 1, 0",
  ],
  "default batch-fail.work/run": [0, sh("sleep 1; exit 2"), "", "1 of 1, 0"],
  "default exit0-norestart.web/app": [0, sh("sleep 2; exit 0"), "running", "1 of 1, 0"],
  "default exit0.web/app": [0, sh("sleep 2; exit 0"), "running", "1 of 1, 0"],
  "default killed.kill9/kill9": [0, sh("sleep 2; kill -9 $$"), "running", "1 of 1, 0"],
  "default killed.mocksig/mocksig": [0, "", "running", "1 of 1, 0"],
  "default killed.segv/segv": [0, sh("sleep 2; kill -SEGV $$"), "running", "1 of 1, 0"],
  "default lifecycle.initok/app": [0, sh("sleep 2; exit 1"), "running", "1 of 1, 0"],
  "default loop-fail-nodeploy.web/app": [0, sh("sleep 1; exit 1"), "", "1 of 1, 0"],
  "default loop-fail.web/app": [0, sh("sleep 1; exit 1"), "running", "1 of 1, 0"],
  "default loop-norestart.web/app": [0, sh("sleep 1; exit 3"), "running", "1 of 1, 0"],
  "default oom.hog/hog": [
    0,
    "/bin/busybox sh -c sleep 1; x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done",
    "running",
    "1 of 1, 0",
  ],
  "default periodic-fail.work/run": [0, sh("sleep 1; exit 2"), "", "1 of 1, 0"],
  "default reverted.web/app": [1, sh("sleep 1; exit 9"), "running; version 0 ran well", "1 of 1, 0"],
  "default scaled.web/app": [1, sh("sleep 1; exit 5"), "", "1 of 1, 0"],
  "default setup.badconfig/badconfig": [0, "/bin/true", "running", "1 of 1, 0"],
  "default setup.badtmpl/badtmpl": [0, "/bin/true", "running", "1 of 1, 0"],
  "default setup.noart-fail/noart": [0, "/bin/true", "running", "1 of 1, 0"],
  "default setup.noart/noart": [0, "/bin/true", "running", "1 of 1, 0"],
  "default setup.nocmd/nocmd": [0, "/does/not/exist", "running", "1 of 1, 0"],
  "default setup.starterr-fatal/starterr": [0, "", "running", "1 of 1, 0"],
  "default setup.starterr-rec/starterr": [0, "", "running", "1 of 1, 0"],
  "default siblings.both/one": [0, sh("sleep 2; exit 1"), "running", "1 of 1, 0"],
  "default siblings.both/two": [0, sh("sleep 3; exit 2"), "running", "1 of 1, 0"],
  "default siblings.leader/boss": [0, sh("sleep 2; exit 1"), "running", "1 of 1, 0"],
  "default siblings.pair/crasher": [0, sh("sleep 2; exit 1"), "running", "3 of 3, 0"],
  "default system-loop.sys/agent": [0, sh("sleep 3; exit 1"), "", "2 of 2, 0"],
  "team-b loop-delay.web/app": [0, sh("sleep 4; echo crashing >&2; exit 1"), "running", "1 of 1, 0"],
};

Deno.test("every loop of a recorded cluster says its change, its rollout, its allocations and its last words", async () => {
  const contexts = new ContextAnswers();
  await using server = await startServer({ contexts });
  for (const { allocations } of recorded.lines.slice(0, until)) {
    for (const { ID, JobID, TaskStates } of allocations) {
      for (const task of Object.keys(TaskStates ?? {})) {
        contexts.logs.set(
          `${ID} ${task} stderr`,
          `${JobID}: first\n${JobID}: \u001b[31m${task} of ${ID} crashes\u0007\n`,
        );
      }
    }
  }
  await using program = new Program({ env: env(server, { ALERT_LOG_LINES: "1" }) });
  const names = Object.keys(expected);
  const found = () =>
    new Map(
      alertsOf(program).map((alert) => {
        const { Namespace, JobID, TaskGroup, Task } = alert.Key;
        const name: string = `${Namespace} ${JobID}.${TaskGroup}/${Task}`;
        return [name, alert] as const;
      }),
    );
  await waitFor("all loops", () => names.every((name) => found().has(name)), { timeoutMs: 60_000 });
  const healthy = /^default (?:healthy|wanted-restarts|batch-ok)\.|^team-b loop-fail\./;
  assert.deepEqual([...found().keys()].filter((name) => healthy.test(name)), []);
  for (const name of names) {
    const { Change, Allocations, LastWords, LastEvent } = found().get(name);
    const { Previous, Deployment } = Change;
    const before = Previous &&
      `version ${Previous.JobVersion} ${Previous.Stable ? "ran well" : "was not stable"}`;
    const rest = [Deployment?.Status, before].filter((part) => part !== undefined).join("; ");
    const counts = `${Allocations.Looping} of ${Allocations.Total}, ${Allocations.Running}`;
    assert.deepEqual([Change.JobVersion, Change.Command ?? "", rest, counts], expected[name], name);
    assert.match(Change.Submitted, /^2026-11-25T/);
    const { JobID, TaskName, AllocationID } = LastEvent;
    assert.deepEqual(LastWords, { Stderr: [`${JobID}: ${TaskName} of ${AllocationID} crashes\\u0007`] });
  }
});

Deno.test("a server that hangs delays alerts for people until its time is up, and none for programs", async () => {
  const contexts = new ContextAnswers();
  for (const what of ["job", "versions", "deployment", "allocations", "logs"] as const) {
    contexts.hanging.add(what);
  }
  await using server = await startServer({ contexts });
  await using slack = await startSlack(0);
  await using program = new Program({
    env: env(server, {
      ALERT_CONTEXT: "people",
      ALERT_LOG_LINES: "5",
      SINK_TYPE: "stdout,slack",
      SINK_SLACK_WEBHOOK_URL: slack.webhookUrl,
      GROUP_BY: "none",
    }),
  });
  const count = Object.keys(expected).length;
  await waitFor("the alerts for programs", () => program.lines.length >= count, { timeoutMs: 60_000 });
  assert.equal(slack.messages.length, 0, "those for people wait");
  await waitFor("a message for people", () => slack.messages.length > 0);
  assert.match(JSON.stringify(slack.messages[0]), /\*Last words\*\\nno answer within 3 s/);
  assert.deepEqual(alertsOf(program).filter((alert) => "LastWords" in alert), []);
});

Deno.test("what was killed while it asked is asked again after the restart, and sent with its context, once", async () => {
  using folder = stateFolderOnDisk();
  const contexts = new ContextAnswers();
  contexts.hanging.add("allocations");
  await using server = await startServer({ contexts });
  const state = { STATE: `sqlite:${folder.file}` };
  {
    await using program = new Program({ env: env(server, state) });
    await program.logged("reverted.web[0]/app: crash loop");
    await waitFor("the questions", () => contexts.asked.includes("allocations default/loop-fail"));
    program.signal("SIGKILL");
    await program.ended;
    assert.deepEqual(program.lines, []);
  }
  contexts.hanging.clear();
  await using program = new Program({ env: env(server, state) });
  await waitFor("the alerts", () => program.lines.length >= Object.keys(expected).length, {
    timeoutMs: 60_000,
  });
  const alerts = alertsOf(program);
  assert.equal(new Set(alerts.map(({ Id }) => Id)).size, alerts.length);
  assert.deepEqual(alerts.filter(({ Allocations }) => Allocations === undefined), []);
});

Deno.test("a shutdown waits for no context: what is pending is sent without", async () => {
  const contexts = new ContextAnswers();
  contexts.hanging.add("allocations");
  await using server = await startServer({ contexts });
  await using program = new Program({ env: env(server) });
  await waitFor("the questions", () => contexts.asked.includes("allocations default/loop-fail"));
  await program.logged("reverted.web[0]/app: crash loop");
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  const alerts = alertsOf(program);
  assert.ok(alerts.length >= Object.keys(expected).length);
  assert.ok(alerts.some(({ Change, Allocations }) => Change === undefined && Allocations === undefined));
});

Deno.test("programs wait for nothing and get no context, and Nomad is not asked, unless ALERT_CONTEXT=all", async () => {
  const contexts = new ContextAnswers();
  await using server = await startServer({ contexts });
  await using program = new Program({ env: env(server, { ALERT_CONTEXT: "people", ALERT_LOG_LINES: "5" }) });
  await waitFor("the alerts", () => program.lines.length >= Object.keys(expected).length, {
    timeoutMs: 60_000,
  });
  assert.ok(
    alertsOf(program).every(({ Change, LastWords }) => Change === undefined && LastWords === undefined),
  );
  assert.deepEqual(
    contexts.asked.filter((asked) => /^(versions|deployment|allocations|logs) /.test(asked)),
    [],
  );
});
