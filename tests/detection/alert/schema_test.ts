// alert.schema.json describes what sinks get: alerts of both rules are held to it, and it refuses what is none.
import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { alertJson } from "../../../src/detection/alert/json.ts";
import schema from "../../../src/detection/alert/alert.schema.json" with { type: "json" };
import { RestartsRule } from "../../../src/detection/restarts/rule.ts";
import { FailuresRule } from "../../../src/detection/failures/rule.ts";
import type { Rule } from "../../../src/detection/rule.ts";
import { recordedUpdates } from "../../helpers/event_stream.ts";
import { settingsUpdate } from "../../helpers/job_settings.ts";
import { decisions, minutes, noopState } from "../../helpers/listen.ts";
import {
  at,
  crashes,
  killing,
  restarting,
  started,
  stop,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";

// Formats are other packages' business; the schema has a pattern for times beside their format.
const validate = new Ajv2020({
  allErrors: true,
  strictRequired: false,
  strictTypes: false,
  validateFormats: false,
}).compile(
  schema,
);

/** What is wrong with an alert, a line each. */
function wrong(alert: unknown): string[] {
  if (validate(alert)) return [];
  return validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const loops = (restartCount = 3): Rule =>
  new FailuresRule({
    restartCount,
    stableAfter: minutes(10),
    notificationInterval: minutes(60),
    notifyResolved: true,
  }, noopState);
const restarts = (restartCount = 3): Rule =>
  new RestartsRule({
    restartCount,
    restartInterval: minutes(5),
    notificationInterval: minutes(5),
    notifyResolved: true,
  }, noopState);

/** All alerts of a rule about updates, until a day after the tests' time began. */
function alertsOf(rule: Rule, updates: readonly string[]): Alert[] {
  return [...decisions(rule, updates, at(86_400))]
    .flatMap(({ decision }) => "alert" in decision && decision.alert !== undefined ? [decision.alert] : []);
}

/** Lives whose alerts have each of the optional fields, and have it not. */
const lives: Readonly<Record<string, readonly string[]>> = {
  "crashes, and is stable": [...crashes(4), started(at(100))],
  "crashes for hours": crashes(1000, 0, 20),
  "is stopped": [...crashes(4), ...stop(at(100))],
  "never starts": [1, 2, 3].flatMap((index) => [
    taskUpdate({
      type: "Driver Failure",
      time: at(index * 20),
      event: { DisplayMessage: "no such\n  image" },
    }),
    restarting(at(index * 20 + 1)),
  ]),
  "fails at its template": [1, 2, 3].map((index) =>
    killing(at(index * 20), { fails: true, allocation: `a${index}` })
  ),
  "runs out of memory": [1, 2, 3].flatMap((index) => [
    started(at(index * 20)),
    terminated(at(index * 20 + 1), 137, 9),
    restarting(at(index * 20 + 1.1)),
  ]),
  "runs out of memory, says Nomad": [1, 2, 3].flatMap((index) => [
    started(at(index * 20)),
    terminated(at(index * 20 + 0.0004), 137, 9, { event: { Details: { oom_killed: "true" } } }),
    restarting(at(index * 20 + 1)),
  ]),
  "says nothing of how it ends": [1, 2, 3].flatMap((index) => [
    started(at(index * 20)),
    taskUpdate({ type: "Terminated", time: at(index * 20 + 1) }),
    restarting(at(index * 20 + 2), { delay: 0n, event: { StartDelay: null, Details: null } }),
  ]),
  "is of a system job in a namespace": crashes(4, 0, 20, {
    fields: { Namespace: "ops", JobType: "system", NodeName: "worker-1" },
  }),
  "flaps": [0, 800, 1600].flatMap((from) => [...crashes(3, from), started(at(from + 60))]),
  "fails unseen": [restarting(at(0)), restarting(at(1), { fields: { MissedRestarts: 400 } })],
  "is owned by somebody": [
    settingsUpdate(at(-1), {
      owner: "web",
      runbook: "https://wiki/web",
      severity: "critical",
      sinks: "slack",
    }),
    ...crashes(4),
  ],
  "is muted": [settingsUpdate(at(-1), { mute_until: "2099-01-01T00:00:00Z" }), ...crashes(4)],
  "is of an old nomad-firehose": [1, 2, 3].map((index) =>
    `{"Name":"a.b[0]","JobID":"a","GroupName":"b","TaskName":"c","TaskEvent":{"Type":"Restarting","Time":${
      at(index)
    }}}`
  ),
};

for (const [life, updates] of Object.entries(lives)) {
  for (const [rule, open] of Object.entries({ loops, restarts })) {
    Deno.test(`the schema describes alerts of the rule ${rule} about a task that ${life}`, () => {
      const alerts = alertsOf(open(), updates);
      if (rule === "failures") assert.ok(alerts.length >= 2);
      for (const alert of alerts) {
        for (const payload of ["original", "full"] as const) {
          const json = alertJson(alert, payload);
          assert.deepEqual(wrong(JSON.parse(json)), [], json);
        }
      }
    });
  }
}

Deno.test("the schema describes alerts of both rules about a real cluster", async () => {
  const updates = await recordedUpdates();
  for (const open of [loops, restarts]) {
    const alerts = alertsOf(open(), updates);
    assert.ok(alerts.length > 13);
    for (const alert of alerts) assert.deepEqual(wrong(JSON.parse(alertJson(alert, "full"))), []);
  }
});

/** All alerts about the lives, with the payload full. */
const notified = Object.values(lives).flatMap((updates) =>
  [loops, restarts].flatMap((open) => alertsOf(open(), updates))
)
  // Every other one of a cluster that has a name.
  .map((alert, index) => JSON.parse(alertJson(alert, "full", index % 2 === 0 ? "prod" : undefined)));

Deno.test("the lives produce first alerts, repeats and resolutions of both rules, with each field and without", () => {
  const kinds = notified.map(({ Rule, Status, Id, Loop }) =>
    `${Rule} ${Status} ${Id === Loop ? "first" : "later"}`
  );
  assert.deepEqual([...new Set(kinds)].sort(), [
    "failures looping first",
    "failures looping later",
    "failures resolved later",
    "restarts looping first",
    "restarts looping later",
    "restarts resolved later",
  ]);
  const { original, full, key, exit } = schema.$defs;
  const has = (field: string, of: (alert: Record<string, unknown>) => unknown = (alert) => alert) => {
    const [some, none] = [true, false].map((there) =>
      notified.some((alert) => (field in Object(of(alert))) === there)
    );
    return { some, none };
  };
  const { Change: _, Allocations: __, LastWords: ___, ...ofRules } = full.properties;
  for (
    const [fields, required, of] of [
      [ofRules, full.required, undefined],
      [key.properties, key.required, (alert: Record<string, unknown>) => alert.Key],
      [exit.properties, exit.required, (alert: Record<string, unknown>) => alert.LastExit],
      [{ ID: 0, Name: 0 }, ["ID"], (alert: Record<string, unknown>) => alert.Node],
    ] as const
  ) {
    for (const field of Object.keys(fields)) {
      assert.ok(has(field, of).some, `there is ${field}`);
      if (!(required as readonly string[]).includes(field)) {
        assert.ok(has(field, of).none, `there is none: ${field}`);
      }
    }
  }
  assert.ok(Object.keys(original.properties).every((field) => field in full.properties));
});

/** An alert with an exit and a next attempt. */
const good = notified.find(({ LastExit, NextAttempt }) => LastExit && NextAttempt);
/** The same with all that a source can find out. */
const whole = {
  ...good,
  Change: {
    JobVersion: 7,
    Submitted: good.Since,
    Image: "web:7",
    Command: "/bin/web",
    Deployment: { ID: "2b1f6c9a", Status: "failed", Description: "Failed due to progress deadline" },
    Previous: { JobVersion: 6, Stable: true },
  },
  Allocations: { Total: 20, Looping: 3, Running: 17 },
  LastWords: { Stderr: ["panic"], Stdout: ["ready"], Missing: "stdout: no answer within 3 s" },
};

Deno.test("the schema describes what a source found out, each field with and without what it may lack", () => {
  const without = (field: string, ...names: string[]) => ({
    ...whole,
    [field]: Object.fromEntries(
      Object.entries(whole[field as "Change"]).filter(([name]) => !names.includes(name)),
    ),
  });
  for (
    const alert of [
      whole,
      without("Change", "Image", "Command", "Deployment", "Previous"),
      without("LastWords", "Stderr", "Stdout"),
      without("LastWords", "Missing"),
    ]
  ) assert.deepEqual(wrong(alert), []);
  for (
    const alert of [
      without("Change", "JobVersion"),
      without("Change", "Submitted"),
      without("Allocations", "Running"),
      without("LastWords", "Stderr", "Stdout", "Missing"),
      { ...whole, LastWords: { Stderr: [] } },
      { ...whole, Allocations: { ...whole.Allocations, Starting: 1 } },
    ]
  ) assert.notDeepEqual(wrong(alert), []);
});

const resolved = notified.find(({ Rule, Status }) => Rule === "failures" && Status === "resolved");
const ofRestarts = notified.find(({ Rule }) => Rule === "restarts");

const bad: readonly (readonly [what: string, alert: unknown])[] = [
  ["nothing", null],
  ["an empty object", {}],
  ["an update", good.LastEvent],
  ["a field of the original missing", { LastEvent: good.LastEvent }],
  ["the original with a field more", { LastEvent: good.LastEvent, EventLog: [], Status: "looping" }],
  ["an update that is none", { ...good, LastEvent: {} }],
  ["times that are none", { ...good, EventLog: ["yesterday"] }],
  ["times as numbers", { ...good, EventLog: [5] }],
  ["a time with zeros at its end", { ...good, Since: "2026-11-24T03:42:54.500Z" }],
  ["no failure", { ...good, Failures: 0 }],
  ["no event", { ...good, Events: [] }],
  ["an unknown field", { ...good, Surprise: 1 }],
  ["an unknown status", { ...good, Status: "fine" }],
  ["an id that is too short", { ...good, Id: good.Id.slice(1) }],
  ["a reason that says nothing", { ...good, Reason: "" }],
  ["a key without a task", { ...good, Key: { ...good.Key, Task: undefined } }],
  ["a key with more", { ...good, Key: { ...good.Key, Name: "x" } }],
  ["a node without a name that has none", { ...good, Node: { ID: "n", Name: "" } }],
  ["memory of another kind", { ...good, LastExit: { ...good.LastExit, OutOfMemory: true } }],
  ["signal 0, which is none", { ...good, LastExit: { ...good.LastExit, Signal: 0 } }],
  ["a duration in words", { ...good, LastExit: { ...good.LastExit, After: "1 s" } }],
  ["an end with a next attempt", { ...resolved, NextAttempt: good.NextAttempt }],
  ["the rule restarts with an exit", { ...ofRestarts, LastExit: good.LastExit }],
  ...schema.$defs.full.required.map((field) => [`no ${field}`, { ...good, [field]: undefined }] as const),
];

for (const [what, alert] of bad) {
  Deno.test(`the schema refuses ${what}`, () => {
    assert.deepEqual(wrong(good), []);
    assert.notDeepEqual(wrong(JSON.parse(JSON.stringify(alert))), []);
  });
}
