// Grouping the loops of a list: a plain model of it, and its rules.
import assert from "node:assert/strict";
import { jobNameOf } from "../../../src/status/api/job_groups.ts";
import { rowsOf } from "../../../src/status/api/job_rows.ts";
import { readJobsQuery } from "../../../src/status/api/query.ts";
import type { CauseView, GroupView, LoopView, RowView } from "../../../src/status/view.ts";
import { Random } from "../../helpers/random.ts";
import { ended, gaveUp, jobLoops, madeLoop, manyLoops } from "../../helpers/status_fixture.ts";

function rows(loops: readonly LoopView[], query = "", toggled: readonly string[] = []) {
  const parameters = new URLSearchParams({
    limit: "1000",
    ...Object.fromEntries(new URLSearchParams(query)),
  });
  for (const key of toggled) parameters.append("toggled", key);
  const viewed = loops.map((view) => ({ view }));
  return rowsOf(viewed, readJobsQuery(parameters), ({ view }) => view);
}

/** A row in short: how deep it is, its name, and of a group whether it is open. */
function short(row: RowView): string {
  const indent = "  ".repeat(row.level);
  return row.kind === "loop"
    ? `${indent}${row.loop.name}`
    : `${indent}${row.open ? "-" : "+"} ${row.name} ${row.loops}`;
}

const groupsOf = (shown: readonly RowView[]) => shown.filter((row) => row.kind !== "loop") as GroupView[];

const node = (id: string): CauseView => ({ kind: "node", id, text: `node ${id}: 9 loops` });

Deno.test("jobNameOf() is the same for all loops of a job, group and task", () => {
  const cases = [
    ["web.app[0]", null, "web.app"],
    ["web.app[12]", "shop", "shop/web.app"],
    ["shop/web.app[12]/server", "shop", "shop/web.app/server"],
    ["shop/web.app[0]/server@ca601765-3a7d-9af1-54b2-ee5a37ccffd8", "shop", "shop/web.app/server"],
    ['web.app[0]/"a/b[1]"', null, 'web.app/"a/b[1]"'],
    ["a[1]/b.c[2]/d", null, "a[1]/b.c/d"],
    ["no brackets", null, "no brackets"],
  ] as const;
  for (const [name, namespace, expected] of cases) {
    assert.equal(jobNameOf({ ...madeLoop(name), namespace }), expected);
  }
});

Deno.test("a job with several loops is a group, which is closed; another one is the row of its loop", () => {
  const loops = [madeLoop("a/one.web[0]", { count: 40 }), ...jobLoops("a/two.web", 3)];
  const view = rows(loops, "sort=worst");
  assert.deepEqual(view.rows.map(short), ["a/one.web[0]", "+ a/two.web 3"]);
  assert.deepEqual([view.total, view.loops, view.muted], [2, 4, 0]);
  const open = rows(loops, "sort=worst", ["a/two.web"]);
  assert.deepEqual(open.rows.map(short), [
    "a/one.web[0]",
    "- a/two.web 3",
    "  a/two.web[0]",
    "  a/two.web[1]",
    "  a/two.web[2]",
  ]);
  assert.equal(open.total, 5);
});

Deno.test("a group says its worst loop, its times, its nodes and its most frequent reason", () => {
  const [a, b, c] = jobLoops("a/two.web", 3) as [LoopView, LoopView, LoopView];
  const other = { ...c, reason: "failed to pull the image, 28 times since 14:14 UTC" };
  const lost = gaveUp(madeLoop("a/two.web[9]"));
  const [group] = groupsOf(rows([a, b, other, lost]).rows);
  assert.ok(group);
  const { key: _, jobNames, nodeNames, worst, ...rest } = group;
  assert.deepEqual([jobNames, nodeNames, worst.name], [
    ["a/two.web"],
    ["worker-01", "worker-02", "worker-03"],
    "a/two.web[0]",
  ]);
  assert.deepEqual(rest, {
    kind: "job",
    level: 0,
    open: false,
    name: "a/two.web",
    namespace: "a",
    jobs: 1,
    nodes: 3,
    loops: 3,
    muted: 0,
    gaveUp: 1,
    critical: 0,
    since: a.since,
    newest: c.since,
    reason: "exited with 1",
    reasonLoops: 2,
    mutedBecause: null,
    storm: false,
  });
});

Deno.test("jobs that a node causes to loop are a group above all others, of which other loops are no part", () => {
  const [here, there] = [{ cause: node("n1"), count: 5 }, { count: 90 }];
  const loops = [
    madeLoop("a/one.web[0]", here),
    ...jobLoops("a/two.web", 2, here),
    ...jobLoops("a/two.web", 4, there).slice(2),
    madeLoop("a/three.web[0]", { ...here, cause: { ...node("n1"), kind: "storm" } }),
    ended(madeLoop("a/four.web[0]", here)),
  ];
  const shown = rows(loops, "sort=worst", ["node n1", "a/two.web node n1"]).rows;
  assert.deepEqual(shown.map(short), [
    "- node n1 3",
    "  a/one.web[0]",
    "  - a/two.web 2",
    "    a/two.web[1]",
    "    a/two.web[0]",
    "+ a/two.web 2",
    "a/three.web[0]",
  ]);
  assert.deepEqual(groupsOf(shown)[0]!.jobNames, ["a/one.web", "a/two.web"]);
  assert.deepEqual(
    rows(loops, "status=resolved").rows.map(short),
    ["a/four.web[0]"],
    "by then it is history",
  );
});

