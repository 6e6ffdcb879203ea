// What the source `nomad` finds out about a loop, from a server that answers, refuses, and hangs.
import assert from "node:assert/strict";
import { nomadSettings } from "../../../../src/clients/nomad/settings.ts";
import type { ContextRequest } from "../../../../src/detection/alert/context.ts";
import { readSettings } from "../../../../src/lib/settings/setting.ts";
import { openNomad } from "../../../../src/sources/nomad/source.ts";
import { defaultTimeouts } from "../../../../src/sources/nomad/timeouts.ts";
import { testLog } from "../../../helpers/log.ts";
import { NomadServer, Recording, type ServerOptions, type WrongAnswer } from "../../../helpers/nomad.ts";
import { ContextAnswers } from "../../../helpers/nomad_contexts.ts";
import { wholeJob } from "../../../helpers/nomad_jobs.ts";
import { within } from "../../../helpers/wait_for.ts";

const empty = Recording.of([]);
const request: ContextRequest = {
  namespace: "prod",
  job: "web/τ",
  group: "app",
  task: "server",
  allocation: "2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
};
const [stderr, stdout] = ["stderr", "stdout"].map((type) => `${request.allocation} server ${type}`) as [
  string,
  string,
];

/** A server that knows the job of the request, version 7 of which is being rolled out, and a source that asks it. */
async function start(
  options: Partial<ServerOptions> & { logLines?: number; patience?: number; looping?: readonly number[] } =
    {},
) {
  const contexts = options.contexts ?? new ContextAnswers();
  const job = wholeJob({
    ID: request.job,
    Namespace: "prod",
    Version: 7,
    groups: [{ Name: "app", Count: 20, Tasks: [{ Name: "server", Config: { image: "web:7" } }] }],
  });
  contexts.answers.set("prod/web/τ/deployment", {
    ID: "0bb6e3b4-3d5c",
    JobVersion: 7,
    Status: "failed",
    StatusDescription: "Failed due to progress deadline",
  });
  contexts.answers.set("prod/web/τ/versions", {
    Versions: [job, { ...job, Version: 6, Stable: true }],
    Diffs: null,
  });
  contexts.answers.set(
    "prod/web/τ/allocations",
    Array.from({ length: 20 }, (_, index) => ({
      Name: `web/τ.app[${index}]`,
      TaskGroup: "app",
      JobType: "service",
      NodeID: "n1",
      DesiredStatus: "run",
      ClientStatus: "running",
      CreateIndex: 9,
      TaskStates: { server: {} },
    })),
  );
  const server = await NomadServer.start({
    recording: empty,
    definitions: { "prod/web/τ": job },
    ...options,
    contexts,
  });
  const { log, lines } = testLog();
  const settings = readSettings(nomadSettings, {
    flags: {},
    env: { NOMAD_ADDR: server.address },
    problems: [],
  })!;
  const looping = new Set((options.looping ?? [0, 3, 7]).map((index) => `prod/web/τ.app[${index}]/server`));
  const source = openNomad(
    { ...settings, logLines: options.logLines ?? 2 },
    {
      log,
      files: [],
      restartsOnly: false,
      stdin: new Blob([]).stream(),
      isActive: (name) => looping.has(name),
    },
    { ...defaultTimeouts, context: options.patience },
  );
  const stop = new AbortController();
  return {
    contexts,
    lines,
    stop,
    server,
    ask: (about: Partial<ContextRequest> = {}) => source.contextOf!({ ...request, ...about }, stop.signal),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await source[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const whole = {
  Change: {
    JobVersion: 7,
    Submitted: "2026-11-25T10:32:19.314584Z",
    Image: "web:7",
    Deployment: { ID: "0bb6e3b4-3d5c", Status: "failed", Description: "Failed due to progress deadline" },
    Previous: { JobVersion: 6, Stable: true },
  },
  Allocations: { Total: 20, Looping: 3, Running: 17 },
};

Deno.test("contextOf() says what changed, how many allocations loop, and the last lines of both logs", async () => {
  await using nomad = await start();
  nomad.contexts.logs.set(stderr, "starting\npanic: no config\n\texit\u001b[0m\n");
  nomad.contexts.logs.set(stdout, "ready\n");
  const { Change, ...rest } = await nomad.ask();
  assert.deepEqual({ ...Change, Submitted: undefined }, { ...whole.Change, Submitted: undefined });
  assert.equal(Date.parse(Change!.Submitted), Date.parse(whole.Change.Submitted));
  assert.deepEqual(rest, {
    Allocations: whole.Allocations,
    LastWords: { Stderr: ["panic: no config", "  exit"], Stdout: ["ready"] },
  });
  assert.deepEqual(nomad.contexts.asked.toSorted(), [
    "allocations prod/web/τ",
    "deployment prod/web/τ",
    "job prod/web/τ",
    `logs ${stderr}`,
    `logs ${stdout}`,
    "versions prod/web/τ",
  ]);
  const log = nomad.server.requests.find((path) => path.includes("type=stderr"))!;
  assert.match(log, /task=server&type=stderr&origin=end&offset=4097&plain=true&namespace=prod$/);
});

Deno.test("contextOf() reads no log unless it is asked for lines", async () => {
  await using nomad = await start({ logLines: 0 });
  nomad.contexts.logs.set(stderr, "password=hunter2\n");
  assert.equal((await nomad.ask()).LastWords, undefined);
  assert.ok(!nomad.contexts.asked.some((asked) => asked.startsWith("logs")));
});

const refusal = (status: number, text: string): WrongAnswer => ({ status, text });

const missing: readonly (readonly [log: WrongAnswer | string | undefined, expected: string])[] = [
  [refusal(403, "Permission denied"), "the token lacks the capability read-logs"],
  [refusal(500, "rpc error: Permission denied"), "the token lacks the capability read-logs"],
  [undefined, "the allocation was garbage-collected"],
  [refusal(404, 'unknown alloc ID "2b1f6c9a"'), "the allocation was garbage-collected"],
  [refusal(404, "alloc not found"), "the allocation was garbage-collected"],
  [refusal(404, "No path to node"), "the node cannot be reached"],
  [refusal(500, "rpc error: No path to node"), "the node cannot be reached"],
  [refusal(500, "Unknown node 3c0af5d1"), "the node cannot be reached"],
  [refusal(404, 'task "server" not started yet. No logs available'), "the task has not started"],
  [refusal(404, 'log entry for task "server" and log type "stderr" not found'), "the task wrote nothing"],
  ["", "the task wrote nothing"],
  ["\n\n", "the task wrote nothing"],
  [refusal(500, "disk \u001b[31mfull"), "Nomad says: disk \\u001b[31mfull"],
];

for (const [log, expected] of missing) {
  const found = typeof log === "object" ? log.text : JSON.stringify(log);
  Deno.test(`contextOf() says that ${expected}, of logs that are ${found}`, async () => {
    await using nomad = await start();
    if (log !== undefined) { for (const name of [stderr, stdout]) nomad.contexts.logs.set(name, log); }
    const { LastWords, Allocations } = await nomad.ask();
    assert.deepEqual(LastWords, { Missing: expected });
    assert.deepEqual(Allocations, whole.Allocations);
  });
}

Deno.test("contextOf() says of which log it does not know the lines, and that an allocation is not known", async () => {
  await using nomad = await start();
  nomad.contexts.logs.set(stdout, "ready\n");
  nomad.contexts.logs.set(stderr, refusal(500, "disk full"));
  assert.deepEqual((await nomad.ask()).LastWords, {
    Stdout: ["ready"],
    Missing: "stderr: Nomad says: disk full",
  });
  assert.deepEqual((await nomad.ask({ allocation: "" })).LastWords, {
    Missing: "the allocation is not known",
  });
});

Deno.test("contextOf() shows the lines of one log where the other is empty", async () => {
  await using nomad = await start();
  nomad.contexts.logs.set(stdout, "ready\n");
  assert.deepEqual((await nomad.ask()).LastWords, { Stdout: ["ready"] });
});

Deno.test("contextOf() reads the end of a log of 10 MB only, and no more of one that has no end", async () => {
  await using nomad = await start({ logLines: 200 });
  nomad.contexts.logs.set(stderr, `${"x".repeat(99)}\n`.repeat(100_000) + "the end\n");
  nomad.contexts.logs.set(stdout, new Uint8Array(10_000_000).fill(1));
  const { LastWords } = await nomad.ask();
  assert.equal(LastWords!.Stderr!.length, 41);
  assert.equal(LastWords!.Stderr!.at(-1), "the end");
  assert.ok(LastWords!.Stderr!.slice(0, -1).every((line) => line === "x".repeat(99)));
  assert.deepEqual(LastWords!.Stdout!.map((line) => line.length), [1000]);
});

Deno.test("contextOf() takes no more of a log than it asked for, from a server that sends all of it", async () => {
  const log = "x".repeat(10_000_000);
  await using nomad = await start({ contexts: new Ignorant(log) });
  const { LastWords } = await nomad.ask();
  assert.match(
    LastWords!.Missing!,
    /^http:\/\/127\.0\.0\.1:\d+: the answer is longer than the maximum of 0\.0625 MB$/,
  );
});

/** It does not know what an offset is. */
class Ignorant extends ContextAnswers {
  constructor(readonly log: string) {
    super();
  }
  override take(...[url, response, ...rest]: Parameters<ContextAnswers["take"]>): boolean {
    if (!url.pathname.startsWith("/v1/client/fs/logs/")) return super.take(url, response, ...rest);
    response.writeHead(200, { "Content-Type": "text/plain" }).end(this.log);
    return true;
  }
}

const fields = [
  ["job", ["Allocations", "LastWords"]],
  ["allocations", ["Change", "LastWords"]],
  ["logs", ["Change", "Allocations", "LastWords"]],
  ["deployment", ["Change", "Allocations", "LastWords"]],
  ["versions", ["Change", "Allocations", "LastWords"]],
] as const;

for (const [what, left] of fields) {
  for (const how of ["is refused", "gets no answer"] as const) {
    Deno.test(`contextOf() leaves out what follows from ${what} where it ${how}, and nothing else`, async () => {
      await using nomad = await start({ patience: how === "is refused" ? 10_000 : 300 });
      nomad.contexts.logs.set(stderr, "panic\n");
      if (how === "is refused") nomad.contexts.refusals.set(what, refusal(500, "no leader"));
      else nomad.contexts.hanging.add(what);
      const found = await within("a context", nomad.ask());
      assert.deepEqual(Object.keys(found), left);
      const { Deployment, Previous } = found.Change ?? {};
      assert.equal(Deployment === undefined, what === "deployment" || what === "job");
      assert.equal(Previous === undefined, what === "versions" || what === "job");
      if (what !== "logs") return;
      const why = how === "is refused" ? "Nomad says: no leader" : "no answer within 0.3 s";
      assert.deepEqual(found.LastWords, { Missing: why });
    });
  }
}

Deno.test("contextOf() logs what is not known of a job, once for all who ask", async () => {
  await using nomad = await start();
  nomad.contexts.refusals.set("versions", refusal(500, "no leader"));
  await Promise.all([nomad.ask(), nomad.ask({ allocation: "other" })]);
  assert.deepEqual(nomad.lines.map((line) => line.replace(nomad.server.address, "<nomad>")), [
    "debug source nomad: cannot ask for the versions of job web/τ: <nomad> answered 500: no leader",
  ]);
});

Deno.test("contextOf() asks about a job once, however many of its allocations loop", async () => {
  await using nomad = await start({ logLines: 0 });
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, index) => nomad.ask({ allocation: `a${index}` })),
  );
  assert.deepEqual(all.map(({ Allocations }) => Allocations), all.map(() => whole.Allocations));
  assert.deepEqual(nomad.contexts.asked.toSorted(), [
    "allocations prod/web/τ",
    "deployment prod/web/τ",
    "job prod/web/τ",
    "versions prod/web/τ",
  ]);
  await nomad.ask({ namespace: "test" });
  assert.equal(nomad.contexts.asked.length, 8, "of another namespace it is another job");
});

Deno.test("contextOf() ends at once when the signal comes, with what is known by then", async () => {
  await using nomad = await start({ patience: 600_000 });
  nomad.contexts.hanging.add("logs").add("versions");
  const asking = nomad.ask();
  await within(
    "the questions",
    (async () => {
      while (nomad.contexts.asked.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
    })(),
  );
  nomad.stop.abort();
  assert.equal((await within("a context", asking, 5_000)).LastWords, undefined);
});

Deno.test("contextOf() finds nothing where there is no server", async () => {
  await using nomad = await start({ logLines: 0 });
  await nomad.server[Symbol.asyncDispose]();
  assert.deepEqual(await within("a context", nomad.ask()), {});
});
