// What an update means to the rule `failures`: of which task it is, and what it says of a run of that task.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { nameOf } from "../../../src/detection/decode/task_key.ts";
import { decodeRun } from "../../../src/detection/decode/run_event.ts";
import type { Meaning, RunEvent } from "../../../src/detection/event.ts";
import {
  at,
  decoded,
  killing,
  notRestarting,
  restarting,
  started,
  type TaskUpdate,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";

const stopping = (description: string) => ({ DesiredStatus: "stop", DesiredDescription: description });
const dead = { ClientStatus: "complete", TaskState: "dead" };

const meanings: readonly (readonly [what: string, update: string, meaning: Meaning])[] = [
  ["Received", taskUpdate({ type: "Received" }), "nothing"],
  ["Started", started(at(0)), "started"],
  ["an unknown type", taskUpdate({ type: "Checks Unhappy" }), "nothing"],
  ["no type to speak of", taskUpdate({ type: "" }), "nothing"],
  ["an exit with 1", terminated(at(0), 1), "exited"],
  ["a restart by policy", restarting(at(0)), "failed"],
  [
    "a restart after attempts are used up",
    restarting(at(0), { reason: "Exceeded allowed attempts, applying a delay" }),
    "failed",
  ],
  ["a restart that somebody asked for", restarting(at(0), { reason: "", delay: 0n }), "nothing"],
  [
    "the same where Details are missing",
    restarting(at(0), { event: { RestartReason: "", Details: null } }),
    "nothing",
  ],
  [
    "a restart by policy where only Details say so",
    restarting(at(0), { event: { RestartReason: undefined } }),
    "failed",
  ],
  [
    "a restart of which nothing says why, as from old releases",
    restarting(at(0), { event: { RestartReason: undefined, Details: undefined } }),
    "failed",
  ],
  ["the end of an allocation", notRestarting(at(0)), "failed"],
  ["attempts = 0", notRestarting(at(0), { reason: "Policy allows no restarts" }), "failed"],
  ["a kill", killing(at(0)), "nothing"],
  ["a kill that fails the task", killing(at(0), { fails: true }), "failing"],
  [
    "the same where only Details say so",
    killing(at(0), { fails: true, event: { FailsTask: undefined } }),
    "failing",
  ],
  [
    "the same where only the old field says so",
    killing(at(0), { fails: true, event: { Details: null } }),
    "failing",
  ],
  ["Killed", taskUpdate({ type: "Killed" }), "nothing"],
  ["a driver's failure: the next event says what follows", taskUpdate({ type: "Driver Failure" }), "nothing"],
  ["a failed sibling", taskUpdate({ type: "Sibling Task Failed" }), "nothing"],
  ["a dead leader", taskUpdate({ type: "Leader Task Dead" }), "nothing"],

  ["a service that exits with 0", terminated(at(0), 0, 0, { fields: { TaskState: "pending" } }), "exited"],
  [
    "a service that exits with 0 and is given up",
    terminated(at(0), 0, 0, { fields: { ...dead, ClientStatus: "failed", TaskFailed: true } }),
    "exited",
  ],
  ["a batch task that is done", terminated(at(0), 0, 0, { fields: dead }), "completed"],
  [
    "one of several tasks, the others go on",
    terminated(at(0), 0, 0, { fields: { ...dead, ClientStatus: "running" } }),
    "completed",
  ],
  [
    "a batch task that is done, where only Details say the code",
    terminated(at(0), 0, 0, { fields: dead, event: { ExitCode: undefined, Signal: undefined } }),
    "completed",
  ],
  [
    "a batch task that is done, where only the old fields say the code",
    terminated(at(0), 0, 0, { fields: dead, event: { Details: undefined } }),
    "completed",
  ],
  ["a batch task that exits with 1", terminated(at(0), 1, 0, { fields: dead }), "exited"],
  ["a batch task that is killed", terminated(at(0), 0, 9, { fields: dead }), "exited"],
  [
    "a task that ends with 0 since its job is updated",
    terminated(at(0), 0, 0, { fields: { ...dead, ...stopping("alloc is being updated due to job update") } }),
    "exited",
  ],
  ["a batch task that may yet be restarted", terminated(at(0), 0), "exited"],

  [
    "a stopped job",
    killing(at(0), { fields: stopping("alloc not needed due to job update") }),
    "stopped",
  ],
  [
    "whatever comes of a stopped job",
    restarting(at(0), { fields: stopping("alloc not needed due to job update") }),
    "stopped",
  ],
  [
    "a system job whose node is drained",
    killing(at(0), { fields: stopping("alloc not needed as node is tainted") }),
    "stopped",
  ],
  [
    "the same, in the words of old releases",
    killing(at(0), { fields: stopping("system alloc not needed as node is tainted") }),
    "stopped",
  ],
  [
    "a replacement that is not needed since the lost original came back",
    killing(at(0), { fields: stopping("alloc not needed due to disconnected client reconnect") }),
    "nothing",
  ],
  ["a deploy", killing(at(0), { fields: stopping("alloc is being updated due to job update") }), "nothing"],
  ["a drain", killing(at(0), { fields: stopping("alloc is being migrated") }), "nothing"],
  [
    "a failed allocation that was replaced",
    notRestarting(at(0), { fields: stopping("alloc was rescheduled because it failed") }),
    "failed",
  ],
  ["a stop of which nothing says why", killing(at(0), { fields: { DesiredStatus: "stop" } }), "nothing"],
  [
    "an allocation that is to run",
    killing(at(0), { fields: { DesiredDescription: "alloc not needed due to job update" } }),
    "nothing",
  ],
];

for (const [what, update, meaning] of meanings) {
  Deno.test(`decodeRun() takes ${what} for ${meaning}`, () => assert.equal(decoded(update).meaning, meaning));
}

const system = (type: unknown) => ({ fields: { JobType: type } });
const inNamespace = (namespace: unknown) => ({ fields: { Namespace: namespace } });

const names: readonly (readonly [what: string, of: TaskUpdate, name: string])[] = [
  ["firehose", {}, "api.web[0]/app"],
  ["an index", { index: 12 }, "api.web[12]/app"],
  ["another task of the allocation", { task: "log" }, "api.web[0]/log"],
  ["another allocation and node", { allocation: "a2", node: "n2" }, "api.web[0]/app"],
  ["a namespace", inNamespace("team-b"), "team-b/api.web[0]/app"],
  ["the namespace default", inNamespace("default"), "default/api.web[0]/app"],
  ["a namespace that is no text", inNamespace(5), "api.web[0]/app"],
  ["a system job", system("system"), "api.web[0]/app@n1"],
  ["a system job on another node", { ...system("system"), node: "n2" }, "api.web[0]/app@n2"],
  ["a sysbatch job", system("sysbatch"), "api.web[0]/app@n1"],
  ["a service", system("service"), "api.web[0]/app"],
  ["a batch job", system("batch"), "api.web[0]/app"],
  ["a periodic job's child", { job: "backup/periodic-1795491780" }, "backup.web[0]/app"],
  [
    "a dispatched job's child",
    { job: "mail/dispatch-1795491909-edf2bfc4" },
    "mail/dispatch-1795491909-edf2bfc4.web[0]/app",
  ],
  ["periodic in the middle of a name", { job: "a/periodic-1/b" }, "a/periodic-1/b.web[0]/app"],
  ["a job with dots, slashes and brackets", { job: "a.b/c[3]" }, "a.b/c[3].web[0]/app"],
  ["a group with a dot", { group: "web.v2" }, 'api."web.v2"[0]/app'],
  ["a task with a slash", { task: "a/b" }, 'api.web[0]/"a/b"'],
  ["a task with an at sign", { task: "app@n1" }, 'api.web[0]/"app@n1"'],
  ["a group in quotes", { group: '"web"' }, String.raw`api."\"web\""[0]/app`],
  ["half a character", { job: "a\ud800" }, "a\ufffd.web[0]/app"],
  [
    "no job and group, as in updates made by hand",
    { fields: { JobID: undefined, GroupName: null } },
    "api.web[0]/app",
  ],
  ["a name that is none of an allocation", { fields: { Name: "x", JobID: "", GroupName: "" } }, "x.[0]/app"],
  ["an index beyond all", { fields: { Name: "api.web[1234567890]" } }, "api.web[0]/app"],
];

for (const [what, of, name] of names) {
  Deno.test(`decodeRun() names the task: ${what}`, () => {
    const event = decoded(taskUpdate(of));
    assert.equal(event.name, name);
    assert.equal(nameOf(event.key), name);
  });
}

Deno.test("decodeRun() has a name for each task that no other has", () => {
  const parts = ["a", "a.b", "b", "b.a", 'a"', '"a"', "a/b", "a[0]", "[0]", "a@n", '."'];
  const found = new Map<string, TaskUpdate>();
  for (const job of parts) {
    for (const group of parts) {
      for (const task of parts) {
        for (
          const fields of [{ Namespace: "a" }, { Namespace: "b" }, { Namespace: "a", JobType: "system" }]
        ) {
          const of = { job, group, task, node: "n", fields };
          const { name } = decoded(taskUpdate(of));
          assert.equal(found.get(name), undefined, `${name} of ${JSON.stringify([of, found.get(name)])}`);
          found.set(name, of);
        }
      }
    }
  }
});

Deno.test("decodeRun() has the parts of the key as they are", () => {
  const of = { job: "backup/periodic-1", group: "g.1", index: 3, task: "t/1", node: "n7" };
  assert.deepEqual(decoded(taskUpdate({ ...of, fields: { Namespace: "ops", JobType: "sysbatch" } })).key, {
    Namespace: "ops",
    JobID: "backup",
    TaskGroup: "g.1",
    Index: 3,
    Task: "t/1",
    NodeID: "n7",
  });
  assert.deepEqual(Object.keys(decoded(taskUpdate()).key), ["JobID", "TaskGroup", "Index", "Task"]);
});

/** What an event says of an exit: of the code, the signal, and whether Nomad says that memory ran out. */
const exits: readonly (readonly [what: string, event: Record<string, unknown>, exit: RunEvent["exit"]])[] = [
  ["code", { ExitCode: 3 }, { code: 3, signal: undefined, outOfMemory: false }],
  [
    "Details before the old fields",
    { ExitCode: 0, Details: { exit_code: "4", signal: "15", oom_killed: "false" } },
    { code: 4, signal: 15, outOfMemory: false },
  ],
  ["out of memory", { Details: { exit_code: "137", signal: "9", oom_killed: "true" } }, {
    code: 137,
    signal: 9,
    outOfMemory: true,
  }],
  ["out of memory in the driver's words", { ExitCode: 137, Message: "OOM Killed" }, {
    code: 137,
    signal: undefined,
    outOfMemory: true,
  }],
  ["the same in Details", { Details: { exit_message: "container ran Out Of Memory" } }, {
    code: undefined,
    signal: undefined,
    outOfMemory: true,
  }],
  ["words that only sound like it", { ExitCode: 1, Message: "no room, BOOM" }, {
    code: 1,
    signal: undefined,
    outOfMemory: false,
  }],
  ["numbers that are none", { ExitCode: 1.5, Signal: "nine" }, {
    code: undefined,
    signal: undefined,
    outOfMemory: false,
  }],
  ["an empty text", { Details: { exit_code: "", signal: "" } }, {
    code: undefined,
    signal: undefined,
    outOfMemory: false,
  }],
];

for (const [what, event, exit] of exits) {
  Deno.test(`decodeRun() reads how a process ended: ${what}`, () => {
    assert.deepEqual(decoded(taskUpdate({ type: "Terminated", event })).exit, exit);
    assert.equal(decoded(taskUpdate({ type: "Killed", event })).exit, undefined);
  });
}

Deno.test("decodeRun() reads when Nomad tries again", () => {
  const next = (event: Record<string, unknown>, type = "Restarting") =>
    decoded(taskUpdate({ type, time: at(0), event })).nextAttempt;
  assert.equal(next({ Details: { start_delay: "15602995588" }, StartDelay: 5 }), at(0) + 15_602_995_588n);
  assert.equal(next({ StartDelay: 15_000_000_000 }), at(0) + 15_000_000_000n);
  assert.equal(next({ Details: { start_delay: "0" } }), at(0));
  for (const delay of [undefined, null, "", "soon", "1.5", "-1", "99999999999999999999", {}]) {
    assert.equal(next({ Details: { start_delay: delay } }), undefined, String(delay));
  }
  assert.equal(next({ StartDelay: 5 }, "Not Restarting"), undefined);
});

Deno.test("decodeRun() reads when the run began, to the nanosecond", () => {
  const begun = (text: unknown) => decoded(taskUpdate({ fields: { TaskStartedAt: text } })).startedAt;
  assert.equal(begun("2026-11-24T03:42:54.562822483Z"), 1_795_491_774_562_822_483n);
  assert.equal(begun("2026-11-24T04:42:54.5+01:00"), 1_795_491_774_500_000_000n);
  assert.equal(begun("2026-11-24T03:42:54Z"), 1_795_491_774_000_000_000n);
  for (const text of ["0001-01-01T00:00:00Z", "", "yesterday", "2026-13-01T00:00:00Z", 5, null, undefined]) {
    assert.equal(begun(text), undefined, String(text));
  }
});

Deno.test("decodeRun() has time, node, message and how many were not seen, whether they are there or not", () => {
  const full = decoded(taskUpdate({
    type: "Restarting",
    time: 1_795_491_774_562_822_483n,
    fields: { NodeName: "worker-1", MissedRestarts: 7 },
    event: { DisplayMessage: "Task restarting in 1s" },
  }));
  assert.equal(full.time, 1_795_491_774_562_822_483n);
  assert.deepEqual(full.node, { ID: "n1", Name: "worker-1" });
  assert.equal(full.displayMessage, "Task restarting in 1s");
  assert.equal(full.missed, 7);
  const bare = decoded('{"Name":"a.b[0]","TaskEvent":{"Type":"Killed","Time":5}}');
  assert.deepEqual(bare.node, { ID: "", Name: "" });
  assert.equal(bare.displayMessage, "Killed");
  assert.equal(bare.missed, 0);
  assert.equal(bare.name, "a.b[0]/");
});

Deno.test("decodeRun() says of what is no update what is wrong with it", () => {
  assert.deepEqual(decodeRun(new TextEncoder().encode("{}")), { kind: "malformed", reason: "no Name" });
});

Deno.test("decodeRun() finds in a real cluster's events the failures that were there, and no others", async () => {
  const examples = gunzipSync(
    await Deno.readFile(new URL("../../fixtures/task-event-examples.ndjson.gz", import.meta.url)),
  );
  const found = new Map<string, Set<Meaning>>();
  for (const line of examples.toString().trimEnd().split("\n")) {
    const { case: what, AllocState, TaskState, ...update } = JSON.parse(line);
    const [ClientStatus, DesiredStatus] = AllocState;
    const state = { ClientStatus, DesiredStatus, TaskState: TaskState.State, TaskFailed: TaskState.Failed };
    const { type, meaning } = decoded(JSON.stringify({ ...update, ...state }));
    const key = `${what.startsWith("default/wanted") ? what : ""} ${type}`.trim();
    found.set(key, (found.get(key) ?? new Set()).add(meaning));
  }
  const of = (key: string) => [...found.get(key) ?? []].sort();
  assert.deepEqual(of("Restarting"), ["failed"]);
  assert.deepEqual(of("Not Restarting"), ["failed"]);
  assert.deepEqual(of("Terminated"), ["completed", "exited"]);
  assert.deepEqual(of("Killing"), ["failing", "nothing"]);
  assert.deepEqual(of("default/wanted-restarts/user/app Restarting"), ["nothing"]);
  assert.deepEqual(of("default/wanted-restarts/tmpl-restart/app Restarting"), ["nothing"]);
  // Its process does not know the signal that a template's change sends, and dies of it.
  assert.deepEqual(of("default/wanted-restarts/tmpl-signal/app Restarting"), ["failed"]);
  for (const [key, meanings] of found) {
    if (/Restarting|Terminated|Killing|Started/.test(key)) continue;
    assert.deepEqual([...meanings], ["nothing"], key);
  }
});
