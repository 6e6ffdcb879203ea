// What a person reads of a group: titles, reasons, facts and links of every cause, in exact words.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import type { AlertDetails } from "../../../src/detection/alert/details.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import type { AlertGroup, GroupMember } from "../../../src/detection/groups/group.ts";
import { groupAlert, loopAlert, surroundings } from "../../helpers/loop.ts";

type Counts = Partial<AlertGroup["counts"]>;

/** Its allocations, of which some run well. */
const allocations = (Looping: number, Total = 20): Partial<AlertDetails> => ({
  Allocations: { Total, Looping, Running: Total - Looping },
});
const nodeWith = (problem: string) => ({ node: { ID: "ca601765-3a7d", Name: "client-1", problem } });

const titles: readonly (readonly [title: string, alert: Alert])[] = [
  [
    "shop/web.app/server is crash-looping: 20 of 20 allocations since 03:42 UTC",
    groupAlert("job", "first", { details: allocations(20) }),
  ],
  ["shop/web.app/server is crash-looping: 20 allocations since 03:42 UTC", groupAlert("job", "first")],
  [
    "shop/web.app/server is crash-looping: 3 of 20 allocations since 03:42 UTC",
    groupAlert("job", "update", { counts: { active: 3 }, details: allocations(3) }),
  ],
  [
    "shop/web.app/server is still crash-looping: 18 of 20 allocations since 03:42 UTC",
    groupAlert("job", "repeat", { counts: { active: 18, resolved: 2 }, details: allocations(18) }),
  ],
  [
    "shop/web.app/server is crash-looping: 1 allocation since 03:42 UTC",
    groupAlert("job", "update", { counts: { active: 1, resolved: 2 } }),
  ],
  [
    // What Nomad said is older than the group: it would be 20 of 12.
    "shop/web.app/server is crash-looping: 20 allocations since 03:42 UTC",
    groupAlert("job", "first", { details: allocations(12, 12) }),
  ],
  [
    "shop/web.app/server is flapping: 20 allocations since 03:42 UTC",
    groupAlert("job", "first", { details: { FlappingSince: "2026-11-24T02:00:00Z" } }),
  ],
  [
    "shop/web.app/server was given up by Nomad: 3 of 20 allocations since 03:42 UTC",
    groupAlert("job", "gave-up", { counts: { active: 17, gaveUp: 3 }, details: allocations(20) }),
  ],
  [
    "shop/web.app/server no longer crash-loops: 20 of 20 allocations did since 03:42 UTC",
    groupAlert("job", "resolved", { details: allocations(0) }),
  ],
  ["5 jobs crash-loop on node client-1: 7 loops since 03:42 UTC", groupAlert("node", "first")],
  ["5 jobs still crash-loop on node client-1: 7 loops since 03:42 UTC", groupAlert("node", "repeat")],
  [
    "1 job crash-loops on node client-1: 7 loops since 03:42 UTC",
    groupAlert("node", "update", { group: { jobs: 1 } }),
  ],
  [
    "5 jobs crash-loop on node 3c0af5d1: 7 loops since 03:42 UTC",
    groupAlert("node", "first", { group: { node: { ID: "3c0af5d1-1e0b-4b1c" } } }),
  ],
  [
    "client-1 is down, and 5 jobs crash-loop there: 7 loops since 03:42 UTC",
    groupAlert("node", "first", { group: nodeWith("is down") }),
  ],
  [
    "client-1 lost its driver docker, and 5 jobs still crash-loop there: 7 loops since 03:42 UTC",
    groupAlert("node", "repeat", { group: nodeWith("lost its driver docker") }),
  ],
  [
    "On node client-1, 2 of 7 crash loops in 5 jobs are unresolved, since 03:42 UTC",
    groupAlert("node", "update", { counts: { active: 2, resolved: 5 } }),
  ],
  [
    "client-1 is down: 2 of 7 crash loops in 5 jobs are still unresolved, since 03:42 UTC",
    groupAlert("node", "repeat", { counts: { active: 2, resolved: 5 }, group: nodeWith("is down") }),
  ],
  [
    "Nomad gave up 3 of 7 crash loops on node client-1, in 5 jobs since 03:42 UTC",
    groupAlert("node", "gave-up", { counts: { active: 4, gaveUp: 3 } }),
  ],
  [
    "5 jobs no longer crash-loop on node client-1: all 7 loops since 03:42 UTC are resolved",
    groupAlert("node", "resolved"),
  ],
  ["500 crash loops in 500 jobs since 03:42 UTC", groupAlert("storm", "first")],
  ["500 crash loops in 500 jobs are still unresolved, since 03:42 UTC", groupAlert("storm", "repeat")],
  [
    "480 of 500 crash loops in 500 jobs are unresolved, since 03:42 UTC",
    groupAlert("storm", "update", { counts: { active: 480, resolved: 20 } }),
  ],
  ["Nomad gave up all 500 crash loops in 500 jobs since 03:42 UTC", groupAlert("storm", "gave-up")],
  ["All 500 crash loops in 500 jobs since 03:42 UTC are resolved", groupAlert("storm", "resolved")],
];

