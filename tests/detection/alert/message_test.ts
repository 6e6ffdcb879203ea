// What a person reads of an alert: title, reason, facts and links, of both rules and in every state. Times are written
// in UTC where TZ is not set; so the expected ones are made by formatTime, which has its own test.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import type { AlertDetails } from "../../../src/detection/alert/details.ts";
import { type Message, messageOf, type Surroundings } from "../../../src/detection/alert/message.ts";
import { noticeAlert } from "../../../src/detection/alert/notice_alert.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { updateJson } from "../../helpers/updates.ts";

const second = 1_000_000_000n;
const time = 1_795_491_774_562_822_483n;
const times = [time, time + 60n * second, time + 240n * second];

const clockOf = (time: bigint, end = 16) => {
  const text = formatTime(time);
  const [zone] = /(?:Z|[+-]\d\d:\d\d)$/.exec(text)!;
  return `${text.slice(11, end)} ${zone === "Z" ? "UTC" : zone}`;
};
const since = clockOf(time);

const lastEvent = updateJson(
  {
    Name: "web.app[0]",
    NodeID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
    NodeName: "client-1",
    AllocationID: "2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
    JobID: "web",
    GroupName: "app",
    TaskName: "server",
  },
  "Restarting",
  times[2]!,
  { DisplayMessage: "Task restarting in 1.2s", RestartReason: "Restart within policy" },
);

/** An alert of the rule `restarts`. */
function restarts(differs: Partial<Alert> = {}): Alert {
  return {
    id: "1",
    loop: "f00",
    name: "web.app[0]",
    reason: "first",
    lastEvent,
    eventLog: times,
    ...differs,
  };
}