Deno.test("muted loops come last and are counted apart", () => {
  const muted = "until tomorrow";
  const loops = [
    ...jobLoops("a/one.web", 2, { count: 90, muted }),
    ...jobLoops("a/two.web", 2, { count: 6 }),
    madeLoop("a/two.web[7]", { count: 80, muted }),
    madeLoop("a/three.web[0]", { count: 7 }),
  ];
  const view = rows(loops, "sort=worst");
  assert.deepEqual(view.rows.map(short), ["a/three.web[0]", "+ a/two.web 3", "+ a/one.web 2"]);
  assert.deepEqual([view.loops, view.muted, view.allMuted], [6, 3, 3]);
  const [two, one] = groupsOf(view.rows);
  assert.deepEqual([two!.muted, two!.mutedBecause, two!.worst.count], [1, null, 6]);
  assert.deepEqual([one!.muted, one!.mutedBecause], [2, "until tomorrow"]);
  const found = rows(loops, "q=three");
  assert.deepEqual([found.loops, found.muted, found.allMuted], [1, 0, 3]);
});

Deno.test("what a search text finds is shown in its group, unless that was closed", () => {
  const loops = [...jobLoops("a/one.web", 9), madeLoop("a/two.web[0]", { node: "worker-02" })];
  assert.deepEqual(rows(loops, "q=worker-02").rows.map(short), [
    "a/two.web[0]",
    "- a/one.web 2",
    "  a/one.web[8]",
    "  a/one.web[1]",
  ]);
  assert.deepEqual(rows(loops, "q=worker-02", ["a/one.web"]).rows.map(short), [
    "a/two.web[0]",
    "+ a/one.web 2",
  ]);
});

Deno.test("of any loops, each matching one is in exactly one place, pages fit together, and groups follow the order", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const loops = Array.from({ length: random.below(60) }, (_, n) => {
      const cause = [null, null, node("n1"), node("n2")][random.below(4)]!;
      const loop = madeLoop(`ns/job-${random.below(6)}.g[${n}]`, {
        id: `${n}`,
        count: random.below(9),
        since: new Date(1_773_000_000_000 + random.below(9) * 1000).toISOString(),
        muted: random.below(4) === 0 ? "muted" : null,
        cause,
      });
      return [loop, loop, gaveUp(loop), ended(loop)][random.below(4)]!;
    });
    const sort = (["worst", "newest"] as const)[random.below(2)]!;
    const closed = rows(loops, `sort=${sort}`).rows;
    const half = rows(loops, `sort=${sort}`, groupsOf(closed).map(({ key }) => key));
    const keys = groupsOf(half.rows).map(({ key }) => key);
    const all = rows(loops, `sort=${sort}`, keys);
    const shown = all.rows.flatMap((row) => row.kind === "loop" ? [row.loop.id] : []);
    const active = loops.filter(({ status }) => status === "looping").map(({ id }) => id);
    assert.deepEqual(shown.toSorted(), active.toSorted(), `seed ${seed}`);
    assert.equal(all.loops, active.length);
    assert.equal(all.total, all.rows.length);
    const paged: RowView[] = [];
    for (let offset = 0; offset < all.total; offset += 7) {
      paged.push(...rows(loops, `sort=${sort}&limit=7&offset=${offset}`, keys).rows);
    }
    assert.deepEqual(paged, all.rows, `seed ${seed}`);
    const top = closed.filter((row) => row.kind !== "node").map((row) => placeOf(row, sort, loops));
    assert.deepEqual(top, top.toSorted(comparePlaces), `seed ${seed}`);
  }
});

/** What a row without a node as its cause is sorted by, worked out from its loops. */
function placeOf(row: RowView, sort: "worst" | "newest", loops: readonly LoopView[]): number[] {
  const members = row.kind === "loop"
    ? [row.loop]
    : loops.filter((loop) =>
      loop.status === "looping" && loop.cause === null && jobNameOf(loop) === row.name
    );
  const awake = members.filter(({ muted }) => muted === null);
  const counted = awake.length > 0 ? awake : members;
  const count = Math.max(...counted.map(({ count }) => count));
  const at = Math.max(...counted.map(({ since }) => Date.parse(since)));
  return [awake.length > 0 ? 0 : 1, sort === "worst" ? -count : 0, -at];
}

function comparePlaces(a: number[], b: number[]): number {
  return a.map((part, n) => part - b[n]!).find((difference) => difference !== 0) ?? 0;
}

Deno.test("10,000 loops of 500 jobs are 500 rows, and 10,500 if all are open", () => {
  const loops = manyLoops(10_000, 500);
  const closed = rows(loops, "sort=worst");
  assert.deepEqual([closed.total, closed.loops], [500, 10_000]);
  assert.equal(groupsOf(closed.rows)[0]!.loops, 20);
  assert.equal(rows(loops, "q=batch&sort=worst&limit=1").total, 10_500);
});
