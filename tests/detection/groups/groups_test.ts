// What people get of loops with one cause, case by case, and how much is written for that.
import assert from "node:assert/strict";
import { type Alert, alertId } from "../../../src/detection/alert/alert.ts";
import { detailsOf } from "../../../src/detection/alert/details_of.ts";
import { type GroupMessage, Groups } from "../../../src/detection/groups/groups.ts";
import { NodeProblems } from "../../../src/detection/groups/problems.ts";
import { kindOf } from "../../../src/detection/groups/reasons.ts";
import { subjectOf } from "../../../src/detection/groups/subject.ts";
import { hour, second } from "../../../src/lib/duration.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { type About, groupAlert, GroupJournal } from "../../helpers/groups.ts";
import { update } from "../../helpers/updates.ts";

/** Groups whose clock a test moves, in seconds. */
class Scene {
  readonly journal = new GroupJournal();
  readonly problems = new NodeProblems(this.journal);
  readonly groups: Groups;
  readonly messages: GroupMessage[] = [];
  now = 1_795_000_000n * second;

  constructor(wait = 10n * second, digestAbove = 20) {
    this.groups = new Groups({ wait, digestAbove }, this.journal, this.problems);
  }

  take(reason: Alert["reason"], about: Partial<About> & { readonly name: string }): void {
    const loop = about.loop ?? alertId(about.name);
    this.messages.push(...this.groups.take(groupAlert(reason, { ...about, loop }), this.now));
  }

  /** Time goes by: all that falls due on the way does so at its time. */
  pass(seconds: number): void {
    const end = this.now + BigInt(seconds) * second;
    for (let { nextDue } = this.groups; nextDue !== undefined && nextDue <= end; { nextDue } = this.groups) {
      this.now = nextDue;
      this.messages.push(...this.groups.due(nextDue));
    }
    this.now = end;
  }

  /** What was said since the last look: cause, reason, counts; `!` if only sinks that update get it. */
  said(): string[] {
    return this.messages.splice(0).map(({ alert, toAll }) => {
      const { cause, counts: { active, gaveUp, resolved } } = alert.group!;
      return `${cause} ${alert.reason}${toAll ? "" : "!"} ${active}/${gaveUp}/${resolved}`;
    });
  }
}

const web = (index: number) => ({ name: `web.group[${index}]/server` });
const each = (count: number, make: (index: number) => void) => {
  for (let index = 0; index < count; index++) make(index);
};

Deno.test("a group says what the job of its loops asks for, with either rule and after a start", () => {
  const journal = new GroupJournal();
  const problems = new NodeProblems(journal);
  const opened = () => new Groups({ wait: second, digestAbove: 20 }, journal, problems);
  const restarts: Alert = {
    ...alertAbout("web.group[0]"),
    wishes: { Owner: "team web", Severity: "critical" },
  };
  opened().take(restarts, 1n);
  const groups = opened();
  groups.restore(journal);
  const [{ alert }] = groups.due(2n * second) as [GroupMessage];
  const { Owner, Severity, Loop } = detailsOf(alert);
  assert.deepEqual({ Owner, Severity, Loop }, {
    Owner: "team web",
    Severity: "critical",
    Loop: alert.loop,
  });
});

Deno.test("twenty loops of one job are one message, repeat as one, and are resolved once, with the last one", () => {
  const scene = new Scene();
  each(20, (index) => scene.take("first", web(index)));
  assert.deepEqual(scene.said(), []);
  scene.pass(10);
  assert.deepEqual(scene.said(), ["job first 20/0/0"]);
  scene.pass(3600);
  each(20, (index) => (scene.pass(1), scene.take("repeat", { ...web(index), repeats: 1 })));
  assert.deepEqual(scene.said(), ["job repeat 20/0/0"]);
  scene.pass(3600);
  each(20, (index) => scene.take("repeat", { ...web(index), repeats: 2 }));
  assert.deepEqual(scene.said(), ["job repeat 20/0/0"]);
  each(20, (index) => scene.take("resolved", web(index)));
  assert.deepEqual(scene.said(), ["job resolved 0/0/20"]);
  assert.equal(scene.groups.size, 0);
});

