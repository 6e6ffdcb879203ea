// The READMEs say what is: their generated parts, their links, tasks, files and dependencies.
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { loadSinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { flagOf } from "../../src/lib/settings/setting.ts";
import { run } from "../helpers/program.ts";
import { partsOf, root, withParts } from "../tools/readme.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

const read = (file: string) => Deno.readTextFile(new URL(file, root));

/** Every page of documentation, named from the root on. */
async function pages(): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd: root,
  }).output();
  const found = [];
  for (const file of new TextDecoder().decode(stdout).trimEnd().split("\n")) {
    if (await exists(new URL(file, root))) found.push(file);
  }
  return found;
}

async function exists(path: URL): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** The text without code and generated alerts, where a bracket is no link and a # no heading. */
const prose = (text: string) => text.replaceAll(/^```.*?^```$/gms, "");

/** The anchors that GitHub makes of a page's headings. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, title] of prose(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const words = title!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(/\s/g, "-");
    let name = slug;
    for (let again = 1; found.has(name); again++) name = `${slug}-${again}`;
    found.add(name);
  }
  return found;
}

/** The relative links of a page that lead nowhere. */
async function deadLinks(page: string, text: string): Promise<string[]> {
  const dead = [];
  for (const [, link] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link!)) continue;
    const { href, hash } = new URL(link!, new URL(page, root));
    const target = new URL(href.replace(/#.*$/, ""));
    const alive = await exists(target) &&
      (hash === "" || anchors(await Deno.readTextFile(target)).has(decodeURIComponent(hash.slice(1))));
    if (!alive) dead.push(`${page}: ${link}`);
  }
  return dead;
}

for (const file of Object.keys(partsOf)) {
  Deno.test(`${file} has the parts that are made from the code as the code makes them`, async () => {
    const text = await read(file);
    assert.equal(text, await withParts(file, text), "`deno task docs` writes them");
  });
}

Deno.test("withParts() puts in what belongs between the markers, and leaves the rest", async () => {
  const file = "src/commands/README.md";
  const text = await read(file);
  const emptied = text.replaceAll(/(<!-- begin (\w+) -->).*?(<!-- end \2 -->)/gs, "$1$3");
  assert.ok(!emptied.includes("`RESTART_COUNT`  "));
  assert.equal(await withParts(file, emptied), text);
  await assert.rejects(withParts(file, text.replace("<!-- end settings -->", "")), {
    message: `${file} has no <!-- begin settings --> … <!-- end settings -->`,
  });
});

Deno.test("src/commands/README.md's table of settings says what --help says", async () => {
  const help = (await run({ args: ["--help"] })).stdout.replaceAll(/\s+/g, " ");
  const settingsPart = /<!-- begin settings -->(.*)<!-- end settings -->/s.exec(
    await read("src/commands/README.md"),
  )![1]!;
  const rows = settingsPart.split("\n").filter((line) => line.startsWith("| `"))
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

Deno.test("README.md's settings exist", async () => {
  const known = settingsGroups.flatMap(({ settings }) => Object.values(settings).map(({ env }) => env));
  const table = (await read("README.md")).split("\n## Configuration\n")[1]!.split("\n## ")[0]!;
  const named = [...table.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name!);
  assert.equal(named.length, 10);
  assert.deepEqual(named.filter((name) => !known.includes(name)), []);
});

Deno.test("README.md is short: at most 250 lines", async () => {
  const lines = (await read("README.md")).trimEnd().split("\n").length;
  assert.ok(lines <= 250, `${lines} lines`);
});

Deno.test("every relative link and anchor of every page works", async () => {
  const all = await pages();
  for (const page of ["README.md", "src/README.md", ...Object.keys(partsOf)]) {
    assert.ok(all.includes(page), page);
  }
  const dead = await Promise.all(all.map(async (page) => await deadLinks(page, await read(page))));
  assert.deepEqual(dead.flat(), []);
});

Deno.test("deadLinks() names a link to a file or a heading that is not there", async () => {
  const text = "# A b, `c`!\n\n[here](#a-b-c) [there](../LICENSE) [web](https://x.org/)\n" +
    "[nofile](nosuch.ts) [noheading](#nosuch)\n\n```\n[code](nosuch.md)\n```\n";
  assert.deepEqual(anchors(text + "## A b, c\n"), new Set(["a-b-c", "a-b-c-1"]));
  // A page that is its own target is read from the disk: its headings are those of src/README.md.
  assert.deepEqual(await deadLinks("src/README.md", text.replace("#a-b-c", "#the-way-of-one-message")), [
    "src/README.md: nosuch.ts",
    "src/README.md: #nosuch",
  ]);
});

Deno.test("every page names tasks that exist", async () => {
  const tasks = new Set<string>();
  for (const page of await pages()) {
    for (const [, task] of (await read(page)).matchAll(/deno(?:@[\d.]+)? task (?:--quiet )?([\w:]+)/g)) {
      tasks.add(task!);
    }
  }
  assert.ok(tasks.size > 5);
  assert.deepEqual([...tasks].filter((task) => !(task in config.tasks)), []);
});

Deno.test("all is made for one Deno release", async () => {
  const releases = new Set<string>();
  for (
    const file of [
      "README.md",
      "src/README.md",
      "Dockerfile",
      ".ci/run",
      ".github/workflows/test.yml",
      ".github/workflows/release.yml",
    ]
  ) {
    const found = [
      ...(await read(file)).matchAll(
        /(?:deno[@:]|deno-version: |\bDeno |\[Deno\]\(\S+\) )(\d+\.\d+\.\d+)/g,
      ),
    ];
    assert.ok(found.length > 0, file);
    for (const [, release] of found) releases.add(release!);
  }
  assert.equal(releases.size, 1, [...releases].join(", "));
});

Deno.test("src/README.md names every dependency", async () => {
  const dependencies = (await read("src/README.md")).split("\n## Dependencies\n")[1]!.split("\n## ")[0]!;
  const named = [...dependencies.matchAll(/npmjs\.com\/package\/([^)]+)\)/g)].map(([, name]) => name!);
  const imported = Object.values(config.imports).map((specifier) => /^npm:(@?[^@]+)@/.exec(specifier)![1]!);
  assert.deepEqual(named.toSorted(), [...new Set(imported), "fauxqs", "kinesalite"].sort());
});

Deno.test("src/README.md's table of folders is the folder list", async () => {
  const folders = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL("src/", root))) {
    if (isDirectory) folders.push(name);
  }
  const table = (await read("src/README.md")).split("\n## Folders\n")[1]!.split("\n## ")[0]!;
  const named = [...table.matchAll(/^\| \[`(\w+)\/`\]/gm)].map(([, name]) => name!);
  assert.deepEqual(named.toSorted(), folders.sort());
});
