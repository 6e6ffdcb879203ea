// The binary: what it may do, what is in it, and that tasks, container and release speak of the same things.
import assert from "node:assert/strict";
import { matchesGlob } from "node:path";
import config from "../deno.json" with { type: "json" };
import { settingsGroups } from "../src/app.ts";
import { recordSettings } from "../src/record_settings.ts";
import { variablesOf } from "../src/settings.ts";
import { onTerminal } from "./helpers/terminal.ts";

const { tasks } = config;
const read = (file: string) => Deno.readTextFile(new URL(`../${file}`, import.meta.url));

const permissions = (command: string): string[] =>
  command.match(/--(?:allow|deny|no-prompt|v8-flags)[^\s']*/g) ?? [];
const variables = permissions(tasks.start.command).find((flag) => flag.startsWith("--allow-env="))!
  .replace(/^[^=]*=/, "").split(",");

Deno.test("the binary has the permissions of the task start, and asks for no more", () => {
  assert.deepEqual(permissions(tasks.binary.command), permissions(tasks.start.command));
  assert.ok(permissions(tasks.start.command).includes("--no-prompt"));
});

Deno.test("the program may read the variables of its settings, those of AWS, and no others", () => {
  const groups = [...settingsGroups.map(({ settings }) => settings), recordSettings];
  const settings = groups.flatMap((settings) => Object.values(settings).flatMap(variablesOf));
  const used = (name: string, pattern: string) => matchesGlob(name, pattern);
  const unreadable = settings.filter((name) => !variables.some((pattern) => used(name, pattern)));
  assert.deepEqual(unreadable, [], "add it to --allow-env in the tasks start and binary of deno.json");
  assert.deepEqual(variables.filter((pattern) => !settings.some((name) => used(name, pattern))), [
    "AWS_*",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "TERM",
    "USERPROFILE",
    "_X_AMZN_TRACE_ID",
  ]);
});

Deno.test("the program may do all that it does on a terminal", async () => {
  for (
    const [args, expected] of [
      ["--help", /^Usage: /],
      ["--nosuch", /^error: unknown option/],
      ["check --source-type stdin", /^ok +source/],
      ["completions bash", /^# bash completion/],
    ] as const
  ) {
    const { shown } = await onTerminal(`'${Deno.execPath()}' task --quiet start ${args}`);
    assert.match(shown, expected);
  }
});

interface Module {
  readonly dependencies?: readonly { specifier: string; code?: unknown; isDynamic?: boolean }[];
}

/** What the program imports, all files together. */
async function imports() {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/main.ts"],
    cwd: new URL("..", import.meta.url),
  }).output();
  const { modules }: { modules: Module[] } = JSON.parse(new TextDecoder().decode(stdout));
  return modules.flatMap(({ dependencies }) => dependencies ?? []).filter(({ code }) => code !== undefined);
}

Deno.test("the binary holds the packages that the program imports, and not those of its tests", async () => {
  const specifiers = new Set((await imports()).map(({ specifier }) => specifier));
  const unused = Object.keys(config.imports).filter((name) => !specifiers.has(name));
  assert.deepEqual(unused, ["assemblyscript/asc", "ajv", "axe-core", "puppeteer-core"]);
  assert.ok(tasks.binary.command.split(" ").includes("--exclude-unused-npm"));
});

interface Task {
  readonly command: string;
  readonly dependencies?: readonly string[];
}

Deno.test("compile:all makes the binaries that README.md names, one by one", async () => {
  const platforms = tasks["compile:all"].dependencies.map((name) => name.replace("compile:", ""));
  assert.deepEqual(platforms, ["linux-x64", "linux-arm64", "macos-x64", "macos-arm64", "windows-x64"]);
  for (const name of ["compile", ...tasks["compile:all"].dependencies]) {
    const { command, dependencies } = (tasks as unknown as Record<string, Task>)[name]!;
    const file = name.replace("compile", "nomad-crashloop-detector").replace(":", "-");
    assert.match(
      command,
      new RegExp(`^deno task --quiet binary( --target \\S+)? --output dist/${file} dist/bundle/main\\.js$`),
    );
    assert.deepEqual(dependencies, ["bundle"]);
  }
  const binaries = (await read(".github/workflows/release.yml")).match(/nomad-crashloop-detector-\w+-\w+/g) ??
    [];
  assert.ok(binaries.length > 0);
  for (const binary of binaries) {
    assert.ok(platforms.includes(binary.replace("nomad-crashloop-detector-", "")), binary);
  }
});

Deno.test("the container is built from files that .dockerignore lets through", async () => {
  const allowed = (await read(".dockerignore")).split("\n").filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  const copied = [...(await read("Dockerfile")).matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
    .flatMap(([, names]) => names!.split(" "));
  assert.deepEqual(copied.toSorted(), allowed.toSorted());
  for (const name of copied) await Deno.stat(new URL(`../${name}`, import.meta.url));
});
