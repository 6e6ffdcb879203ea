// What the history keeps of loops, and how a loop is shown.
import assert from "node:assert/strict";
import { LoopHistory } from "../../../src/status/history/history.ts";
import type { LoopView } from "../../../src/status/view.ts";
import { settingsUpdate } from "../../helpers/job_settings.ts";
import { loopsRule, restartsRule, Watched } from "../../helpers/status.ts";
import { at, crash, crashes, killing, started, stop, terminated } from "../../helpers/runs.ts";
import { update } from "../../helpers/updates.ts";

const milliseconds = (time: bigint) => Number(time / 1_000_000n);
const viewsOf = (history: LoopHistory, now: bigint) =>
  [...history.loops()].map((loop) => history.view(loop, now));
const views = (watched: Watched) => viewsOf(watched.history, at(0));

Deno.test("view() of the rule for failed runs has task, count, exit code and timeline", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(3));
  const [view] = views(watched);
  const { id, ...rest } = view!;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, {
    status: "looping",
    name: "api.web[0]/app",
    namespace: null,
    job: "api",
    group: "web",
    task: "app",
    node: "n1",
    allocation: "a1",
    count: 3,
    notifications: 1,
    firstNotifiedAt: "2026-11-24T03:43:15.002Z",
    since: "2026-11-24T03:42:55.002Z",
    lastAt: "2026-11-24T03:43:35.002Z",
    gaveUpAt: null,
    resolvedAt: null,
    reason: "exited with 1 after 1 s, 3 times since 03:42 UTC",
    exitCode: 1,
    timeline: [1, 21, 41].map((seconds) => milliseconds(at(seconds)) + 2),
    muted: null,
    severity: null,
    owner: null,
    runbook: null,
    cause: null,
  });
});

Deno.test("view() of the rule restarts has the last task, and starts at the first restart", () => {
  const watched = new Watched(restartsRule());
  const name = "job.group[0]";
  watched.hear(...[0, 10, 30].map((seconds) => update({ time: at(seconds) })));
  const [view] = views(watched);
  const { id: _, ...rest } = view!;
  assert.deepEqual(rest, {
    status: "looping",
    name,
    namespace: null,
    job: "job",
    group: "group",
    task: "task",
    node: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
    allocation: "2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
    count: 3,
    notifications: 1,
    firstNotifiedAt: "2026-11-24T03:43:04Z",
    since: "2026-11-24T03:42:54Z",
    lastAt: "2026-11-24T03:43:24Z",
    gaveUpAt: null,
    resolvedAt: null,
    reason: "restarted 3 times since 03:42 UTC: Restart within policy",
    exitCode: null,
    timeline: [0, 10, 30].map((seconds) => milliseconds(at(seconds))),
    muted: null,
    severity: null,
    owner: null,
    runbook: null,
    cause: null,
  });
  const { events } = watched.history.find(name, at(30))!;
  assert.deepEqual(events.map(({ at, type, message }) => [at, type, message]), [
    ["2026-11-24T03:42:54Z", "Restarting", "Task restarting in 1.2s"],
    ["2026-11-24T03:43:04Z", "Restarting", "Task restarting in 1.2s"],
    ["2026-11-24T03:43:24Z", "Restarting", "Task restarting in 1.2s"],
  ]);
});

Deno.test("view() of a muted loop was never notified; it is when its job lifts the mute", () => {
  for (const [rule, name] of [[loopsRule(), "api.web[0]/app"], [restartsRule(), "api.web[0]"]] as const) {
    const watched = new Watched(rule);
    watched.hear(settingsUpdate(at(0), { enabled: "false" }), ...crashes(3, 1));
    const [muted] = views(watched);
    assert.deepEqual([muted!.name, muted!.status], [name, "looping"]);
    assert.deepEqual([muted!.notifications, muted!.firstNotifiedAt], [0, null]);
    watched.hear(settingsUpdate(at(60), undefined));
    watched.wait(at(60));
    assert.deepEqual([...watched.history.loops()].map(({ view }) => view.muted), [null]);
    const [lifted] = views(watched);
    assert.deepEqual([lifted!.id, lifted!.notifications], [muted!.id, 1]);
    assert.match(lifted!.firstNotifiedAt!, /^2026-11-24T0/);
  }
});