Deno.test("messageOf() has a title for a group of every cause, in every state", () => {
  for (const [title, alert] of titles) {
    assert.equal(messageOf(alert, { cluster: "prod-eu" }).title, `[prod-eu] ${title}`);
  }
});

Deno.test("messageOf() of a job's group with one loop says what it says of that loop", () => {
  for (const reason of ["first", "repeat", "resolved", "gave-up"] as const) {
    const alone = loopAlert(reason);
    const counts = { active: 0, resolved: 0, gaveUp: 0, [countOf[reason]]: 1 };
    const grouped = groupAlert("job", reason, { counts });
    const [{ name, loop }] = grouped.group!.members as [GroupMember];
    const { details } = alone;
    assert.deepEqual(
      messageOf(grouped, surroundings),
      messageOf({ ...alone, name, details: { ...details!, Loop: loop } }, surroundings),
    );
  }
});

const countOf = { first: "active", repeat: "active", resolved: "resolved", "gave-up": "gaveUp" } as const;

Deno.test("messageOf() names a job's group like its loops, without what differs", () => {
  const key = { Namespace: "shop", JobID: "web", TaskGroup: "app", Index: 3, Task: "x[3]" };
  const names: readonly (readonly [name: string, key: AlertDetails["Key"], expected: string])[] = [
    ["web.app[3]", { JobID: "web", TaskGroup: "app", Index: 3 }, "web.app"],
    ["web.app[0]", { JobID: "web", TaskGroup: "app", Index: 0, NodeID: "ca601765" }, "web.app"],
    ['shop/web.app[3]/"x[3]"', key, 'shop/web.app/"x[3]"'],
    [
      "shop/web.app[0]/agent@ca601765",
      { ...key, Index: 0, Task: "agent", NodeID: "ca601765" },
      "shop/web.app/agent",
    ],
    ["a[3].b", { ...key, Task: "agent" }, "a[3].b"],
  ];
  for (const [name, Key, expected] of names) {
    const given = groupAlert("job", "first", { details: { Key } });
    const members = given.group!.members.map((member) => ({ ...member, name }));
    const { title } = messageOf({ ...given, group: { ...given.group!, members } });
    assert.equal(title, `${expected} is crash-looping: 20 allocations since 03:42 UTC`);
  }
});

/** The tally of reasons. */
const reasons = (...texts: readonly (readonly [count: number, text: string])[]) => ({
  group: {
    tally: { namespaces: [], nodes: [], reasons: texts.map(([count, text]) => ({ count, text })) },
  },
});

Deno.test("messageOf() names children of a job by their own names, and their group by the job's", () => {
  const given = groupAlert("job", "first", { counts: { active: 2 } });
  const names = ["shop/web/dispatch-1-a.app[0]/server", "shop/web/dispatch-2-b.app[0]/server"];
  const members = given.group!.members.map(({ node: _, ...member }, at) => ({ ...member, name: names[at]! }));
  const alert = { ...given, name: "shop/web.app/server #3a3aca75", group: { ...given.group!, members } };
  const { title, facts } = messageOf(alert);
  assert.match(title, /^shop\/web\.app\/server is crash-looping: 2 /);
  assert.equal(facts.find(({ label }) => label === "Allocations")!.value, names.join(", "));
});

