// `deno task test`: all tests, in several processes side by side, since most of them wait for servers. With arguments,
// which are those of `deno test`, one process.

import { stdout } from "node:process";
import { stripVTControlCharacters } from "node:util";

const root = new URL("../../", import.meta.url).pathname;

/** What one process runs: a file, or a folder whose tests are quick. */
export type Job = readonly string[];

/** Folders of which every file is a job of its own, since its tests start servers. */
const slow = /^tests\/(acceptance|fuzz|project|status)\//;

/** Longer than any other file; begun first, since what is begun last should be short. */
const longest = [
  "tests/status/page_test.ts",
  "tests/acceptance/chaos_test.ts",
  "tests/acceptance/rabbitmq_test.ts",
  "tests/acceptance/floods_test.ts",
];

/** They wait for real minutes to pass and need little of a core meanwhile: they run beside the others. */
const waiting = [
  "tests/acceptance/own_alerts_test.ts",
  "tests/acceptance/one_cause_test.ts",
  "tests/acceptance/blindness_test.ts",
  "tests/acceptance/job_settings_test.ts",
  "tests/acceptance/groups_test.ts",
];

/** The jobs that run beside the others, one after the other, and the others. */
export function lanesOf(jobs: readonly Job[]): { readonly beside: Job[]; readonly others: Job[] } {
  const { beside = [], others = [] } = Object.groupBy(
    jobs,
    ([file]) => waiting.includes(file!) ? "beside" : "others",
  );
  return { beside, others };
}

/** The jobs that run these files, each file once, in the order in which they begin. */
export function jobsOf(files: readonly string[]): Job[] {
  const folderOf = (file: string) => slow.test(file) ? file : file.split("/").slice(0, 2).join("/");
  const rank = (job: string) => {
    const place = longest.indexOf(job);
    return place !== -1 ? place : longest.length + (job.startsWith("tests/acceptance/") ? 0 : 1);
  };
  return Map.groupBy(files, folderOf).entries().toArray()
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([, job]) => job);
}

/** The files that `deno test` would find, from the root of the repository. */
export function testFiles(folder = "tests"): string[] {
  return Deno.readDirSync(`${root}${folder}`).toArray().flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFiles(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/** The arguments of one `deno test`; where they name no file, it runs all. */
export function argumentsOf(given: readonly string[], exists: (path: string) => boolean): string[] {
  return ["test", "-A", ...given, ...(given.some((one) => exists(one.split("#")[0]!)) ? [] : ["tests/"])];
}

/** How many tests passed and failed, by the last line of a process's report. */
export function countsOf(report: string): { passed: number; failed: number } {
  const [, passed = "0", failed = "0"] =
    [...stripVTControlCharacters(report).matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)].at(
      -1,
    ) ??
      [];
  return { passed: Number(passed), failed: Number(failed) };
}

/** Types are checked once, by `deno task ok`: each process would do it again, for as long as a third of its tests. */
const options = ["test", "-A", "--no-check"];

/** Runs a job and prints what it wrote when it is through, so that reports do not mix. */
async function run(job: Job): Promise<{ ok: boolean; passed: number; failed: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...options, ...job],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const chunks: Uint8Array[] = [];
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) chunks.push(chunk);
  };
  const [{ success }] = await Promise.all([child.status, keep(child.stdout), keep(child.stderr)]);
  const report = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
  await new Blob([report]).stream().pipeTo(Deno.stdout.writable, { preventClose: true });
  return { ok: success, ...countsOf(new TextDecoder().decode(report)) };
}

/** Runs all tests; whether they passed. */
async function runAll(): Promise<boolean> {
  const began = Date.now();
  const { beside, others } = lanesOf(jobsOf(testFiles()));
  const failures: string[] = [];
  let [passed, failed] = [0, 0];
  const work = async (jobs: Job[]) => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const result = await run(job);
      passed += result.passed;
      failed += result.failed;
      if (!result.ok) failures.push(job.join(" "));
    }
  };
  const processes = Math.min(4, Math.max(2, navigator.hardwareConcurrency));
  await Promise.all([work(beside), ...Array.from({ length: processes }, () => work(others))]);
  const seconds = Math.round((Date.now() - began) / 1000);
  for (const files of failures) print(`Failed, again with: deno task test ${files}`);
  const took = `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  print(
    `All tests: ${failures.length === 0 ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed (${took})`,
  );
  return failures.length === 0;
}

function print(line: string): void {
  stdout.write(`${line}\n`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  if (Deno.args.length === 0) Deno.exit(await runAll() ? 0 : 1);
  const args = argumentsOf(Deno.args, exists);
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdin: "inherit" }).spawn().status;
  Deno.exit(code);
}
