// What is read of the definition of a job.
import assert from "node:assert/strict";
import { NomadClient } from "../../../../src/clients/nomad/client.ts";
import { nomadSettings } from "../../../../src/clients/nomad/settings.ts";
import { readSettings } from "../../../../src/lib/settings/setting.ts";
import { JobClient } from "../../../../src/sources/nomad/jobs/job_client.ts";
import { jobDefinitionOf } from "../../../../src/sources/nomad/jobs/job_definition.ts";
import { NomadServer, Recording, type ServerOptions } from "../../../helpers/nomad.ts";
import { wholeJob } from "../../../helpers/nomad_jobs.ts";

const { signal } = new AbortController();

async function define(options: Partial<ServerOptions>, namespace: string, job: string): Promise<unknown> {
  const recording = options.recording ?? Recording.of([]);
  await using server = await NomadServer.start({ recording, ...options });
  server.pass(recording.lines.length);
  const env = { NOMAD_ADDR: server.address };
  const settings = readSettings(nomadSettings, { flags: {}, env, problems: [] })!;
  return await new JobClient(new NomadClient(settings), "*").define(namespace, job, signal);
}

Deno.test("define() returns version, time and command of a job of the recording", async () => {
  assert.deepEqual(
    await define({ recording: Recording.load("all-topics.ndjson.br") }, "default", "healthy"),
    {
      namespace: "default",
      job: "healthy",
      version: 2,
      submitTime: 1795602836785299712n,
      jobModifyIndex: 2282,
      tasks: [{ group: "web", task: "app", count: 3, meta: {}, command: "/bin/sleep 100000" }],
    },
  );
});

Deno.test("define() merges the meta of job, group and task, the innermost wins; and finds the image", async () => {
  const job = wholeJob({
    ID: "web",
    Namespace: "prod",
    Version: 7,
    JobModifyIndex: 40,
    Meta: { owner: "job", job: "1" },
    groups: [
      {
        Name: "a",
        Count: 3,
        Meta: { owner: "group", group: "2" },
        Tasks: [
          { Name: "app", Config: { image: "redis:7" }, Meta: { owner: "task", task: "3" } },
          { Name: "side" },
        ],
      },
      { Name: "b", Tasks: [{ Name: "app" }] },
    ],
  });
  assert.deepEqual(await define({ definitions: { "prod/web": job } }, "prod", "web"), {
    namespace: "prod",
    job: "web",
    version: 7,
    submitTime: 1795602739314584064n,
    jobModifyIndex: 40,
    tasks: [
      {
        group: "a",
        task: "app",
        count: 3,
        meta: { owner: "task", job: "1", group: "2", task: "3" },
        image: "redis:7",
      },
      { group: "a", task: "side", count: 3, meta: { owner: "group", job: "1", group: "2" } },
      { group: "b", task: "app", count: 1, meta: { owner: "job", job: "1" } },
    ],
  });
});

Deno.test("define() returns nothing for a job that does not exist, and throws what Nomad says to a token", async () => {
  assert.equal(await define({}, "default", "none"), undefined);
  const jobRefused = { status: 403, text: "Permission denied" };
  const definitions = { "default/web": wholeJob({ ID: "web" }) };
  await assert.rejects(
    define({ definitions, jobRefused }, "default", "web"),
    /refused the token: Permission denied/,
  );
});

Deno.test("jobDefinitionOf() takes what is no job for none, and unexpected fields for absent", () => {
  assert.equal(jobDefinitionOf(undefined), undefined);
  assert.equal(jobDefinitionOf({ ID: 1 }), undefined);
  const odd = { ID: "a", TaskGroups: [null, { Tasks: [{ Config: 3, Meta: { a: 1 } }] }], SubmitTime: "x" };
  assert.deepEqual(jobDefinitionOf(odd), {
    namespace: "default",
    job: "a",
    version: 0,
    submitTime: undefined,
    jobModifyIndex: 0,
    tasks: [{ group: "", task: "", count: 1, meta: {} }],
  });
});