Deno.test("find() has events from before the loop, each once, with exit codes and signals", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(2), ...crashes(2), started(at(50)), terminated(at(51), 137, 9));
  const { events } = watched.history.find("api.web[0]/app", at(60))!;
  assert.deepEqual(events.map(({ type, exitCode, signal }) => [type, exitCode, signal]), [
    ["Started", null, null],
    ["Terminated", 1, null],
    ["Restarting", null, null],
    ["Started", null, null],
    ["Terminated", 1, null],
    ["Restarting", null, null],
    ["Started", null, null],
    ["Terminated", 137, 9],
  ]);
  assert.equal(events[0]!.allocation, "a1");
  assert.equal(events[0]!.task, "app");
  assert.equal(events[0]!.node, "n1");
});

Deno.test("an event says whether the run failed: Nomad kills failed tasks as it kills stopped ones", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(2), started(at(50)), killing(at(51)), killing(at(52), { fails: true }));
  const { events } = watched.history.find("api.web[0]/app", at(60))!;
  assert.deepEqual(events.slice(-4).map(({ type, failed }) => [type, failed]), [
    ["Restarting", true],
    ["Started", false],
    ["Killing", false],
    ["Killing", true],
  ]);
});

Deno.test("a resolved loop is shown as it was, with when and why it was resolved", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(4), ...stop(at(100)));
  const [view] = views(watched);
  assert.deepEqual(
    [view!.status, view!.count, view!.notifications, view!.resolvedAt, view!.reason],
    ["resolved", 4, 2, "2026-11-24T03:44:34Z", "it was stopped, after 4 failed runs since 03:42 UTC"],
  );
  assert.equal(watched.history.find(view!.id, at(200))!.loop.status, "resolved");
});

Deno.test("a resolved loop of the rule restarts keeps its count, with and without a notification", () => {
  for (const [notified, alerts] of [[false, 1], [true, 2]] as const) {
    const watched = new Watched(restartsRule(notified));
    watched.hear(...[0, 10, 30].map((seconds) => update({ time: at(seconds) })));
    watched.wait(at(3700));
    const [view] = views(watched);
    assert.deepEqual(
      [view!.status, view!.count, view!.notifications, view!.reason],
      ["resolved", 3, alerts, "it no longer restarts that often"],
    );
  }
});

Deno.test("a loop that is repeated is the same loop, with two notifications", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(3));
  const [before] = views(watched);
  watched.wait(at(3700));
  const [after] = views(watched);
  assert.equal(views(watched).length, 1);
  assert.deepEqual([after!.id, after!.notifications], [before!.id, 2]);
});

Deno.test("a resolved loop counts notifications that nobody looked at", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(3));
  watched.wait(at(3700));
  watched.hear(...stop(at(3800)));
  const [view] = views(watched);
  assert.deepEqual([view!.status, view!.notifications], ["resolved", 3]);
});

Deno.test("find() knows a loop by name, by id and by any of its allocations", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(2), ...crashes(1, 50, 20, { allocation: "a2" }));
  const [view] = views(watched);
  for (const what of ["api.web[0]/app", view!.id, "a1", "a2"]) {
    assert.equal(watched.history.find(what, at(60))?.loop.id, view!.id, what);
  }
  assert.equal(watched.history.find("api.web[1]/app", at(60)), undefined);
});

Deno.test("restore() shows loops notified before the start, with what the rule knows of them", () => {
  for (
    const [rule, updates, types] of [
      [loopsRule(), crashes(3), 7],
      [restartsRule(), [0, 10, 30].map((seconds) => update({ time: at(seconds) })), 1],
    ] as const
  ) {
    const before = new Watched(rule);
    before.hear(...updates);
    const later = new LoopHistory(rule);
    later.restore(at(100));
    const [was] = views(before);
    const [is] = viewsOf(later, at(100));
    assert.deepEqual(is, { ...was, firstNotifiedAt: null });
    const found = later.find(is!.name, at(100))!;
    assert.ok(found.events.length > 0 && found.events.length <= 10 && types > 0);
    assert.equal(found.events.at(-1)!.at, is!.lastAt);
  }
});

