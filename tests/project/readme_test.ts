// README.md says what is: its generated parts, its tasks and files, its dependencies.
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { settingsGroups } from "../../src/commands/settings.ts";
import { flagOf } from "../../src/lib/settings/setting.ts";
import { run } from "../helpers/program.ts";
import { path, withParts } from "../tools/readme.ts";

const readme = await Deno.readTextFile(path);

/** What is written under a heading of the second level. */
const section = (title: string) => readme.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!;

Deno.test("README.md has the parts that are made from the code as the code makes them", async () => {
  assert.equal(readme, await withParts(readme), "`deno task docs` writes them");
});

Deno.test("withParts() puts in what belongs between the markers, and leaves the rest", async () => {
  const emptied = readme.replaceAll(/(<!-- begin (\w+) -->).*(<!-- end \2 -->)/gs, "$1$3");
  assert.ok(!emptied.includes("`RESTART_COUNT`  "));
  assert.equal(await withParts(emptied), readme);
  await assert.rejects(withParts(readme.replace("<!-- end settings -->", "")), {
    message: "README.md has no <!-- begin settings --> … <!-- end settings -->",
  });
});

Deno.test("README.md's table of settings says what --help says", async () => {
  const help = (await run({ args: ["--help"] })).stdout.replaceAll(/\s+/g, " ");
  const rows = section("Settings").split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
  const settings = settingsGroups.flatMap(({ settings }) => Object.values(settings));
  assert.deepEqual(rows.map(([variable]) => variable), settings.map(({ env }) => env));
  for (const [index, [variable, flag, byDefault, example, what]] of rows.entries()) {
    const { toggle, optional, secret } = settings[index]!;
    assert.equal(flag, flagOf(settings[index]!));
    const unset = byDefault === "required" ? "required" : optional && byDefault === "none" ? "optional" : "";
    const notes = [
      `env ${variable}`,
      unset || `default ${byDefault}`,
      ...toggle ? [] : [`such as ${example}`],
      ...secret ? [`or the path of a file that holds it: ${flag}-file, env ${variable}_FILE`] : [],
    ];
    const purpose = what!.replace(
      / \(([^()]*)\)$/,
      (all, words) => settings[index]!.choices ? `: ${words}` : all,
    );
    const line = ` ${flag}${toggle ? "" : " <value>"} ${purpose} (${notes.join("; ")}) `;
    assert.ok(help.includes(line), `${line} in ${help}`);
  }
});

Deno.test("README.md names tasks that exist, and the Deno release that all else is made for", async () => {
  const tasks = [...readme.matchAll(/deno(?:@[\d.]+)? task (?:--quiet )?([\w:]+)/g)].map(([, task]) => task!);
  assert.ok(tasks.length > 5);
  for (const task of tasks) assert.ok(task in config.tasks, task);
  const releases = new Set<string>();
  for (
    const file of [
      "README.md",
      "Dockerfile",
      ".ci/run",
      ".github/workflows/test.yml",
      ".github/workflows/release.yml",
    ]
  ) {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    const found = [...text.matchAll(/(?:deno[@:]|deno-version: |\[Deno\]\(\S+\) )(\d+\.\d+\.\d+)/g)];
    assert.ok(found.length > 0, file);
    for (const [, release] of found) releases.add(release!);
  }
  assert.equal(releases.size, 1, [...releases].join(", "));
});

Deno.test("README.md names every dependency, and files that exist", async () => {
  const named = [...section("Dependencies").matchAll(/npmjs\.com\/package\/([^)]+)\)/g)].map(([, name]) =>
    name!
  );
  const imported = Object.values(config.imports).map((specifier) => /^npm:(@?[^@]+)@/.exec(specifier)![1]!);
  assert.deepEqual(named.toSorted(), [...imported, "kinesalite"].sort());
  const files = [...readme.matchAll(/\]\((?!http)([^)]+)\)|`(src\/[\w/.]+|\.[a-z]+\/?[\w/.]*)`/g)]
    .map(([, link, code]) => (link ?? code)!).filter((file) => file !== ".aws");
  assert.ok(files.includes("LICENSE"));
  for (const file of files) await Deno.stat(new URL(`../../${file}`, import.meta.url));
});
