// The settings of the rule and of the payload: what they are by default, and what is wrong with them.
import assert from "node:assert/strict";
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import { planRule, type RulePlan, ruleSentence } from "../../src/detection/settings.ts";
import { decisions, noopState } from "../helpers/listen.ts";
import { at, crashes, started } from "../helpers/runs.ts";

/** Reads the settings from this environment and these flags. */
function read(
  env: Readonly<Record<string, string>> = {},
  source = "stdin",
  flags: Readonly<Record<string, string>> = {},
): { plan: RulePlan | undefined; problems: string[] } {
  const input = { env, flags, problems: [] };
  return { plan: planRule(input, source), problems: input.problems };
}

const plan = (env: Readonly<Record<string, string>> = {}, source?: string) => {
  const { plan, problems } = read(env, source);
  assert.deepEqual(problems, []);
  return plan!;
};

Deno.test("planRule() chooses the rule by the source where nothing says which", () => {
  for (
    const [source, env, rule] of [
      ["stdin", {}, RestartsRule],
      ["amqp", {}, RestartsRule],
      ["nomad", {}, FailuresRule],
      ["stdin", { RULE: "failures" }, FailuresRule],
      ["amqp", { RULE: "FAILURES" }, FailuresRule],
      ["nomad", { RULE: "restarts" }, RestartsRule],
      [undefined, {}, RestartsRule],
    ] as const
  ) {
    const input = { env, flags: {}, problems: [] };
    const { open, restartsOnly } = planRule(input, source)!;
    assert.ok(open(noopState) instanceof rule, `${source} ${JSON.stringify(env)}`);
    assert.equal(restartsOnly, (rule as unknown) === RestartsRule);
  }
});

Deno.test("planRule() knows which settings were given and have no meaning with the rule", () => {
  const given = { RESTART_INTERVAL: "1m", STABLE_AFTER: "5m", IGNORE_REQUESTED_RESTARTS: "true" };
  assert.deepEqual(plan(given).unused, ["STABLE_AFTER"]);
  assert.deepEqual(plan(given, "nomad").unused, ["RESTART_INTERVAL", "IGNORE_REQUESTED_RESTARTS"]);
  assert.deepEqual(plan({ RESTART_INTERVAL: "", RULE: "failures" }).unused, []);
  const { plan: byFlag } = read({ RULE: "failures" }, "stdin", { "--restart-interval": "1m" });
  assert.deepEqual(byFlag!.unused, ["RESTART_INTERVAL"]);
});

Deno.test("ruleSentence() describes the thresholds", () => {
  assert.equal(ruleSentence(plan({ RESTART_COUNT: "1" }).words), "1 restart in 5m; repeats every 5m");
  assert.equal(
    ruleSentence(plan({ RULE: "failures", STABLE_AFTER: "90s" }).words),
    "5 consecutive failed runs, none as long as 1m30s; repeats every 1h",
  );
});

Deno.test("planRule() chooses the payload by the rule where nothing says which", () => {
  assert.equal(plan().payload, "original");
  assert.equal(plan({ RULE: "failures" }).payload, "full");
  assert.equal(plan({ PAYLOAD: "full" }).payload, "full");
  assert.equal(plan({ RULE: "failures", PAYLOAD: "original" }).payload, "original");
});

/** What is notified of three failed runs, a run that lasts, and half an hour. */
function notified(env: Readonly<Record<string, string>>): string[] {
  const updates = [...crashes(3), started(at(60))];
  return [...decisions(plan({ RESTART_COUNT: "3", ...env }).open(noopState), updates, at(1900))]
    .flatMap(({ now, decision }) =>
      "alert" in decision && decision.alert !== undefined
        ? [`${(now - at(0)) / 1_000_000_000n} ${decision.alert.reason}`]
        : []
    );
}

