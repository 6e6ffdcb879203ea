// The binary: what it may do, what is in it and what goes with it, and that tasks, container and release speak of the
// same things.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join, matchesGlob } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { loadSinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { recordSettings } from "../../src/commands/record/settings.ts";
import { variablesOf } from "../../src/lib/settings/setting.ts";
import { Bundle } from "../helpers/bundle.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { licensesText, packagesOf, sbom } from "../tools/third_party.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

const { tasks } = config;
const read = (file: string) => Deno.readTextFile(new URL(`../../${file}`, import.meta.url));

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
    "FUNCTION_*",
    "FUNCTIONS_WORKER_RUNTIME",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "KAFKAJS_*",
    "KUBERNETES_SERVICE_HOST",
    "K_SERVICE",
    "MONGODB_*",
    "NODE_ENV",
    "TERM",
    "USERPROFILE",
    "VERCEL",
    "VERCEL_REGION",
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
    cwd: new URL("../..", import.meta.url),
  }).output();
  const { modules }: { modules: Module[] } = JSON.parse(new TextDecoder().decode(stdout));
  return modules.flatMap(({ dependencies }) => dependencies ?? []).filter(({ code }) => code !== undefined);
}

Deno.test("the binary holds the packages that the program imports, and not those of its tests", async () => {
  const specifiers = new Set((await imports()).map(({ specifier }) => specifier));
  const unused = Object.keys(config.imports).filter((name) => !specifiers.has(name));
  assert.deepEqual(unused, ["assemblyscript/asc", "ajv", "axe-core", "puppeteer-core", "smtp-server"]);
  assert.ok(tasks.binary.command.split(" ").includes("--exclude-unused-npm"));
});

/** The packages whose code is in the bundle, as it says itself: before each module stands where that came from. */
function packagesIn(bundle: Bundle): string[] {
  const folder = dirname(bundle.main);
  const scripts = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".js"))
    .map(({ name }) => Deno.readTextFileSync(join(folder, name)));
  const places = scripts.flatMap((script) => [
    ...script.matchAll(/^ *\/\/ \S*registry\.npmjs\.org\/((?:@[^/]+\/)?[^/]+)\/([^/]+)\//gm),
  ]);
  return [...new Set(places.map(([, name, version]) => `${name} ${version}`))].sort();
}

Deno.test("the licences that go with the binary are those of every package in it, and of what it runs in", async () => {
  using bundle = await Bundle.make(true);
  const packages = packagesIn(bundle);
  assert.ok(packages.length > 20 && packages.some((one) => one.startsWith("amqplib ")), `${packages}`);
  const known = await packagesOf("src/main.ts");
  const text = licensesText(known);
  for (const one of packages) assert.match(text, new RegExp(`^${RegExp.escape(one)}, \\S`, "m"));
  for (const { texts } of known) {
    for (const license of texts.values()) assert.ok(text.includes(license));
  }
  assert.match(text, new RegExp(`^Deno ${RegExp.escape(Deno.version.deno)}, MIT, `, "m"));
  assert.match(text, /^V8 \S+, BSD-3-Clause, /m);
  assert.doesNotMatch(text, /puppeteer|axe-core|assemblyscript/);
});

Deno.test("the SBOM lists every package of the binary as deno.lock has it, and is the same each time", async () => {
  const packages = await packagesOf("src/main.ts");
  const text = sbom(packages);
  assert.equal(sbom(await packagesOf("src/main.ts")), text);
  const { bomFormat, specVersion, serialNumber, metadata, components, dependencies } = JSON.parse(text);
  assert.deepEqual([bomFormat, specVersion], ["CycloneDX", "1.6"]);
  assert.match(serialNumber, /^urn:uuid:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/);
  assert.deepEqual([metadata.component.name, metadata.component.version], [config.name, config.version]);
  const lock = JSON.parse(await read("deno.lock"));
  const locked = new Set(Object.values<{ integrity: string }>(lock.npm).map(({ integrity }) => integrity));
  assert.deepEqual(
    components.map(({ name, version }: { name: string; version: string }) => `${name} ${version}`),
    [`deno ${Deno.version.deno}`, ...packages.map(({ name, version }) => `${name} ${version}`)],
  );
  for (const { hashes, purl } of components.slice(1)) {
    const [{ alg, content }] = hashes;
    assert.ok(locked.has(`sha512-${Buffer.from(content, "hex").toString("base64")}`), purl);
    assert.equal(alg, "SHA-512");
    assert.match(purl, /^pkg:npm\/(?:%40[^/@]+\/)?[^/@]+@[^@]+$/);
  }
  const refs = new Set([metadata.component, ...components].map((one) => one["bom-ref"]));
  for (const { ref, dependsOn } of dependencies) {
    for (const one of [ref, ...dependsOn]) assert.ok(refs.has(one), one);
  }
});

Deno.test("actions and base images are pinned by their digests, each to one", async () => {
  const workflows =
    (await Promise.all(["release", "test"].map((name) => read(`.github/workflows/${name}.yml`))))
      .join("\n");
  const used = new Map<string, string>();
  for (const [line, action, pin] of workflows.matchAll(/^ *(?:- )?uses: ([^@\s]+)@?(.*)$/gm)) {
    assert.match(pin!, /^[\da-f]{40} # v\d+\.\d+\.\d+$/, line);
    assert.equal(used.get(action!) ?? pin, pin, action);
    used.set(action!, pin!);
  }
  assert.ok(used.size >= 7);
  const images = [...(await read("Dockerfile")).matchAll(/^FROM (\S+)/gm)].map(([, image]) => image!);
  assert.equal(images.length, 2);
  for (const image of images) assert.match(image, /^[\w./-]+:[\w.-]+@sha256:[\da-f]{64}$/);
  const versions = [...workflows.matchAll(/deno-version: (\S+)/g)].map(([, version]) => version);
  assert.deepEqual([...new Set(versions)], [/deno:([\d.]+)@/.exec(images[0]!)![1]]);
});

Deno.test("a release has the licences and the SBOM, attests them, and the image has the licences", async () => {
  const release = await read(".github/workflows/release.yml");
  const files = "LICENSE THIRD-PARTY-LICENSES.txt sbom.cdx.json";
  assert.ok(release.includes(`sha256sum nomad-crashloop-detector-* ${files} | tee SHA256SUMS`));
  assert.ok(release.includes(`files=(${files} SHA256SUMS)`));
  const attested = [...release.matchAll(/uses: actions\/attest@.*\n +with:\n((?: {10}.*\n)+)/g)]
    .map(([, given]) => given!.trim().split("\n").map((line) => line.trim().split(":")[0]));
  assert.deepEqual(attested, [
    ["subject-checksums"],
    ["subject-path", "sbom-path"],
    ["subject-name", "subject-digest", "push-to-registry", "create-storage-record"],
    ["subject-name", "subject-digest", "sbom-path", "push-to-registry", "create-storage-record"],
  ]);
  assert.equal(release.match(/^ +id-token: write/gm)?.length, 2);
  const inImage = (await read("Dockerfile")).match(/\/usr\/share\/doc\/nomad-crashloop-detector\/\S+$/gm);
  assert.deepEqual(inImage?.map((path) => path.split("/").at(-1)), ["LICENSE", "THIRD-PARTY-LICENSES.txt"]);
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
  for (const name of copied) await Deno.stat(new URL(`../../${name}`, import.meta.url));
});