const details: AlertDetails = {
  Status: "looping",
  Rule: "failures",
  Loop: "f00",
  Key: { Namespace: "prod", JobID: "web", TaskGroup: "app", Index: 0, Task: "server" },
  Failures: 5,
  Missed: 0,
  Since: formatTime(time),
  LastExit: { Time: formatTime(times[2]!), ExitCode: 137, OutOfMemory: "likely", After: "1.2s" },
  Reason: "exited with 137 (SIGKILL) after 1.2 s, likely out of memory, 5 times since 03:42 UTC",
  NextAttempt: formatTime(times[2]! + 30n * second),
  Node: { ID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8", Name: "client-1" },
  Events: [{ Time: formatTime(times[2]!), Type: "Terminated", DisplayMessage: "Exit Code: 137" }],
};

/** An alert of the rule `failures`. */
function failures(more: Partial<AlertDetails> = {}, differs: Partial<Alert> = {}): Alert {
  return restarts({ name: "prod/web.app[0]/server", details: { ...details, ...more }, ...differs });
}

/** Facts as lines. */
function factsOf(alert: Alert, surroundings?: Surroundings): string[] {
  return messageOf(alert, surroundings).facts.map(({ label, value }) => `${label}: ${value}`);
}

Deno.test("messageOf() says what loops, why, and where, by the rule restarts", () => {
  const expected: Message = {
    state: "active",
    severity: "warning",
    title: `web.app[0] is crash-looping: 3 restarts since ${since}`,
    reason: "Restart within policy",
    facts: [
      { label: "Job", value: "web" },
      { label: "Group", value: "app" },
      { label: "Task", value: "server" },
      { label: "Node", value: "client-1 (ca601765)" },
      { label: "Allocation", value: "2b1f6c9a" },
    ],
    links: [],
  };
  assert.deepEqual(messageOf(restarts()), expected);
});

Deno.test("messageOf() says what loops, why, and where, by the rule failures", () => {
  const expected: Message = {
    state: "active",
    severity: "warning",
    title: `prod/web.app[0]/server is crash-looping: 5 failed runs since ${since}`,
    reason: "Exited with 137 (SIGKILL) after 1.2 s, likely out of memory",
    facts: [
      { label: "Namespace", value: "prod" },
      { label: "Job", value: "web" },
      { label: "Group", value: "app" },
      { label: "Task", value: "server" },
      { label: "Node", value: "client-1 (ca601765)" },
      { label: "Allocation", value: "2b1f6c9a" },
      {
        label: "Last exit",
        value: `exit code 137 (SIGKILL), likely out of memory, after 1.2s, at ${clockOf(times[2]!, 19)}`,
      },
      { label: "Next attempt", value: clockOf(times[2]! + 30n * second, 19) },
    ],
    links: [],
  };
  assert.deepEqual(messageOf(failures()), expected);
});

Deno.test("messageOf() has a state, a severity and a headline for every reason to notify", () => {
  const flapping = { FlappingSince: formatTime(time) };
  for (
    const [alert, state, severity, title] of [
      [restarts(), "active", "warning", `web.app[0] is crash-looping: 3 restarts since ${since}`],
      [
        restarts({ reason: "repeat" }),
        "active",
        "warning",
        `web.app[0] is still crash-looping: 3 restarts since ${since}`,
      ],
      [
        restarts({ reason: "resolved" }),
        "resolved",
        "warning",
        `web.app[0] no longer crash-loops: 3 restarts since ${since}`,
      ],
      [
        restarts({ eventLog: [time] }),
        "active",
        "warning",
        `web.app[0] is crash-looping: 1 restart since ${since}`,
      ],
      [
        failures({ Failures: 1 }, { reason: "gave-up" }),
        "gave-up",
        "critical",
        `prod/web.app[0]/server was given up by Nomad: 1 failed run since ${since}`,
      ],
      [
        failures(flapping, { reason: "repeat" }),
        "active",
        "warning",
        `prod/web.app[0]/server is flapping: 5 failed runs since ${since}`,
      ],
      [
        failures(flapping, { reason: "resolved" }),
        "resolved",
        "warning",
        `prod/web.app[0]/server no longer crash-loops: 5 failed runs since ${since}`,
      ],
    ] as const
  ) {
    const message = messageOf(alert);
    assert.deepEqual([message.state, message.severity, message.title], [state, severity, title]);
  }
});

Deno.test("messageOf() begins with the cluster, which is a fact too", () => {
  const { title } = messageOf(restarts(), { cluster: "prod-eu" });
  assert.equal(title, `[prod-eu] web.app[0] is crash-looping: 3 restarts since ${since}`);
  assert.equal(factsOf(restarts(), { cluster: "prod-eu" })[0], "Cluster: prod-eu");
});

Deno.test("messageOf() writes the date where it is not that of the last event", () => {
  const before = formatTime(time - 86_400n * second);
  const { title } = messageOf(failures({ Since: before }));
  assert.ok(title.endsWith(`5 failed runs since ${before.slice(0, 10)} ${since}`), title);
  const after = formatTime(times[2]! + 86_400n * second);
  const next = factsOf(failures({ NextAttempt: after })).at(-1);
  assert.equal(next, `Next attempt: ${after.slice(0, 10)} ${clockOf(times[2]!, 19)}`);
});

Deno.test("messageOf() leaves out the facts that nobody knows, and adds those that are rare", () => {
  const bare = { lastEvent: "{}", eventLog: [], name: "a.b[0]" };
  assert.deepEqual(factsOf(restarts(bare)), []);
  const at = `at ${clockOf(times[2]!, 19)}`;
  const Time = formatTime(times[2]!);
  const exits = [
    [{ Time }, at],
    [{ Time, ExitCode: 0 }, `exit code 0, ${at}`],
    [{ Time, ExitCode: 1, After: "3m20s" }, `exit code 1, after 3m20s, ${at}`],
    [{ Time, Signal: 11 }, `signal 11 (SIGSEGV), ${at}`],
    [
      { Time, ExitCode: 137, OutOfMemory: "reported" },
      `exit code 137 (SIGKILL), out of memory, ${at}`,
    ],
  ] as const;
  for (const [LastExit, expected] of exits) {
    assert.ok(factsOf(failures({ LastExit })).includes(`Last exit: ${expected}`), expected);
  }
  assert.equal(factsOf(failures({ Missed: 2 })).at(-1), "Missed: 2 of them without an event");
  const Node = { ID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8" };
  assert.ok(factsOf(failures({ Node })).includes("Node: ca601765"));
});

Deno.test("messageOf() links to job and allocation in Nomad and to this detector's page, where these are known", () => {
  const nomadUi = new URL("https://nomad.example.com/");
  const page = new URL("https://loops.example.com/base/");
  assert.deepEqual(messageOf(failures(), { nomadUi, page }).links, [
    { text: "Job in Nomad", url: "https://nomad.example.com/ui/jobs/web%40prod" },
    {
      text: "Allocation in Nomad",
      url: "https://nomad.example.com/ui/allocations/2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
    },
    { text: "Loop", url: "https://loops.example.com/base/allocation/f00" },
  ]);
  const odd = failures({ Key: { ...details.Key, JobID: "team/web ü" } });
  assert.equal(
    messageOf(odd, { nomadUi }).links[0]!.url,
    "https://nomad.example.com/ui/jobs/team%2Fweb%20%C3%BC%40prod",
  );
  const bare = restarts({ lastEvent: "{}", eventLog: [], name: "" });
  assert.deepEqual(messageOf(bare, { nomadUi, page }).links.map(({ text }) => text), ["Loop"]);
});

Deno.test("messageOf() has no character that a terminal obeys, and no line feed", () => {
  const nasty = "a\nb\x1b[31m\u202e";
  const alert = failures({ Reason: nasty, Key: { ...details.Key, JobID: nasty } }, { name: nasty });
  const { title, reason, facts } = messageOf(alert, { cluster: nasty });
  for (const text of [title, reason, ...facts.map(({ value }) => value)]) {
    // deno-lint-ignore no-control-regex -- these are what must not be there
    assert.doesNotMatch(text, /[\x00-\x1f\u202e]/);
  }
  assert.equal(reason, "A\\u000ab\\u001b[31m\\u202e");
});

const severities: readonly (readonly [Partial<AlertDetails>, Alert["reason"], Message["severity"]])[] = [
  [{}, "first", "warning"],
  [{}, "repeat", "warning"],
  [{}, "gave-up", "critical"],
  [{ Allocations: { Total: 3, Looping: 2, Running: 1 } }, "first", "warning"],
  [{ Allocations: { Total: 3, Looping: 3, Running: 0 } }, "first", "critical"],
  [{ Allocations: { Total: 3, Looping: 3, Running: 0 } }, "resolved", "warning"],
  [{ Allocations: { Total: 0, Looping: 0, Running: 0 } }, "first", "warning"],
  [{ Severity: "critical" }, "first", "critical"],
  [{ Severity: "warning" }, "gave-up", "warning"],
  [{ Severity: "warning", Allocations: { Total: 1, Looping: 1, Running: 0 } }, "repeat", "warning"],
];

for (const [more, reason, severity] of severities) {
  Deno.test(`messageOf() is ${severity}: ${reason}, ${JSON.stringify(more)}`, () => {
    assert.equal(messageOf(failures(more, { reason })).severity, severity);
  });
}

Deno.test("messageOf() says whose the job is, and links its runbook, with both rules", () => {
  const wishes = {
    Owner: "team-web\u001b[31m",
    Runbook: "https://wiki.example.com/web",
    Severity: "critical",
  } as const;
  for (const alert of [failures(wishes), restarts({ wishes })]) {
    const { facts, links, severity } = messageOf(alert);
    assert.equal(facts.find(({ label }) => label === "Owner")!.value, "team-web\\u001b[31m");
    assert.deepEqual(links, [{ text: "Runbook", url: "https://wiki.example.com/web" }]);
    assert.equal(severity, "critical");
  }
});

Deno.test("messageOf() links no runbook that is not of HTTP", () => {
  for (const Runbook of ["javascript:alert(1)", "data:text/html,x", "not a URL", ""]) {
    assert.deepEqual(messageOf(failures({ Runbook })).links, []);
  }
});

const begun = {
  kind: "source",
  component: "source nomad",
  since: time,
  problem: "http://nomad:4646 refused the token",
  sent: 0,
  rule: "failures",
} as const;

Deno.test("messageOf() says of the detector itself what does not work, since when, why, and what that means", () => {
  const { title, reason, severity, state, facts, links } = messageOf(
    noticeAlert(begun),
    { cluster: "prod-eu", page: new URL("https://loops.example.com/") },
  );
  assert.equal(title, `[prod-eu] The detector has been blind since ${since}`);
  assert.equal(reason, "Source nomad: http://nomad:4646 refused the token");
  assert.deepEqual([severity, state], ["critical", "active"]);
  assert.deepEqual(facts, [
    { label: "Cluster", value: "prod-eu" },
    { label: "Component", value: "source nomad" },
    {
      label: "Meanwhile",
      value:
        "no crash loop is noticed; what happened is read when it sees again, as far as the source still has it",
    },
  ]);
  assert.deepEqual(links, [{ text: "Detector", url: "https://loops.example.com/" }]);
});

for (
  const [kind, component, bad, good] of [
    ["source", "source nomad", "has been blind", "sees again"],
    ["state", "state", "has been unable to save its state", "saves its state again"],
    [
      "sink",
      "sink webhook:audit",
      "has been unable to send to webhook:audit",
      "sends to webhook:audit again",
    ],
  ] as const
) {
  Deno.test(`messageOf() says of ${component} that it does not work, and that it works again`, () => {
    const parts = { kind, component, since: time, problem: "why", sent: 2, rule: "restarts" } as const;
    const repeat = noticeAlert(parts);
    assert.equal(repeat.reason, "repeat");
    assert.equal(messageOf(repeat).title, `The detector ${bad} since ${since}`);
    assert.equal(messageOf(repeat).severity, kind === "sink" ? "warning" : "critical");
    const end = messageOf(noticeAlert({ ...parts, until: time + 1980n * second }));
    assert.equal(end.title, `The detector ${good} after 33 min`);
    assert.equal(end.reason, `It had lasted since ${since}; the problem was: ${component}: why`);
    assert.deepEqual([end.state, end.severity], ["resolved", "warning"]);
    assert.deepEqual(end.facts, [
      { label: "Component", value: component },
      { label: "Since", value: since },
      { label: "Until", value: clockOf(time + 1980n * second) },
    ]);
  });
}

Deno.test("alerts about one trouble of the detector have one loop and an id each, the same whenever they are made", () => {
  const made = (more: object) => noticeAlert({ ...begun, ...more });
  const alerts = [made({}), made({ sent: 1 }), made({ sent: 2 }), made({ sent: 2, until: time + second })];
  assert.deepEqual(alerts.map(({ reason }) => reason), ["first", "repeat", "repeat", "resolved"]);
  assert.equal(new Set(alerts.map(({ id }) => id)).size, 4);
  assert.equal(new Set(alerts.map(({ loop }) => loop)).size, 1);
  assert.equal(alerts[0]!.id, alerts[0]!.loop);
  assert.equal(made({}).id, alerts[0]!.id);
  assert.notEqual(made({ since: time + 1n }).loop, alerts[0]!.loop);
});