Deno.test("planRule() sends resolutions with the rule failures and the payload full, and if NOTIFY_RESOLVED is on", () => {
  assert.deepEqual(notified({ RULE: "failures" }), ["41 first", "660 resolved"]);
  assert.deepEqual(notified({ RULE: "failures", PAYLOAD: "original" }), ["41 first"]);
  assert.deepEqual(notified({ RULE: "failures", NOTIFY_RESOLVED: "false" }), ["41 first"]);
  assert.deepEqual(notified({}), ["41 first"]);
  assert.deepEqual(notified({ PAYLOAD: "full" }), ["41 first"]);
  assert.deepEqual(notified({ PAYLOAD: "full", NOTIFY_RESOLVED: "true" }), ["41 first", "341 resolved"]);
});

Deno.test("planRule() repeats every hour with the rule failures, every five minutes with restarts", () => {
  const often = { RESTART_COUNT: "3", RESTART_INTERVAL: "10h", STABLE_AFTER: "10h" };
  assert.deepEqual(notified({ ...often, RULE: "failures" }), ["41 first"]);
  assert.equal(notified(often).length, 1 + Math.floor((1900 - 41) / 300));
  assert.equal(
    notified({ ...often, RULE: "failures", NOTIFICATION_INTERVAL: "5m" }).length,
    notified(often).length,
  );
});

Deno.test("planRule() takes RESTART_COUNT and STABLE_AFTER for the rule failures", () => {
  assert.deepEqual(notified({ RULE: "failures", RESTART_COUNT: "4" }), []);
  assert.deepEqual(notified({ RULE: "failures", RESTART_COUNT: "2", STABLE_AFTER: "30s" }), [
    "21 first",
    "90 resolved",
  ]);
});

const needsFull =
  "NOTIFY_RESOLVED (--notify-resolved): found it on with the payload original, which cannot say that " +
  "a loop is resolved; expected PAYLOAD=full (--payload full) with it";

/** Settings, and all that is said about them. */
const wrong: readonly (readonly [env: Readonly<Record<string, string>>, problems: readonly string[]])[] = [
  [{ RULE: "loops" }, ['RULE (--rule): found "loops"; expected restarts or failures, such as failures']],
  [{ RULE: "both" }, ['RULE (--rule): found "both"; expected restarts or failures, such as failures']],
  [{ PAYLOAD: "all" }, ['PAYLOAD (--payload): found "all"; expected original or full, such as full']],
  [{ NOTIFY_RESOLVED: "true" }, [needsFull]],
  [{ NOTIFY_RESOLVED: "true", PAYLOAD: "original" }, [needsFull]],
  [{ NOTIFY_RESOLVED: "on", PAYLOAD: "original", RULE: "failures" }, [needsFull]],
  [{ NOTIFY_RESOLVED: "maybe" }, [
    'NOTIFY_RESOLVED (--notify-resolved): found "maybe"; expected true or false, such as true',
  ]],
  [{ STABLE_AFTER: "10" }, [
    'STABLE_AFTER (--stable-after): found "10", missing unit in duration; expected a Go duration above zero, such as 30m',
  ]],
  [{ STABLE_AFTER: "0s", RULE: "failures" }, [
    'STABLE_AFTER (--stable-after): found "0s", which is 0s; expected a Go duration above zero, such as 30m',
  ]],
  [{ RESTART_COUNT: "0", NOTIFICATION_INTERVAL: "-1h", PAYLOAD: "x" }, [
    'RESTART_COUNT (--restart-count): found "0"; expected a whole number from 1 to 1000000, such as 3',
    'NOTIFICATION_INTERVAL (--notification-interval): found "-1h", which is -1h; expected a Go duration above zero, such as 30m',
    'PAYLOAD (--payload): found "x"; expected original or full, such as full',
  ]],
];

for (const [env, problems] of wrong) {
  Deno.test(`planRule() says what is wrong with ${JSON.stringify(env)}`, () => {
    assert.deepEqual(read(env), { plan: undefined, problems });
  });
}

Deno.test("planRule() takes flags before the environment", () => {
  const { plan, problems } = read({ RULE: "restarts", PAYLOAD: "x" }, "amqp", {
    "--rule": "failures",
    "--payload": "full",
  });
  assert.deepEqual(problems, []);
  assert.ok(plan!.open(noopState) instanceof FailuresRule);
});
