// The sweep of `replay`: each row equals a replay with these thresholds alone, and says how that differs from the settings
// in force.
import assert from "node:assert/strict";
import { ran } from "../../helpers/ran.ts";
import { restarts } from "../../helpers/updates.ts";

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const firehose = fixture("firehose.ndjson.gz");
const stream = fixture("event-stream.ndjson.gz");

interface Row {
  readonly rule: Record<string, unknown>;
  readonly notified: number;
  readonly notifications: number;
  readonly isCurrent?: boolean;
  readonly new: string[];
  readonly missing: string[];
}

/** The sweep as JSON. */
async function sweep(args: readonly string[], env = {}): Promise<{ current: Row; sweep: Row[] }> {
  const { code, stdout, stderr } = await ran(["replay", "--json", ...args], { env });
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

/** What a replay alone says: rule, names, number of notifications. */
async function single(args: readonly string[], env = {}) {
  const { stdout } = await ran(["replay", "--json", ...args], { env });
  const { rule, notified, notifications } = JSON.parse(stdout);
  return {
    rule,
    names: notified.map(({ name }: { name: string }) => name).sort() as string[],
    notifications,
  };
}

const without = (some: string[], others: string[]) => some.filter((name) => !others.includes(name));

const sweeps = [
  [firehose, "--restart-interval", ["30s", "1m", "5m"], {}],
  [firehose, "--restart-interval", ["30s", "5m"], { RESTART_COUNT: "3", NOTIFICATION_INTERVAL: "30s" }],
  [stream, "--stable-after", ["15s", "10m"], {}],
  [firehose, "--notification-interval", ["20s", "1m"], { RULE: "failures" }],
] as const;

for (const [file, flag, values, env] of sweeps) {
  Deno.test(`each row of ${flag} × --restart-count is what a replay of its own says: ${JSON.stringify(env)}`, async () => {
    const counts = ["3", "5", "10"];
    const found = await sweep([file, "--restart-count", counts.join(","), flag, values.join(",")], env);
    const current = await single([file], env);
    assert.deepEqual([found.current.rule, found.current.notified, found.current.notifications], [
      current.rule,
      current.names.length,
      current.notifications,
    ]);
    const expected = [];
    for (const count of counts) {
      for (const value of values) {
        const { rule, names, notifications } = await single(
          [file, "--restart-count", count, flag, value],
          env,
        );
        expected.push({
          rule,
          notified: names.length,
          notifications,
          isCurrent: JSON.stringify(rule) === JSON.stringify(current.rule),
          new: without(names, current.names),
          missing: without(current.names, names),
        });
      }
    }
    assert.deepEqual(found.sweep, expected);
    assert.ok(found.sweep.some(({ new: added, missing }) => added.length + missing.length > 0));
  });
}

Deno.test("the sweep as a table: the settings in force, then every other combination with its changes", async () => {
  const args = ["replay", firehose, "--restart-count", "3,5,10", "--restart-interval", "30s,5m"];
  const { code, stdout } = await ran(args);
  assert.equal(code, 0);
  const [head, ...rows] = stdout.split("\n\n")[0]!.split("\n");
  assert.equal(head, "restarts   in  repeat after  allocations  alerts  change");
  assert.deepEqual(rows, [
    "       5   5m            5m           11      11  the settings in force",
    "       3  30s            5m           13      13  2 new: wanted-restarts.tmpl-restart[0], wanted-restarts.user[0]",
    "       3   5m            5m           13      13  2 new: wanted-restarts.tmpl-restart[0], wanted-restarts.user[0]",
    "       5  30s            5m            3       3  8 missing: killed.kill9[0], killed.mocksig[0], " +
    "killed.segv[0], loop-delay.web[0], siblings.pair[0] and 3 more",
    "      10  30s            5m            0       0  11 missing: batch-once.work[0], exit0.web[0], " +
    "killed.kill9[0], killed.mocksig[0], killed.segv[0] and 6 more",
    "      10   5m            5m           10      10  1 missing: batch-once.work[0]",
  ]);
  assert.match(stdout, /\n\nread {2}1,798 lines with 1,798 updates, from .* \(4m50s\); 0 malformed\n$/);
});

Deno.test("a sweep takes the variables and defaults as the settings in force, and flags as candidates", async () => {
  const env = { RESTART_COUNT: "25", RESTART_INTERVAL: "4m" };
  const { current, sweep: [row] } = await sweep([
    firehose,
    "--restart-count",
    "5,10",
    "--restart-interval",
    "2m",
  ], env);
  assert.deepEqual([current.rule.restartCount, current.rule.restartInterval], [25, "4m"]);
  assert.deepEqual([row!.rule.restartCount, row!.rule.restartInterval], [5, "2m"]);
  // One value alone is no sweep.
  const { stdout } = await ran(["replay", firehose, "--restart-count", "3"], { env });
  assert.match(stdout, /with the rule restarts: 3 in 4m; /);
});

Deno.test("the sweep reads standard input once", async () => {
  const stdin = restarts(4, { time: 1_795_491_775_000_000_000n }).join("\n");
  const { stdout } = await ran(["replay", "--json", "--restart-count", "2,4,6"], { stdin });
  assert.deepEqual(JSON.parse(stdout).sweep.map(({ notified }: Row) => notified), [1, 1, 0]);
});

Deno.test("a value that is given twice is tried once", async () => {
  const { sweep: rows } = await sweep([firehose, "--restart-count", "5, 5,5"]);
  assert.deepEqual(rows.map(({ isCurrent }) => isCurrent), [true]);
});

Deno.test("replay reports every wrong value of a sweep", async () => {
  const cases: readonly (readonly [args: string[], line: string])[] = [
    [
      ["--restart-count", "3,x", "--restart-interval", "5m,1h"],
      'RESTART_COUNT (--restart-count): found "x"; expected a whole number from 1 to 1000000, such as 3',
    ],
    [
      ["--restart-count", "3,,5"],
      'RESTART_COUNT (--restart-count): found ""; expected a whole number from 1 to 1000000, such as 3',
    ],
    [
      ["--rule", "failures", "--restart-interval", "5m,1h"],
      "RESTART_INTERVAL (--restart-interval): found several values, which the rule failures ignores; " +
      "expected them with --rule restarts",
    ],
    [
      ["--rule", "restarts", "--stable-after", "5m,1h"],
      "STABLE_AFTER (--stable-after): found several values, which the rule restarts ignores; " +
      "expected them with --rule failures",
    ],
    [
      [
        "--restart-count",
        Array.from({ length: 21 }, (_, i) => i + 1).join(),
        "--restart-interval",
        "1m,2m,3m,4m,5m,6m,7m,8m,9m,10m",
      ],
      "found 210 combinations of thresholds; expected at most 200, so give fewer values",
    ],
  ];
  for (const [args, line] of cases) {
    assert.deepEqual(await ran(["replay", ...args, firehose]), { code: 1, stdout: "", stderr: `${line}\n` });
  }
  assert.deepEqual(await ran(["replay", "--restart-interval", "5m,1h", stream]), {
    code: 1,
    stdout: "",
    stderr:
      "error RESTART_INTERVAL (--restart-interval): found several values, which the rule failures ignores; " +
      "expected them with --rule restarts\n",
  });
  const { code, stderr } = await ran(["replay", firehose], { env: { RESTART_COUNT: "3,5" } });
  assert.deepEqual([code, stderr], [
    1,
    'RESTART_COUNT (--restart-count): found "3,5"; expected a whole number from 1 to 1000000, such as 3\n',
  ]);
});

Deno.test("detection takes one value of a threshold only", async () => {
  const { code, stderr } = await ran([firehose, "--restart-count", "3,5"]);
  assert.deepEqual([code, stderr], [
    1,
    'RESTART_COUNT (--restart-count): found "3,5"; expected a whole number from 1 to 1000000, such as 3\n',
  ]);
});
