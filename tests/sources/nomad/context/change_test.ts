// Which change an alert names, of what Nomad knows of a job.
import assert from "node:assert/strict";
import { formatTime } from "../../../../src/lib/time.ts";
import { changeOf, type KnownOfJob } from "../../../../src/sources/nomad/context/change.ts";
import { jobDefinitionOf } from "../../../../src/sources/nomad/jobs/job_definition.ts";
import { wholeJob } from "../../../helpers/nomad_jobs.ts";

const submitted = 1_795_602_739_000_000_000;
const job = (more: Record<string, unknown> = {}) =>
  jobDefinitionOf(wholeJob({
    ID: "web",
    Version: 7,
    SubmitTime: submitted,
    groups: [{
      Name: "app",
      Tasks: [
        { Name: "server", Config: { image: "web:7" } },
        { Name: "sidecar", Config: { command: "/bin/proxy", args: ["-v", "7"] } },
      ],
    }],
    ...more,
  }))!;

const running = { id: "0bb6e3b4", version: 7, status: "running", description: "Deployment is running" };
const versions = [{ version: 7, stable: false }, { version: 5, stable: true }, { version: 6, stable: false }];

const asked = (more: Partial<KnownOfJob> = {}): KnownOfJob => ({
  group: "app",
  task: "server",
  deployment: running,
  versions,
  ...more,
});
const Submitted = formatTime(BigInt(submitted));

Deno.test("changeOf() says what runs since when, how its rollout goes, and how the version before ran", () => {
  assert.deepEqual(changeOf(job(), asked()), {
    JobVersion: 7,
    Submitted,
    Image: "web:7",
    Deployment: { ID: "0bb6e3b4", Status: "running", Description: "Deployment is running" },
    Previous: { JobVersion: 6, Stable: false },
  });
  assert.equal(changeOf(job(), asked({ task: "sidecar" }))!.Command, "/bin/proxy -v 7");
  assert.deepEqual(
    changeOf(job(), asked({ task: "poststop", deployment: { ...running, description: "" }, versions: [] })),
    { JobVersion: 7, Submitted, Deployment: { ID: "0bb6e3b4", Status: "running" } },
  );
});

Deno.test("changeOf() leaves out what Nomad did not answer, and a rollout of another version", () => {
  const none = { deployment: undefined, versions: undefined };
  assert.deepEqual(changeOf(job(), asked(none)), { JobVersion: 7, Submitted, Image: "web:7" });
  assert.equal(changeOf(job(), asked({ deployment: { ...running, version: 6 } }))!.Deployment, undefined);
  assert.equal(changeOf(job({ SubmitTime: 0 }), asked()), undefined);
});

Deno.test("changeOf() calls no version unstable where no deployment could make it stable", () => {
  assert.equal(changeOf(job(), asked({ deployment: "none" }))!.Previous, undefined);
  assert.equal(changeOf(job(), asked({ deployment: undefined }))!.Previous, undefined);
  const stable = [{ version: 6, stable: true }];
  assert.deepEqual(changeOf(job(), asked({ deployment: undefined, versions: stable }))!.Previous, {
    JobVersion: 6,
    Stable: true,
  });
  const newer = [{ version: 7, stable: true }, { version: 8, stable: true }];
  assert.equal(changeOf(job(), asked({ versions: newer }))!.Previous, undefined);
});
