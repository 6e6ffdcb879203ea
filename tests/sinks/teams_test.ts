// The sink `teams`: the card of each alert, what a workflow's answers mean, and its limits.
import assert from "node:assert/strict";
import { cardOf, teams } from "../../src/sinks/teams.ts";
import type { Sink, SinkContext } from "../../src/sinks/sink.ts";
import { faultOf } from "../helpers/fault.ts";
import { groupAlert, loopAlert, namedContext } from "../helpers/loop.ts";
import { startTeams, type TeamsStandIn } from "../helpers/teams.ts";
import { waitFor, within } from "../helpers/wait_for.ts";

interface Given extends AsyncDisposable {
  readonly server: TeamsStandIn;
  /** What errors call it. */
  readonly where: string;
  open(differs?: { url?: string; context?: Partial<SinkContext> }): Sink;
}

/** A workflow, and sinks that know it. */
async function given(): Promise<Given> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startTeams());
  const open = parts.move();
  return {
    server,
    where: `workflow at http://127.0.0.1:${server.port}`,
    open({ url = server.webhookUrl, context = {} } = {}) {
      const env = { SINK_TEAMS_WEBHOOK_URL: url };
      const prepared = teams.prepare({ flags: {}, env, problems: [] })!;
      assert.equal(prepared.needsEnds, true);
      assert.deepEqual([prepared.audience, prepared.updates], ["people", false]);
      return open.use(prepared.open(namedContext(context)));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

Deno.test("prepare() says what is wrong with the settings, without the address", () => {
  const help = "address of a Teams workflow that posts what it receives to a channel or a chat";
  const example = "https://….logic.azure.com/workflows/…";
  const wrong = [
    [{}, `Missing SINK_TEAMS_WEBHOOK_URL (--sink-teams-webhook-url): ${help}, such as ${example}`],
    [
      { SINK_TEAMS_WEBHOOK_URL: "example.logic.azure.com/workflows/hunter2" },
      "SINK_TEAMS_WEBHOOK_URL (--sink-teams-webhook-url): found a value that is not shown here, not a URL; expected a " +
      `URL that begins with https:// or http://, such as ${example}`,
    ],
  ] as const;
  for (const [env, problem] of wrong) {
    const problems: string[] = [];
    assert.equal(teams.prepare({ flags: {}, env, problems }), undefined);
    assert.deepEqual(problems, [problem]);
  }
});

Deno.test("send() posts a card with all that a person needs", async () => {
  await using workflow = await given();
  await workflow.open().send(loopAlert("first"));
  const fact = (title: string, value: string) => ({ title, value });
  const action = (title: string, url: string) => ({ type: "Action.OpenUrl", title, url });
  assert.deepEqual(workflow.server.bodies, [{
    type: "message",
    attachments: [{
      contentType: "application/vnd.microsoft.card.adaptive",
      contentUrl: null,
      content: {
        $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
        type: "AdaptiveCard",
        version: "1.2",
        body: [
          {
            type: "TextBlock",
            wrap: true,
            text: "[prod-eu] web.app[0] is crash-looping: 5 failed runs since 03:42 UTC",
            weight: "bolder",
            size: "large",
            color: "warning",
          },
          {
            type: "TextBlock",
            wrap: true,
            text: "Exited with 137 after 1 s, likely out of memory; Nomad tries again in 1.2 s",
          },
          {
            type: "FactSet",
            facts: [
              fact("Cluster", "prod-eu"),
              fact("Namespace", "shop"),
              fact("Job", "web"),
              fact("Group", "app"),
              fact("Task", "server"),
              fact("Node", "client-1 (ca601765)"),
              fact("Allocation", "a0458171"),
              fact("Last exit", "exit code 137 (SIGKILL), likely out of memory, after 1s, at 03:43:08 UTC"),
              fact("Next attempt", "03:43:09 UTC"),
            ],
          },
        ],
        actions: [
          action("Job in Nomad", "https://nomad.example.com/ui/jobs/web%40shop"),
          action(
            "Allocation in Nomad",
            "https://nomad.example.com/ui/allocations/a0458171-9a7f-3e5e-2262-4f63c1a59075",
          ),
          action("Loop", "https://loops.example.com/allocation/3a3aca75c675347004d6a7eb6827420a"),
        ],
        msteams: { width: "Full" },
      },
    }],
  }]);
});

Deno.test("the title has the colour of the state", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  for (const reason of ["repeat", "gave-up", "resolved"] as const) await sink.send(loopAlert(reason));
  assert.deepEqual(workflow.server.cards.map(({ body: [{ text, color }] }) => [text, color]), [
    ["[prod-eu] web.app[0] is still crash-looping: 9 failed runs since 03:42 UTC", "warning"],
    ["[prod-eu] web.app[0] was given up by Nomad: 9 failed runs since 03:42 UTC", "attention"],
    ["[prod-eu] web.app[0] no longer crash-loops: 9 failed runs since 03:42 UTC", "good"],
  ]);
});

Deno.test("send() keeps to four cards a second, which the stand-in enforces", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  for (let sent = 0; sent < 8; sent++) await sink.send(loopAlert("repeat"));
  assert.equal(workflow.server.cards.length, 8);
});