Deno.test("latecomers are one update each GROUP_WAIT, which all sinks get when the number of loops doubled", () => {
  const scene = new Scene();
  each(4, (index) => scene.take("first", web(index)));
  scene.pass(100);
  scene.take("first", web(4));
  scene.pass(9);
  assert.deepEqual(scene.said(), ["job first 4/0/0"]);
  scene.take("first", web(5));
  scene.pass(1);
  assert.deepEqual(scene.said(), ["job update! 6/0/0"]);
  each(2, (index) => scene.take("first", web(6 + index)));
  scene.pass(10);
  assert.deepEqual(scene.said(), ["job update 8/0/0"]);
});

Deno.test("what begins and resolves before the first message is still mentioned, once", () => {
  const scene = new Scene();
  scene.take("first", web(0));
  scene.pass(5);
  scene.take("resolved", web(0));
  assert.deepEqual(scene.said(), []);
  scene.pass(5);
  assert.deepEqual(scene.said(), ["job resolved 0/0/1"]);
});

Deno.test("a group is given up once no loop is active, stays open, and says so to all sinks when one loops again", () => {
  const scene = new Scene();
  each(2, (index) => scene.take("first", web(index)));
  scene.pass(10);
  scene.take("gave-up", web(0));
  scene.pass(10);
  scene.take("gave-up", web(1));
  assert.deepEqual(scene.said(), ["job first 2/0/0", "job update! 1/1/0", "job gave-up 0/2/0"]);
  const again = (name: string) => scene.groups.ended({ name, cause: "it runs again" }, "resolved", scene.now);
  assert.deepEqual(again(web(1).name), []);
  scene.take("first", { ...web(1), loop: alertId("again") });
  scene.pass(10);
  assert.deepEqual(scene.said(), ["job update 1/1/0"]);
  scene.take("resolved", { ...web(1), loop: alertId("again") });
  scene.messages.push(...again(web(0).name));
  assert.deepEqual(scene.said(), ["job gave-up 0/1/1", "job resolved 0/0/2"]);
});

Deno.test("the end of a group without an alert says why in its details", () => {
  const scene = new Scene(0n);
  scene.take("gave-up", web(0));
  scene.pass(0);
  const [{ alert }] = scene.groups.ended(
    { name: web(0).name, cause: "it was stopped" },
    "resolved",
    scene.now,
  ) as [
    GroupMessage,
  ];
  const { Status, Reason, Loop } = alert.details!;
  assert.deepEqual({ Status, Reason, Loop }, {
    Status: "resolved",
    Reason: "it was stopped",
    Loop: alert.loop,
  });
});

Deno.test("five jobs on one broken node are one message, which names the node and lists their loops", () => {
  const scene = new Scene();
  each(5, (index) => scene.take("first", { name: `job${index}`, job: `job${index}`, node: "node-1" }));
  scene.pass(10);
  const { group, name, id, loop } = scene.messages[0]!.alert;
  assert.deepEqual(group!.node, { ID: "node-1" });
  assert.equal(group!.jobs, 5);
  assert.equal(name, `node node-1 #${loop.slice(0, 8)}`);
  assert.equal(id, alertId(loop, "0"));
  assert.deepEqual(scene.groups.causeOf(alertId("job3")), {
    cause: "node",
    id: loop,
    text: "node node-1: 5 loops",
  });
  assert.deepEqual(scene.said(), ["node first 5/0/0"]);
  scene.take("first", { name: "later", job: "later", node: "node-1" });
  scene.pass(10);
  assert.deepEqual(scene.said(), ["node update! 6/0/0"]);
});

