// How many allocations of a task group loop, and how many run.
import assert from "node:assert/strict";
import { countAllocations, type TaskGroup } from "../../../../src/sources/nomad/context/count_allocations.ts";
import type { WantedAllocation } from "../../../../src/sources/nomad/context/job_questions.ts";
import { jobDefinitionOf } from "../../../../src/sources/nomad/jobs/job_definition.ts";
import { wholeJob } from "../../../helpers/nomad_jobs.ts";

const definition = (Count: number) =>
  jobDefinitionOf(wholeJob({ ID: "web", groups: [{ Name: "app", Count, Tasks: [{ Name: "server" }] }] }));

const allocation = (index: number, more: Partial<WantedAllocation> = {}): WantedAllocation => ({
  name: `web.app[${index}]`,
  group: "app",
  jobType: "service",
  node: "n1",
  status: "running",
  createIndex: 1,
  tasks: ["server", "sidecar"],
  ...more,
});

const counted = (
  allocations: readonly WantedAllocation[],
  looping: readonly string[],
  more: Partial<TaskGroup> = {},
) => {
  const { Total, Looping, Running } = countAllocations(
    {
      namespace: "prod",
      job: "web",
      group: "app",
      task: "server",
      definition: undefined,
      allocations,
      ...more,
    },
    (name) => looping.includes(name),
  );
  return [Looping, Total, Running];
};

const twenty = Array.from({ length: 20 }, (_, index) => allocation(index));

Deno.test("countAllocations() counts allocations of which any task loops, by the names of either rule", () => {
  assert.deepEqual(counted(twenty, []), [0, 20, 20]);
  const tasks = ["prod/web.app[0]/server", "prod/web.app[7]/sidecar", "prod/web.app[7]/server"];
  assert.deepEqual(counted(twenty, [...tasks, "prod/web.app[19]"]), [3, 20, 17]);
  assert.deepEqual(counted(twenty, ["web.app[1]", "prod/web.other[1]/server", "test/web.app[1]/server"]), [
    0,
    20,
    20,
  ]);
});

Deno.test("countAllocations() counts as running what runs and does not loop", () => {
  const [first, ...rest] = twenty;
  assert.deepEqual(counted([{ ...first!, status: "pending" }, ...rest], ["prod/web.app[3]/server"]), [
    1,
    20,
    18,
  ]);
});

Deno.test("countAllocations() leaves other groups out, and of one place takes the youngest allocation", () => {
  const allocations = [
    allocation(0, { status: "failed" }),
    allocation(0, { createIndex: 9 }),
    allocation(0, { createIndex: 5, status: "lost" }),
    allocation(0, { name: "web.db[0]", group: "db" }),
  ];
  assert.deepEqual(counted(allocations, []), [0, 1, 1]);
});

Deno.test("countAllocations() counts the places of a service that have no allocation at the moment", () => {
  const looping = ["prod/web.app[2]/server"];
  assert.deepEqual(counted(twenty.slice(0, 2), looping, { definition: definition(4) }), [1, 4, 2]);
  assert.deepEqual(counted(twenty.slice(0, 2), looping), [0, 2, 2], "without its definition");
  const batch = twenty.slice(0, 2).map((one) => ({ ...one, jobType: "batch" }));
  assert.deepEqual(
    counted(batch, looping, { definition: definition(4) }),
    [0, 2, 2],
    "others may be complete",
  );
});

Deno.test("countAllocations() counts those of a system job by node, and those of a periodic job for the child", () => {
  const system = ["n1", "n2", "n3"].map((node) => allocation(0, { jobType: "system", node }));
  assert.deepEqual(counted(system, ["prod/web.app[0]/server@n2"], { definition: definition(1) }), [1, 3, 2]);
  const child = [
    allocation(0, { name: "web/periodic-1795602750.app[0]", jobType: "batch", status: "failed" }),
  ];
  const looping = ["prod/web.app[0]/server"];
  assert.deepEqual(counted(child, looping, { job: "web/periodic-1795602750" }), [1, 1, 0]);
});
