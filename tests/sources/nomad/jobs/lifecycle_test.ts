// What the source `nomad` finds out about jobs: from the topics Job and Evaluation, and where these are refused from the
// list of jobs and from the jobs themselves.
import assert from "node:assert/strict";
import { nomadSettings } from "../../../../src/clients/nomad/settings.ts";
import type { FailingTask } from "../../../../src/detection/rule.ts";
import { readSettings } from "../../../../src/lib/settings/setting.ts";
import { openNomad } from "../../../../src/sources/nomad/source.ts";
import { testLog } from "../../../helpers/log.ts";
import { NomadServer, Recording, type ServerOptions } from "../../../helpers/nomad.ts";
import { fastTimeouts } from "../../../helpers/nomad_timeouts.ts";
import { waitFor } from "../../../helpers/wait_for.ts";

const recording = Recording.load("all-topics.ndjson.br");
const timeouts = { ...fastTimeouts, heartbeat: 4_000, settle: 0 };
const all = { job: "loop-norestart", namespace: "default", allocation: "x", createIndex: 2416 };
/** Lines before and after the purge of that job. */
const before = recorded(2426);
const after = recorded(2428);

function recorded(index: number): number {
  return recording.lines.findIndex((line) => line.index > index);
}

/** Follows until `done`. Returns the log and the changes of jobs: `outcome job index until`. */
async function follow(
  options: Partial<ServerOptions>,
  failing: readonly FailingTask[],
  done: (found: readonly string[], lines: readonly string[], server: NomadServer) => boolean,
  act: (server: NomadServer) => unknown = () => {},
): Promise<{ found: string[]; lines: string[] }> {
  const server = await NomadServer.start({ recording, lines: before, ...options });
  const { log, lines } = testLog();
  const settings = readSettings(nomadSettings, {
    flags: {},
    env: { NOMAD_ADDR: server.address },
    problems: [],
  })!;
  const context = {
    log,
    files: [],
    restartsOnly: false,
    stdin: new Blob([]).stream(),
    failing: () => failing,
  };
  const source = openNomad(settings, context, timeouts);
  const stop = new AbortController();
  const found: string[] = [];
  const following = (async () => {
    for await (const batch of source.batches(stop.signal)) {
      for (const body of batch.bodies) {
        const { Job, JobID } = JSON.parse(new TextDecoder().decode(body as Uint8Array));
        if (Job === undefined) continue;
        found.push([Job.Outcome, JobID, Job.Index, Job.Until ?? ""].join(" ").trimEnd());
      }
      batch.acknowledge();
    }
  })();
  try {
    await waitFor("the list", () => lines.some((line) => line.includes("allocations found")), {
      timeoutMs: 20_000,
    });
    await act(server);
    await waitFor("what is asked", () => done(found, lines, server), { timeoutMs: 20_000 });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    await following;
  }
  return { found, lines: lines.map((line) => line.replace(/127\.0\.0\.1:\d+/g, "server")) };
}

const isGone = (found: readonly string[]) =>
  found.some((one) => /^(?:stopped|gone) loop-norestart /.test(one));

Deno.test("the source nomad knows of a purge by the topic Evaluation", async () => {
  const { found } = await follow({}, [], isGone, (server) => server.allow(after));
  assert.ok(found.includes("stopped loop-norestart 2427"), String(found));
});

Deno.test("the source nomad warns once of refused topics, and learns of a purge from the list of jobs", async () => {
  const { found, lines } = await follow(
    { topics: ["Allocation"] },
    [all],
    isGone,
    (server) => server.allow(after),
  );
  assert.ok(found.includes("gone loop-norestart 2416"), String(found));
  assert.deepEqual(lines.filter((line) => line.includes("topics")), [
    "warning source nomad: http://server refused the topics Job and Evaluation, but not Allocation; continuing " +
    "without them: a job that is stopped or given up may be noticed a minute late",
  ]);
});

Deno.test("the source nomad asks for an evaluation that no event showed, once, and passes on the next attempt", async () => {
  const evaluation = "634ad1c1-59ac-9f2a-e990-fff266a5cbc2";
  const allocation = "40504c43-37af-de7f-9c96-d449cf606ebe";
  const task = { job: "waiting", namespace: "default", allocation, createIndex: 546 };
  const asked = (server: NomadServer, path: string) =>
    server.requests.filter((request) => request.startsWith(`GET ${path}?`)).length;
  const requests: number[] = [];
  const { found } = await follow(
    { topics: ["Allocation"], lines: recorded(693) },
    [task],
    (found, _, server) => {
      requests.splice(0, 1, asked(server, `/v1/evaluation/${evaluation}`));
      // Two more audits after the one that asked.
      return found.length > 0 && asked(server, "/v1/jobs") >= 4;
    },
  );
  const until = BigInt(Date.parse("2026-11-25T10:48:13.180Z")) * 1_000_000n + 574_961n;
  assert.deepEqual([found, requests], [[`pending waiting 546 ${until}`], [1]]);
});

const none = { status: 200, text: "[]" };

Deno.test("the source nomad takes no job for gone that a list does not have and Nomad knows", async () => {
  const asked = (server: NomadServer) =>
    server.requests.filter((one) => one.includes("/v1/job/loop-norestart")).length;
  const jobsRefused = Array.from({ length: 1000 }, () => none);
  const { found } = await follow(
    { jobsRefused },
    [all],
    (_, __, server) => asked(server) >= 3,
  );
  assert.equal(isGone(found), false, String(found));
});

Deno.test("the source nomad warns once that it cannot list jobs", async () => {
  const jobsRefused = Array.from({ length: 1000 }, () => ({ status: 403, text: "Permission denied" }));
  const isNotified = (lines: readonly string[]) => lines.some((line) => line.includes("list jobs"));
  const { lines } = await follow({ jobsRefused }, [all], (_, lines) => isNotified(lines));
  assert.equal(lines.filter((line) => line.includes("list jobs")).length, 1);
  assert.match(
    lines.find((line) => line.includes("list jobs"))!,
    /^warning source nomad: cannot list jobs, so the loop of a purged job may stay active: http:\/\/server refused the token: Permission denied; /,
  );
});

Deno.test("the source nomad reconnects before it reports why a stream was closed: a stopped agent is not a changed token", async () => {
  const closed = "subscription closed by server, client should resubscribe";
  const { lines } = await follow(
    { troubles: { [before]: closed } },
    [],
    (_, lines) => lines.some((line) => line.includes("retrying")),
    async (server) => {
      const disposed = server[Symbol.asyncDispose].bind(server);
      server.allow(after);
      await waitFor("the end of the stream", () => server.streams === 0);
      await disposed();
    },
  );
  const outage = lines.find((line) => line.includes("retrying"))!;
  assert.match(outage, /connection refused|connection broke/);
});