Deno.test("jobs that loop on several nodes are no node's fault", () => {
  const scene = new Scene();
  each(5, (index) => scene.take("first", { name: `job${index}`, job: `job${index}`, node: "node-1" }));
  each(5, (index) => scene.take("first", { name: `job${index}b`, job: `job${index}`, node: "node-2" }));
  scene.pass(10);
  assert.deepEqual(scene.said(), Array(5).fill("job first 2/0/0"));
});

Deno.test("what fails on several nodes at one time is no node's fault, unless nearly all is on one", () => {
  for (
    const [others, said] of [
      [2, Array(6).fill("job first 1/0/0")],
      [1, ["node first 4/0/0", "job first 1/0/0"]],
    ] as const
  ) {
    const scene = new Scene();
    each(4, (index) => scene.take("first", { name: `job${index}`, job: `job${index}`, node: "node-1" }));
    each(
      others,
      (index) => scene.take("first", { name: `else${index}`, job: `else${index}`, node: "node-2" }),
    );
    scene.pass(10);
    assert.deepEqual(scene.said().sort(), [...said].sort());
  }
});

Deno.test("in a cluster that is known to have one node, the node is no cause unless it has a problem", () => {
  for (
    const [problem, nodes, said] of [
      [undefined, ["node-1"], Array(5).fill("job first 1/0/0")],
      ["is down", ["node-1"], ["node first 5/0/0"]],
      [undefined, ["node-1", "node-2"], ["node first 5/0/0"]],
    ] as const
  ) {
    const scene = new Scene();
    for (const node of nodes) scene.problems.see(node);
    scene.problems.note("node-1", problem);
    each(5, (index) => scene.take("first", { name: `job${index}`, job: `job${index}`, node: "node-1" }));
    scene.pass(10);
    assert.deepEqual(scene.said(), said);
  }
});

Deno.test("a job whose group was sent counts for its node and is listed, but keeps its own message", () => {
  const scene = new Scene();
  each(3, (index) => {
    scene.take("first", { name: `job${index}`, job: `job${index}`, node: "node-1" });
    scene.pass(20);
  });
  assert.deepEqual(scene.said(), ["job first 1/0/0", "job first 1/0/0", "node first 3/0/0"]);
  each(3, (index) => scene.take("resolved", { name: `job${index}`, job: `job${index}`, node: "node-1" }));
  assert.deepEqual(scene.said(), ["job resolved 0/0/1", "job resolved 0/0/1", "node resolved 0/0/3"]);
});

Deno.test("a loop on a node that Nomad says is down has the node as its cause, with Nomad's words", () => {
  const scene = new Scene();
  scene.take("first", { name: "web", node: "node-1" });
  scene.problems.note("node-1", "is down");
  scene.groups.nodeChanged({ ID: "node-1" }, scene.now);
  scene.pass(10);
  assert.deepEqual(scene.messages[0]!.alert.group!.node, { ID: "node-1", problem: "is down" });
  assert.deepEqual(scene.said(), ["node first 1/0/0"]);
  scene.problems.note("node-1", undefined);
  scene.groups.nodeChanged({ ID: "node-1" }, scene.now);
  scene.pass(10);
  assert.deepEqual(scene.messages[0]!.alert.group!.node, { ID: "node-1" });
  assert.deepEqual(scene.said(), ["node update! 1/0/0"]);
});

Deno.test("500 jobs at once are one digest; later jobs join it until few begin, and then are single messages", () => {
  const scene = new Scene();
  each(500, (index) => scene.take("first", { name: `job${index}`, job: `job${index}`, node: `n${index}` }));
  scene.pass(10);
  const { group } = scene.messages[0]!.alert;
  assert.equal(group!.members.length, 50);
  assert.deepEqual(group!.tally.reasons, [{ text: "exited with 1", count: 500 }]);
  assert.deepEqual(group!.tally.namespaces, [{ text: "shop", count: 500 }]);
  assert.equal(group!.tally.nodes.length, 10);
  assert.deepEqual(scene.said(), ["storm first 500/0/0"]);
  scene.take("first", { name: "in time", job: "in time" });
  scene.pass(100);
  scene.take("first", { name: "too late", job: "too late" });
  scene.pass(10);
  assert.deepEqual(scene.said(), ["storm update! 501/0/0", "job first 1/0/0"]);
});