Deno.test("messageOf() says why a group loops: its one reason, or how many loop for which", () => {
  const table: readonly (readonly [reason: string, alert: Alert])[] = [
    [
      "Exited with 137 after 1 s, likely out of memory",
      groupAlert("job", "first", reasons([20, "exited with 137, likely out of memory"])),
    ],
    ["14 exited with 1, 6 ran out of memory", groupAlert("job", "first")],
    [
      "9 exited with 1, 5 exited with 2, 4 exited with 3, 2 for other reasons",
      groupAlert(
        "job",
        "first",
        reasons([9, "exited with 1"], [5, "exited with 2"], [4, "exited with 3"], [1, "exited with 4"], [
          1,
          "exited with 5",
        ]),
      ),
    ],
    [
      "30 exited with 0, 30 exited with 1, 30 exited with 2, 410 for other reasons",
      groupAlert(
        "storm",
        "first",
        reasons(...Array.from({ length: 10 }, (_, code) => [30, `exited with ${code}`] as const)),
      ),
    ],
    ["The last of them: runs since 03:59 UTC", groupAlert("job", "resolved")],
  ];
  for (const [reason, alert] of table) assert.equal(messageOf(alert).reason, reason);
});

const factsOf = (alert: Alert) =>
  messageOf(alert, surroundings).facts.map(({ label, value }) => `${label}: ${value}`);

Deno.test("messageOf() lists the allocations of a job's group, and how many are what, where", () => {
  const details = {
    Owner: "team-shop",
    Key: { Namespace: "shop", JobID: "web", TaskGroup: "app", Index: 0, Task: "server" },
  };
  assert.deepEqual(
    factsOf(groupAlert("job", "update", { counts: { active: 4, gaveUp: 1, resolved: 2 }, details })),
    [
      "Cluster: prod-eu",
      "Namespace: shop",
      "Job: web",
      "Group: app",
      "Task: server",
      "State: 1 given up, 4 active, 2 resolved",
      "Nodes: 3 on client-1, 2 on client-2, 2 on client-3",
      "Allocations: client-1: [0] (given up), [3], [6] (resolved); client-2: [1], [4]; client-3: [2], [5] (resolved)",
      "Owner: team-shop",
    ],
  );
  const facts = factsOf(groupAlert("job", "first", { counts: { active: 100 } }));
  assert.equal(facts[5], "State: 100 active");
  assert.match(
    facts[7]!,
    /^Allocations: client-1: \[0\], \[3\], .*; client-2: .*; client-3: .*, … and \d+ more$/,
  );
});

Deno.test("messageOf() names the node of allocations once, and those of a system job only by their nodes", () => {
  const tally = { namespaces: [], reasons: [], nodes: [{ text: "client-1", count: 2 }] };
  const counts = { active: 2 };
  assert.deepEqual(factsOf(groupAlert("job", "first", { counts, group: { tally } })).slice(5), [
    "State: 2 active",
    "Node: client-1 (ca601765)",
    "Allocations: [0], [1]",
  ]);
  const Key = { JobID: "web", TaskGroup: "app", Index: 0, Task: "server", NodeID: "ca601765" };
  const facts = factsOf(groupAlert("job", "first", { counts, details: { Key } }));
  assert.equal(facts.at(-1), "Allocations: client-1, client-2");
});

Deno.test("messageOf() lists the loops of a node, and says of a storm where they are and why", () => {
  const loops = Array.from({ length: 7 }, (_, at) => `shop/web-${at % 5}.app[${Math.floor(at / 5)}]/server`);
  assert.deepEqual(factsOf(groupAlert("node", "first")), [
    "Cluster: prod-eu",
    "Node: client-1 (ca601765)",
    "Namespace: shop",
    "State: 7 active",
    `Loops: ${loops.join(", ")}`,
  ]);
  const storm = factsOf(groupAlert("storm", "first"));
  assert.deepEqual(storm.slice(0, -1), [
    "Cluster: prod-eu",
    "Namespaces: 300 in shop, 200 in billing",
    "State: 500 active",
    "Nodes: 167 on client-1, 167 on client-2, 166 on client-3",
  ]);
  assert.match(
    storm.at(-1)!,
    /^Loops: client-1: shop\/web-0\.app\[0\]\/server, .*; client-2: .*, … and \d+ more$/,
  );
  const many = Array.from({ length: 10 }, (_, at) => ({ text: `exited with ${at}`, count: 50 - at }));
  const tally = { namespaces: [], nodes: [], reasons: many };
  assert.ok(
    factsOf(groupAlert("storm", "first", { group: { tally } })).includes(
      `Reasons: ${many.map(({ text, count }) => `${count} ${text}`).join(", ")}, 45 for other reasons`,
    ),
  );
});