Deno.test("send() says what the workflow refused, whether a retry can help, and what to do", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  const exists = "; set SINK_TEAMS_WEBHOOK_URL to the address of an existing workflow that anyone may call";
  const off = `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"trigger is not enabled"}}`;
  const answers = [
    [{ status: 404, body: "WorkflowNotFound" }, `answered 404: WorkflowNotFound${exists}`, "operator", 0],
    [{ status: 401, body: "" }, `answered 401${exists}`, "operator", 0],
    [{ status: 400, body: off }, `answered 400: ${off}; turn the workflow on`, "operator", 0],
    [{ status: 400, body: "bad card" }, "answered 400: bad card", "rejected", 0],
    [{ status: 413 }, "answered 413", "rejected", 0],
    [{ status: 429, headers: { "retry-after": "7" } }, "answered 429", "transient", 7000],
    [{ status: 500 }, "answered 500", "transient", 0],
    [
      { status: 302, headers: { location: "https://login.example.com/" } },
      "answered 302: redirects are not followed; set the address to their target",
      "operator",
      0,
    ],
    ["cut", ": connection lost", "transient", 0],
  ] as const;
  for (const [answer, message, recovery, retryAfter] of answers) {
    workflow.server.faults.push(answer);
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `${workflow.where}${message.startsWith(":") ? "" : " "}${message}`,
      recovery,
      retryAfter,
    });
  }
  assert.deepEqual(workflow.server.cards, []);
});

Deno.test("send() says nothing secret of an address that the workflow repeats", async () => {
  await using workflow = await given();
  const url = workflow.server.webhookUrl.replace("S1gnature", "Wr0ngSignature");
  assert.deepEqual(await faultOf(workflow.open({ url }).send(loopAlert("first"))), {
    message:
      `${workflow.where} answered 401: {"error":{"code":"DirectApiAuthorizationRequired","message":"signature of ` +
      `*** is wrong"}}; set SINK_TEAMS_WEBHOOK_URL to the address of an existing workflow that anyone may call`,
    recovery: "operator",
    retryAfter: 0,
  });
});

Deno.test("connect() posts nothing, and check() says that only a card can try it", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  await sink.connect();
  assert.equal(
    await sink.check(),
    `${workflow.where}: only a card can try it, which nomad-crashloop-detector test-alert sends`,
  );
  assert.deepEqual(workflow.server.requests, []);
});

Deno.test("a card keeps to 28 KB, whatever its texts are, and makes no links of names", async () => {
  await using workflow = await given();
  for (const character of ["x", '"', "\u00e9", "\u{1f600}"]) {
    const text = character.repeat(100_000);
    const message = {
      state: "active",
      severity: "warning",
      title: text,
      reason: text,
      facts: Array.from({ length: 12 }, (_, index) => ({ label: `Label ${index}`, value: text })),
      links: [{ text: "Job in Nomad", url: `https://nomad.example.com/${"a".repeat(30_000)}` }],
    } as const;
    await workflow.open({ context: { message: () => message } }).send(loopAlert("first"));
  }
  assert.equal(workflow.server.cards.length, 4);
  const link = "[click](https://evil.example.com)";
  const card = JSON.stringify(
    cardOf({ state: "active", severity: "warning", title: link, reason: link, facts: [], links: [] }),
  );
  assert.ok(card.includes('"text":"[click] (https://evil.example.com)"') && !card.includes("]("));
});

Deno.test("disposing ends a send whose answer does not come", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  workflow.server.faults.push("silence");
  const sending = faultOf(sink.send(loopAlert("first")));
  await waitFor("the request", () => workflow.server.requests.length === 1);
  await sink[Symbol.asyncDispose]();
  assert.equal((await within("the send", sending)).message, "closed");
});

Deno.test("send() posts a card for a group, for one that has doubled, and for its end, even without a first", async () => {
  await using workflow = await given();
  const sink = workflow.open();
  await sink.send(groupAlert("node", "update", { group: { doubled: true } }));
  await sink.send(groupAlert("storm", "resolved"));
  assert.deepEqual(workflow.server.cards.map(({ body: [{ text, color }] }) => [text, color]), [
    ["[prod-eu] 5 jobs crash-loop on node client-1: 7 loops since 03:42 UTC", "warning"],
    ["[prod-eu] All 500 crash loops in 500 jobs since 03:42 UTC are resolved", "good"],
  ]);
});