Deno.test("what a job does an hour after its last loop in a storm is resolved is no part of the storm", () => {
  const scene = new Scene();
  each(30, (index) => scene.take("first", { name: `job${index}`, job: `job${index}` }));
  scene.pass(10);
  each(2, (index) => scene.take("resolved", { name: `job${index}`, job: `job${index}` }));
  scene.pass(600);
  scene.take("first", { name: "job0", job: "job0", loop: alertId("soon") });
  scene.pass(3600);
  scene.take("first", { name: "job1", job: "job1", loop: alertId("late") });
  scene.pass(10);
  assert.deepEqual(scene.said(), [
    "storm first 30/0/0",
    "storm update! 28/0/2",
    "storm update! 29/0/1",
    "job first 1/0/0",
  ]);
});

Deno.test("one change of a storm of 10,000 loops writes a few rows", () => {
  const scene = new Scene();
  each(10_000, (index) => scene.take("first", { name: `job${index}`, job: `job${index}` }));
  scene.pass(10);
  assert.deepEqual(scene.said(), ["storm first 10000/0/0"]);
  scene.journal.writes = 0;
  scene.take("resolved", { name: "job1", job: "job1" });
  scene.take("repeat", { name: "job2", job: "job2", repeats: 1 });
  scene.take("repeat", { name: "job3", job: "job3", repeats: 1 });
  assert.ok(scene.journal.writes <= 8, String(scene.journal.writes));
});

Deno.test("a clock that was ahead delays no message, and nothing falls due by it", () => {
  const scene = new Scene();
  scene.now += hour;
  scene.take("first", web(0));
  scene.now -= hour;
  scene.groups.clockSetBack(scene.now);
  scene.pass(10);
  assert.deepEqual(scene.said(), ["job first 1/0/0"]);
});

Deno.test("subjectOf() takes children of periodic and dispatch jobs for their parent, and knows as much as the rule", () => {
  const about = { name: "x", loop: "1" };
  const parent = subjectOf(groupAlert("first", { ...about, job: "backup" }));
  for (const child of ["backup/periodic-1795000000", "backup/dispatch-1795000000-0a1b2c3d"]) {
    assert.deepEqual(subjectOf(groupAlert("first", { ...about, job: child })), parent);
  }
  assert.equal(parent.title, "shop/backup.group/server");
  const restarts = { lastEvent: update({ name: "web.app[3]", task: "server" }), eventLog: [1n] };
  const alert: Alert = { id: "1", loop: "1", name: "web.app[3]", reason: "first", ...restarts };
  assert.match(subjectOf(alert).title, /^\S+\.\S+\/server$/);
});

Deno.test("kindOf() leaves out what differs between loops that fail for one reason", () => {
  const kinds = {
    "exited with 78 after 1 s, 5 times since 03:42 UTC; Nomad tries again in 1.1 s": "exited with 78",
    "was killed by signal 9 (SIGKILL) after 1 h 2 min 3 s, likely out of memory, once since 2026-11-24 03:42 UTC":
      "was killed by signal 9 (SIGKILL), likely out of memory",
    "flaps since 03:42 UTC: exited with 1 after 300 ms, 7 times since 03:50 UTC": "exited with 1",
    "restarted 5 times since 03:42 +02:00: Restart within policy": "Restart within policy",
  };
  for (const [reason, kind] of Object.entries(kinds)) assert.equal(kindOf(reason), kind);
});
