// What a person reads of the context of an alert. Times are written in UTC where TZ is not set.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { contextRequestOf, hasContext, withContext } from "../../../src/detection/alert/context.ts";
import type { AlertContext } from "../../../src/detection/alert/details.ts";
import { detailsOf } from "../../../src/detection/alert/details_of.ts";
import { alertJson } from "../../../src/detection/alert/json.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { updateJson } from "../../helpers/updates.ts";

const second = 1_000_000_000n;
/** The first failure, and the last event a minute later. */
const first = 1_795_491_774_000_000_000n;

const alert: Alert = alertAbout("web.app[0]", {
  lastEvent: updateJson({ Name: "web.app[0]", JobID: "web" }, "Restarting", first + 60n * second, {}),
  eventLog: [first, first + 60n * second],
});

const factsOf = (context: AlertContext) =>
  messageOf(withContext(alert, context)).facts.map(({ label, value }) => `${label}: ${value}`)
    .filter((fact) => !/^(Job|Group|Task|Node|Allocation): /.test(fact));
const submitted = (before: bigint) => ({
  Change: { JobVersion: 7, Submitted: formatTime(first - before) },
});
const [minute, hour, day] = [60n * second, 3600n * second, 86_400n * second];

Deno.test("messageOf() says how long before the first failure the version was submitted, or after it", () => {
  for (
    const [before, expected] of [
      [40n * second, "40 s before"],
      [second / 2n, "500 ms before"],
      [0n, "0 s before"],
      [-3n * minute - 20n * second, "3 min 20 s after"],
      [10n * minute + 29n * second, "10 min before"],
      [59n * minute + 31n * second, "1 h before"],
      [3n * hour + 25n * minute, "3 h 25 min before"],
      [day, "24 h before"],
      [-2n * hour, "2 h after"],
    ] as const
  ) {
    assert.deepEqual(factsOf(submitted(before)), [
      `Change: version 7, submitted ${expected} the first failure`,
    ]);
  }
  const old = formatTime(first - 4n * day);
  const zone = /(?:Z|[+-]\d\d:\d\d)$/.exec(old)![0];
  assert.deepEqual(factsOf(submitted(4n * day)), [
    `Change: version 7, submitted ${old.slice(0, 10)} ${old.slice(11, 16)} ${zone === "Z" ? "UTC" : zone}`,
  ]);
});

Deno.test("messageOf() says what runs, how the rollout goes, how the version before ran, and how much is affected", () => {
  assert.deepEqual(
    factsOf({
      Change: {
        ...submitted(40n * second).Change,
        Image: "web:7\u001b[31m",
        Command: "/bin/web --port 80",
        Deployment: {
          ID: "0bb6e3b4-3d5c-4d2e-8a0e-6b0d3f1e2c4a",
          Status: "failed",
          Description: "Failed due to progress deadline",
        },
        Previous: { JobVersion: 6, Stable: true },
      },
      Allocations: { Total: 20, Looping: 3, Running: 17 },
      LastWords: { Missing: "the allocation was garbage-collected" },
    }),
    [
      "Change: version 7, submitted 40 s before the first failure",
      "Image: web:7\\u001b[31m",
      "Command: /bin/web --port 80",
      "Deployment: failed (0bb6e3b4): Failed due to progress deadline",
      "Version before: version 6 ran well",
      "Affected: 3 of 20 allocations loop, 17 run",
      "Last words: the allocation was garbage-collected",
    ],
  );
  assert.deepEqual(
    factsOf({
      Change: {
        ...submitted(40n * second).Change,
        Deployment: { ID: "0bb6e3b4", Status: "running" },
        Previous: { JobVersion: 6, Stable: false },
      },
      Allocations: { Total: 1, Looping: 1, Running: 1 },
    }).slice(1),
    [
      "Deployment: running (0bb6e3b4)",
      "Version before: version 6 was not stable either",
      "Affected: 1 of 1 allocation loops, 1 runs",
    ],
  );
  assert.deepEqual(factsOf({}), []);
});

Deno.test("messageOf() has the last lines of stderr, of stdout where there are none", () => {
  const wordsOf = (LastWords: AlertContext["LastWords"]) =>
    messageOf(withContext(alert, LastWords === undefined ? {} : { LastWords })).lastWords;
  assert.deepEqual(wordsOf({ Stderr: ["panic", "exit\u0007"], Stdout: ["ready"] }), {
    title: "Last lines of stderr",
    lines: ["panic", "exit\\u0007"],
  });
  assert.deepEqual(wordsOf({ Stdout: ["ready"], Missing: "stderr: no answer within 3 s" }), {
    title: "Last lines of stdout",
    lines: ["ready"],
  });
  assert.equal(wordsOf({ Missing: "the task wrote nothing" }), undefined);
  assert.equal(wordsOf(undefined), undefined);
});

Deno.test("messageOf() says of a job's group what it says of one loop, and of loops of several jobs nothing of one", () => {
  const tally = { namespaces: [], reasons: [], nodes: [] };
  const counts = { active: 3, gaveUp: 0, resolved: 0 };
  const context = {
    ...submitted(40n * second),
    Allocations: { Total: 20, Looping: 3, Running: 17 },
    LastWords: { Stderr: ["panic"] },
  };
  const shown = (cause: "job" | "node" | "storm") => {
    const group = { cause, counts, jobs: cause === "job" ? 1 : 3, members: [], tally };
    const { facts, lastWords } = messageOf(withContext({ ...alert, group }, context));
    assert.equal(hasContext({ ...alert, group }), cause === "job", "only that is asked for");
    return [facts.some(({ label }) => label === "Change"), lastWords !== undefined];
  };
  assert.deepEqual([shown("job"), shown("node"), shown("storm")], [[true, true], [false, false], [
    false,
    false,
  ]]);
});

Deno.test("withContext() adds to the payload full of either rule, and to no byte of the original", () => {
  const context = { Allocations: { Total: 1, Looping: 1, Running: 0 } };
  for (const one of [alert, { ...alert, details: detailsOf(alert) }]) {
    const [before, after] = [one, withContext(one, context)].map((alert) => alertJson(alert, "full")) as [
      string,
      string,
    ];
    assert.equal(after, `${before.slice(0, -1)},"Allocations":{"Total":1,"Looping":1,"Running":0}}`);
    assert.equal(alertJson(withContext(one, context)), alertJson(one));
  }
});

Deno.test("contextRequestOf() takes what an update lacks from the key; an end has no context", () => {
  assert.deepEqual(contextRequestOf({ ...alert, lastEvent: "{}" }), {
    namespace: "default",
    job: "",
    group: "",
    task: "",
    allocation: "",
  });
  const Key = { Namespace: "prod", JobID: "web", TaskGroup: "app", Index: 0, Task: "server" };
  assert.deepEqual(contextRequestOf({ ...alert, lastEvent: "{}", details: { ...detailsOf(alert), Key } }), {
    namespace: "prod",
    job: "web",
    group: "app",
    task: "server",
    allocation: "",
  });
  for (const reason of ["first", "repeat", "update", "gave-up"] as const) {
    assert.ok(hasContext({ ...alert, reason }));
  }
  assert.ok(!hasContext({ ...alert, reason: "resolved" }));
  assert.ok(!hasContext({ ...alert, lastEvent: "{}" }), "nobody knows of which job it is");
});