/** Keeps loops as a state store does. */
class Memory extends Map<string, string> {
  remember(loop: string, text: string | undefined): void {
    this.delete(loop);
    if (text !== undefined) this.set(loop, text);
  }
  remembered(): Iterable<readonly [string, string]> {
    return this;
  }
}

/** The views of a history that is restored from the rule and the memory. */
function restored(watched: Watched, memory: Memory) {
  const later = new LoopHistory(watched.rule, undefined, memory);
  later.restore(at(4_000), memory);
  return viewsOf(later, at(4_000));
}

Deno.test("restore() keeps the first notification, the start and the resolution of loops", () => {
  const quick = (seconds: number) => update({ time: at(seconds) });
  for (const [rule, updates] of [[loopsRule(), crashes(3)], [restartsRule(), [0, 10].map(quick)]] as const) {
    const memory = new Memory();
    const watched = new Watched(rule, undefined, memory);
    watched.hear(...updates);
    // Its first restarts have left the window, where it has one.
    watched.hear(...[2_000, 3_601, 3_700].map(quick));
    const was = views(watched);
    assert.notEqual(was[0]!.firstNotifiedAt, null);
    assert.deepEqual(restored(watched, memory).map(essence), was.map(essence));
  }
});

const essence = ({ id, status, firstNotifiedAt, since, count, resolvedAt }: LoopView) => [
  id,
  status,
  firstNotifiedAt,
  since,
  count,
  resolvedAt,
];

Deno.test("restore() has loops resolved before the start, whole, the youngest last", () => {
  const memory = new Memory();
  const watched = new Watched(loopsRule(), undefined, memory);
  for (const index of [0, 1, 2]) watched.hear(...crashes(2, index * 100, 20, job(index)));
  for (const index of [1, 0]) watched.hear(...stop(at(600 - index), undefined, job(index)));
  const was = views(watched);
  assert.deepEqual(names(was), ["job2", "job1", "job0"]);
  assert.deepEqual(restored(watched, memory), was);
  const later = new LoopHistory(watched.rule, undefined, memory);
  later.restore(at(4_000), memory);
  const { loop, restored: isRestored, events } = later.find(was[2]!.id, at(4_000))!;
  assert.deepEqual([loop.job, isRestored, events], ["job0", true, []]);
});

Deno.test("restore() has cause and context of every loop, even if no source knows them any more", () => {
  const memory = new Memory();
  const node = { cause: "node", id: "n", text: "3 jobs loop on node n1" } as const;
  const watched = new Watched(loopsRule(), undefined, memory, {
    groupOf: () => node,
    context: (loop) => ({ LastWords: { Missing: `no logs of ${loop}` } }),
  });
  for (const index of [0, 1]) watched.hear(...crashes(3, index * 100, 20, job(index)));
  watched.hear(...stop(at(600), undefined, job(1)));
  const later = new LoopHistory(watched.rule, undefined, memory);
  later.restore(at(700), memory);
  for (const name of ["job0.web[0]/app", "job1.web[0]/app"]) {
    const { loop, context } = later.find(name, at(700))!;
    assert.deepEqual(loop.cause, { kind: "node", id: "n", text: "3 jobs loop on node n1" });
    assert.deepEqual(context, { LastWords: { Missing: `no logs of ${loop.id}` } });
  }
});

Deno.test("restore() has a resolved loop that an older version kept", () => {
  const memory = new Memory();
  const watched = new Watched(loopsRule(), undefined, memory);
  watched.hear(...crashes(2), ...stop(at(600)));
  const [was] = views(watched);
  const { muted: _, severity: _1, owner: _2, runbook: _3, cause: _4, ...older } = was!;
  memory.remember(older.id, JSON.stringify(older));
  assert.deepEqual(restored(watched, memory), [was]);
  const later = new LoopHistory(watched.rule, undefined, memory);
  later.restore(at(700), memory);
  assert.equal(later.find(older.id, at(700))!.context, null);
});

