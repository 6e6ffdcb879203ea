import assert from "node:assert/strict";
import { argumentsOf, countsOf, jobsOf, lanesOf, testFiles } from "./run_tests.ts";

Deno.test("jobsOf() has every test file once, the longest first", () => {
  const files = testFiles();
  const jobs = jobsOf(files);
  assert.deepEqual(jobs.flat().sort(), files);
  assert.deepEqual(jobs[0], ["tests/status/page_test.ts"]);
  assert.ok(files.includes("tests/tools/run_tests_test.ts"));
});

Deno.test("jobsOf() puts the files of a quick folder together, and runs each slow file by itself", () => {
  const files = [
    "tests/acceptance/tls_test.ts",
    "tests/lib/delay_test.ts",
    "tests/lib/settings/size_test.ts",
  ];
  assert.deepEqual(jobsOf(files), [[files[0]], [files[1], files[2]]]);
});

Deno.test("lanesOf() puts what waits for minutes beside the others, each job once", () => {
  const jobs = jobsOf(testFiles());
  const { beside, others } = lanesOf(jobs);
  assert.deepEqual([...beside, ...others].sort(), [...jobs].sort());
  assert.ok(beside.some(([file]) => file === "tests/acceptance/own_alerts_test.ts"));
  assert.deepEqual(others[0], ["tests/status/page_test.ts"]);
});

Deno.test("argumentsOf() passes arguments on, and runs all tests where they name no file", () => {
  const exists = (path: string) => path === "tests/a_test.ts";
  assert.deepEqual(argumentsOf(["--filter", "queue"], exists), ["test", "-A", "--filter", "queue", "tests/"]);
  assert.deepEqual(argumentsOf(["tests/a_test.ts", "--fail-fast"], exists), [
    "test",
    "-A",
    "tests/a_test.ts",
    "--fail-fast",
  ]);
});

Deno.test("countsOf() reads the last line of a report", () => {
  assert.deepEqual(countsOf("ok | 12 passed (3 steps) | 0 failed | 2 ignored (1m5s)\n"), {
    passed: 12,
    failed: 0,
  });
  assert.deepEqual(
    countsOf("x\n\n\x1b[31mFAILED\x1b[0m | 1429 passed | 1 failed (21m49s)\n\nerror: Test failed"),
    {
      passed: 1429,
      failed: 1,
    },
  );
  assert.deepEqual(countsOf("error: Type checking failed."), { passed: 0, failed: 0 });
});
