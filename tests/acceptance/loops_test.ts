// The rule `failures` over the recording of a real cluster: exactly the jobs that loop are notified, by the real program.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { recordedUpdates } from "../helpers/event_stream.ts";
import { run } from "../helpers/program.ts";

/** The recording of nomad-firehose with all namespaces: 1,863 messages. */
const firehose = gunzipSync(
  await Deno.readFile(new URL("../fixtures/firehose-all-namespaces.ndjson.gz", import.meta.url)),
).toString();

interface Alert {
  readonly Status: "looping" | "resolved";
  readonly Key: Readonly<Record<string, unknown>>;
  readonly Failures: number;
  readonly Loop: string;
  readonly Id: string;
}

/** What the program notifies of these updates, and the last line of its log. */
async function notified(
  updates: string,
  env: Record<string, string> = {},
): Promise<{ alerts: Alert[]; total: string }> {
  const { code, stdout, stderr } = await run({
    env: { SOURCE_TYPE: "stdin", RULE: "failures", RESTART_COUNT: "3", ...env },
    stdin: updates,
  });
  assert.equal(code, 0, stderr);
  const alerts = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return { alerts, total: stderr.trimEnd().split("\n").at(-1)! };
}

/** The tasks of alerts: `namespace job.group[index] task node`, sorted. */
function tasksOf(alerts: readonly Alert[], status: Alert["Status"]): string[] {
  return alerts.filter(({ Status }) => Status === status).map(({ Key }) => {
    const { Namespace, JobID, TaskGroup, Index, Task, NodeID } = Key;
    return [Namespace, `${JobID}.${TaskGroup}[${Index}]`, Task, NodeID].filter(Boolean).join(" ");
  }).sort();
}

const node = "ca601765-3a7d-9af1-54b2-ee5a37ccffd8";

/** Every task that loops there, and that of the second namespace. */
const loops = [
  "batch-once.work[0] run",
  "exit0.web[0] app",
  "killed.kill9[0] kill9",
  "killed.mocksig[0] mocksig",
  "killed.segv[0] segv",
  "loop-delay.web[0] app",
  "loop-fail-nodeploy.web[0] app",
  "loop-norestart.web[0] app",
  "periodic-fail.work[0] run",
  "siblings.pair[0] crasher",
  "siblings.pair[1] crasher",
  "siblings.pair[2] crasher",
  "system-loop.sys[0] agent",
];

/** Every task that was seen and must not be notified. */
const never = [
  "healthy.web[0] app",
  "healthy.web[1] app",
  "loop-fail.web[0] app",
  "param-fail/dispatch-1795491909-edf2bfc4.work[0] run",
  "param-fail/dispatch-1795491914-87551b19.work[0] run",
  "siblings.pair[0] good",
  "siblings.pair[1] good",
  "siblings.pair[2] good",
  "wanted-restarts.tmpl-restart[0] app",
  "wanted-restarts.tmpl-signal[0] app",
  "wanted-restarts.user[0] app",
  "wanted-restarts.user[0] side",
];

/** All tasks of updates, a periodic job's children as their parent. */
function tasksIn(updates: string): string[] {
  const found = updates.trimEnd().split("\n").map((line) => {
    const { Namespace, Name, TaskName, JobType, NodeID } = JSON.parse(line);
    const name = Name.replace(/\/periodic-\d+/, "");
    return [Namespace, name, TaskName, JobType === "system" && NodeID].filter(Boolean).join(" ");
  });
  return [...new Set(found)].sort();
}

Deno.test("failures notifies exactly what loops, each once, from what nomad-firehose sends", async () => {
  assert.deepEqual(tasksIn(firehose), [...loops, ...never].sort());
  const { alerts, total } = await notified(firehose);
  assert.deepEqual(tasksOf(alerts, "looping"), loops);
  // A stop while Nomad waits for its next attempt is not seen; loop-delay goes on in the other namespace.
  assert.deepEqual(tasksOf(alerts, "resolved"), ["exit0.web[0] app", "loop-fail-nodeploy.web[0] app"]);
  assert.match(
    total,
    /info 1863 messages: 414 failed runs, of them 0 duplicates, 0 too old and 6 requested, which do not count; /,
  );
});

Deno.test("failures notifies nothing more when nomad-firehose sends everything again", async () => {
  const once = await notified(firehose);
  const twice = await notified(firehose + firehose);
  assert.deepEqual(twice.alerts, once.alerts);
});

Deno.test("failures notifies the same with the payload original, with its two fields", async () => {
  const full = await notified(firehose, { NOTIFY_RESOLVED: "false" });
  const original = await notified(firehose, { PAYLOAD: "original" });
  assert.deepEqual(
    original.alerts,
    // deno-lint-ignore no-explicit-any -- the two fields that the interface leaves out
    full.alerts.map(({ LastEvent, EventLog }: any) => ({ LastEvent, EventLog })),
  );
});

/** With what Nomad itself says. */
const inNamespaces = (tasks: readonly string[]) =>
  tasks.map((task) => {
    const namespace = task.startsWith("loop-fail.") ? "team-b" : "default";
    return `${namespace} ${task}${task.startsWith("system-loop.") ? ` ${node}` : ""}`;
  });

Deno.test("failures notifies exactly what loops, namespaces and nodes apart, from what Nomad itself says", async () => {
  const updates = (await recordedUpdates()).join("\n");
  const expected = [...inNamespaces(loops), "team-b loop-delay.web[0] app"].sort();
  assert.deepEqual(tasksIn(updates), [...expected, ...inNamespaces(never)].sort());
  const { alerts, total } = await notified(updates);
  assert.deepEqual(tasksOf(alerts, "looping"), expected);
  assert.deepEqual(tasksOf(alerts, "resolved"), [
    "default exit0.web[0] app",
    "default loop-delay.web[0] app",
    "default loop-fail-nodeploy.web[0] app",
  ]);
  assert.match(total, /info 1868 messages: /);
  for (const [index, { Id, Loop, Status }] of alerts.entries()) {
    assert.equal(Status === "looping", Id === Loop, `alert ${index}`);
  }
});

Deno.test("failures counts of each task the runs that failed", async () => {
  const { alerts } = await notified((await recordedUpdates()).join("\n"), { RESTART_COUNT: "1" });
  const failures = new Map<string, number>();
  // Only those that were stopped are notified a second time, with all of their failures.
  for (const alert of alerts) {
    if (alert.Status === "resolved") failures.set(tasksOf([alert], "resolved")[0]!, alert.Failures);
  }
  assert.deepEqual(Object.fromEntries(failures), {
    "default exit0.web[0] app": 34,
    "default loop-delay.web[0] app": 20,
    "default loop-fail-nodeploy.web[0] app": 58,
  });
});
