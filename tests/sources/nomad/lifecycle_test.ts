// What the source `nomad` finds out about jobs: from the topics Job and Evaluation, and where these are refused from the
// list of jobs and from the jobs themselves.
import assert from "node:assert/strict";
import { nomadSettings } from "../../../src/clients/nomad/settings.ts";
import type { FailingTask } from "../../../src/detection/rule.ts";
import { readSettings } from "../../../src/lib/settings/setting.ts";
import { openNomad } from "../../../src/sources/nomad/source.ts";
import { testLog } from "../../helpers/log.ts";
import { NomadServer, Recording, type ServerOptions } from "../../helpers/nomad.ts";
import { waitFor } from "../../helpers/wait_for.ts";

const recording = Recording.load("all-topics.ndjson.br");
const timeouts = {
  idle: 5_000,
  renewal: 3_600_000,
  catchUp: 50,
  checkpoint: 0,
  heartbeat: 4_000,
  settle: 0,
  deadJob: 100,
  audit: 200,
};
const all = { job: "loop-norestart", namespace: "default", allocation: "x", createIndex: 2416 };
/** Lines before and after the purge of that job. */
const before = recorded(2426);
const after = recorded(2428);

function recorded(index: number): number {
  return recording.lines.findIndex((line) => line.index > index);
}

/** Follows until `done`; yields the log and what was found of jobs, `fate job index`. */
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
        if (Job !== undefined) found.push(`${Job.Outcome} ${JobID} ${Job.Index}`);
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
    "without them: that a job was stopped or given up may be noticed a minute late",
  ]);
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
    (_, lines) => lines.some((line) => line.includes("trying again")),
    async (server) => {
      const disposed = server[Symbol.asyncDispose].bind(server);
      server.allow(after);
      await waitFor("the end of the stream", () => server.streams === 0);
      await disposed();
    },
  );
  const outage = lines.find((line) => line.includes("trying again"))!;
  assert.match(outage, /nobody listens there|connection broke/);
});