Deno.test("messageOf() is critical where Nomad gave up or every allocation loops; the job's wish wins", () => {
  const wish = (Severity: "warning" | "critical") => ({ Severity });
  const table: readonly (readonly [severity: string, alert: Alert])[] = [
    ["warning", groupAlert("job", "first", { details: allocations(19) })],
    ["critical", groupAlert("job", "first", { details: allocations(20) })],
    ["warning", groupAlert("job", "first", { details: allocations(0, 0) })],
    ["critical", groupAlert("job", "update", { counts: { active: 17, gaveUp: 3 } })],
    ["critical", groupAlert("job", "gave-up")],
    ["warning", groupAlert("job", "gave-up", { details: wish("warning") })],
    ["critical", groupAlert("job", "repeat", { details: wish("critical") })],
    ["warning", groupAlert("job", "resolved", { details: wish("critical") })],
    ["critical", loopAlert("first", allocations(1, 1))],
    ["critical", loopAlert("first", wish("critical"))],
    ["warning", loopAlert("gave-up", wish("warning"))],
    // A job speaks for itself only.
    ["critical", groupAlert("node", "gave-up", { details: wish("warning") })],
    ["critical", groupAlert("storm", "first", { details: wish("critical") })],
    ["warning", groupAlert("storm", "first")],
  ];
  for (const [at, [severity, alert]] of table.entries()) {
    assert.equal(messageOf(alert).severity, severity, `row ${at}`);
  }
});

Deno.test("messageOf() of an update says that Nomad gave up where nothing is active any more", () => {
  const stateOf = (counts: Counts) => messageOf(groupAlert("job", "update", { counts })).state;
  assert.equal(stateOf({ active: 0, gaveUp: 3, resolved: 17 }), "gave-up");
  assert.equal(stateOf({ active: 1, gaveUp: 3 }), "active");
});

const linksOf = (alert: Alert) => messageOf(alert, surroundings).links.map(({ text, url }) => [text, url]);

Deno.test("messageOf() links to the job or the node in Nomad, to the page's list of it, and to the runbook", () => {
  const details = { Runbook: "https://wiki.example.com/web?a=b" };
  assert.deepEqual(linksOf(groupAlert("job", "first", { details })), [
    ["Job in Nomad", "https://nomad.example.com/ui/jobs/web%40shop"],
    ["All loops", "https://loops.example.com/?q=shop%2Fweb.app"],
    ["Runbook", "https://wiki.example.com/web?a=b"],
  ]);
  assert.deepEqual(linksOf(groupAlert("node", "first", { details })), [
    ["Node in Nomad", "https://nomad.example.com/ui/clients/ca601765-3a7d-9af1-54b2-ee5a37ccffd8"],
    ["All loops", "https://loops.example.com/?q=client-1"],
  ]);
  assert.deepEqual(linksOf(groupAlert("storm", "first", { details })), [[
    "All loops",
    "https://loops.example.com/",
  ]]);
  assert.deepEqual(linksOf(loopAlert("first", details)).at(-1), ["Runbook", details.Runbook]);
});

Deno.test("messageOf() links to no runbook that is no page of the web", () => {
  for (const Runbook of ["javascript:alert(1)", "see the wiki", "file:///etc/passwd", "ftp://x", ""]) {
    assert.equal(linksOf(loopAlert("first", { Runbook })).length, 3, Runbook);
  }
});

Deno.test("messageOf() cuts the lists of a group whose names are long, and escapes what a terminal obeys", () => {
  const long = `\u202e\n${"x".repeat(5000)}`;
  const given = groupAlert("storm", "first");
  const tally = Array.from({ length: 10 }, (_, at) => ({ text: long + at, count: 10 }));
  const alert: Alert = {
    ...given,
    group: {
      ...given.group!,
      members: given.group!.members.map((member) => ({ ...member, name: long, node: long })),
      tally: { namespaces: tally, reasons: tally, nodes: tally },
    },
  };
  const { title, reason, facts } = messageOf(alert);
  for (const text of [title, reason, ...facts.map(({ value }) => value)]) {
    assert.ok(text.length < 400, text);
    // deno-lint-ignore no-control-regex -- these are what must not be there
    assert.doesNotMatch(text, /[\x00-\x1f\u202e]/);
  }
});