Deno.test("the memory is bounded like the history, and drops loops that were resolved unseen", () => {
  const memory = new Memory();
  const watched = new Watched(loopsRule(), bounds, memory);
  for (const index of [0, 1, 2, 3, 4]) watched.hear(...crashes(2, index * 100, 20, job(index)));
  for (const index of [2, 3, 4]) watched.hear(...stop(at(600 + index), undefined, job(index)));
  assert.equal(memory.size, bounds.resolved, "none of those shown is active");
  watched.hear(...crashes(2, 700, 20, job(5)));
  assert.equal(memory.size, bounds.resolved + 1);
  watched.rule.record(decodedStop(), at(800));
  assert.deepEqual(names(restored(watched, memory)), ["job0", "job1", "job3", "job4"]);
  assert.equal(memory.size, bounds.resolved);
});

function decodedStop() {
  const event = loopsRule().decode(new TextEncoder().encode(stop(at(800), undefined, job(5))[0]!));
  assert.ok(event.kind === "event");
  return event;
}

const bounds = { looping: 3, resolved: 2, failing: 4, events: 60 };
const job = (index: number) => ({ job: `job${index}` });
const names = (views: Iterable<LoopView>) => [...views].map(({ job }) => job);

Deno.test("of many loops the oldest are dropped first, active and resolved ones", () => {
  const watched = new Watched(loopsRule(), bounds);
  for (const index of [0, 1, 2, 3, 4]) watched.hear(...crashes(2, index * 100, 20, job(index)));
  assert.deepEqual(names(viewsOf(watched.history, at(500))), ["job2", "job3", "job4"]);
  for (const index of [2, 3, 4]) watched.hear(...stop(at(600 + index), undefined, job(index)));
  assert.deepEqual(names(viewsOf(watched.history, at(700))), ["job3", "job4"]);
  assert.equal(watched.history.find("job2.web[0]/app", at(700)), undefined);
  watched.wait(at(4_000));
  assert.deepEqual(names(viewsOf(watched.history, at(4_000))), ["job0", "job1", "job3", "job4"]);
});

Deno.test("keys that do not loop are kept for an hour, the last ones only", () => {
  const first = (watched: Watched, name: string, index: number) => {
    watched.hear(...crash(at(index + 10), { job: name }));
    return watched.history.find(`${name}.web[0]/app`, at(index + 10))!.events
      .map(({ allocation }) => allocation);
  };
  const watched = new Watched(loopsRule(), bounds);
  for (const index of [0, 1, 2, 3, 4]) watched.hear(...crashes(1, index, 20, job(index)));
  assert.deepEqual(first(watched, "job4", 4), ["a1", "a1", "a1"]);
  assert.deepEqual(first(watched, "job0", 0), [null, null, "a1"], "two of the alert, and one that was seen");
});

Deno.test("one loop keeps 200 events and 200 times, many loops share the room", () => {
  const one = new Watched(loopsRule());
  one.hear(...crashes(210, 0, 5));
  const { loop, events } = one.history.find("api.web[0]/app", at(1000))!;
  assert.deepEqual([loop.count, loop.timeline.length, events.length], [210, 200, 200]);
  assert.equal(events.at(-1)!.at, loop.lastAt);
  const many = new Watched(loopsRule(), bounds);
  many.hear(...crashes(210, 0, 5), ...crashes(100, 0, 5, job(1)));
  assert.equal(many.history.find("job1.web[0]/app", at(1000))!.events.length, 30, "60 for two loops");
});

Deno.test("a timeline has the hour before the last restart", () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crash(at(0)), ...crash(at(100)), ...crash(at(3650)));
  const [view] = views(watched);
  assert.deepEqual(view!.timeline, [100, 3650].map((seconds) => milliseconds(at(seconds)) + 2));
  assert.equal(view!.count, 3);
});
