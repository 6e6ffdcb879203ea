// The architecture: what the files of each folder of src may import. Read from `deno info`, so that types count too.
import assert from "node:assert/strict";

interface Folder {
  /** Folders that its files may import from, beside their own; of one named as a file, that file only. */
  readonly imports: readonly string[];
  /** Packages that they may import: by how their names begin. */
  readonly packages: readonly string[];
  /** It holds adapters: one knows nothing of the others, only of these files, such as the port that all implement. */
  readonly shared?: readonly string[];
}

/** From the bottom to the top: imports point upwards in this table. */
const folders: Readonly<Record<string, Folder>> = {
  lib: { imports: [], packages: ["npm:@logtape/", "node:"] },
  detection: { imports: ["lib"], packages: ["node:buffer", "node:crypto"] },
  clients: { imports: ["lib"], packages: ["npm:amqplib@", "node:"] },
  sources: {
    imports: ["lib", "detection", "clients"],
    packages: ["npm:amqplib@", "node:"],
    shared: ["sources/source", "sources/reconnecting"],
  },
  sinks: {
    imports: ["lib", "detection", "clients"],
    packages: [
      "npm:amqplib@",
      "npm:@aws-sdk/",
      "npm:kafkajs@",
      "npm:/kafkajs@",
      "npm:liquidjs@",
      "npm:mongodb@",
      "npm:nodemailer@",
      "node:",
    ],
    shared: ["sinks/sink", "sinks/adapter", "sinks/alertmanager_labels"],
  },
  state: { imports: ["lib", "detection"], packages: ["node:"] },
  pipeline: {
    imports: ["lib", "detection", "sources/source", "sinks/sink", "state/store", "state/outbox"],
    packages: [],
  },
  status: {
    imports: ["lib", "detection", "clients", "state/store", "pipeline"],
    packages: ["node:"],
  },
  commands: {
    imports: ["lib", "detection", "clients", "sources", "sinks", "state", "pipeline", "status"],
    packages: ["npm:commander@", "npm:@bomb.sh/", "node:"],
  },
  main: { imports: ["lib", "commands"], packages: [] },
};

/** A file imports another one, or a package. Files are named from src on: `sinks/amqp`. */
interface Import {
  readonly from: string;
  readonly to: string;
}

function folderOf(file: string): string {
  return file.split("/")[0]!;
}

/** What is wrong with an import; undefined where it is fine. */
function wrong({ from, to }: Import): string | undefined {
  const folder = folderOf(from);
  const { imports, packages, shared } = folders[folder] ?? { imports: [], packages: [], shared: undefined };
  if (/^(npm|node|jsr|https?):/.test(to)) {
    return packages.some((name) => to.startsWith(name)) ? undefined : `${from} must not import ${to}`;
  }
  if (folderOf(to) === folder) {
    if (shared === undefined || shared.includes(to) || technologyOf(from) === technologyOf(to)) {
      return undefined;
    }
    return `${from} must not import ${to}: the ${folder} know nothing of each other`;
  }
  if (imports.includes(folderOf(to)) || imports.includes(to)) return undefined;
  return `${from} must not import ${to}: ${folder} may import ${imports.join(", ") || "nothing"}`;
}

/** `sources/nomad/session` and `sources/nomad` are of one technology. */
function technologyOf(file: string): string {
  return file.split("/")[1]!;
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

const root = new URL("../../", import.meta.url);

/** The modules that src/main.ts leads to. */
async function modules(): Promise<readonly Module[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/main.ts"],
    cwd: root,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

function importsOf(modules: readonly Module[]): Import[] {
  const src = new URL("src/", root).href;
  const short = (specifier: string) =>
    specifier.startsWith(src) ? specifier.slice(src.length, -3) : specifier;
  return modules.filter(({ specifier }) => specifier.startsWith(src)).flatMap(
    ({ specifier, dependencies = [] }) => {
      const found = dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier]);
      return [...new Set(found.filter((one) => one !== undefined))]
        .filter((to) => !to.endsWith(".json"))
        .map((to) => ({ from: short(specifier), to: short(to) }));
    },
  );
}

/** Files that import each other in a circle, as one of its ways around; undefined where there is none. */
function circle(imports: readonly Import[]): string[] | undefined {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    for (const { to } of targets.get(file) ?? []) {
      const found = walk(to, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const found = walk(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

Deno.test("src holds main.ts, README.md and the folders of the architecture", async () => {
  const names = await Array.fromAsync(Deno.readDir(new URL("src/", root)), ({ name }) => name);
  const expected = Object.keys(folders).map((name) => name === "main" ? "main.ts" : name);
  assert.deepEqual(names.sort(), [...expected, "README.md"].sort());
});

Deno.test("no file imports what its folder must not", async () => {
  const imports = importsOf(await modules());
  for (const name of Object.keys(folders)) {
    assert.ok(imports.some(({ from }) => folderOf(from) === name), `the folder "${name}" is empty`);
  }
  assert.deepEqual(imports.map(wrong).filter((problem) => problem !== undefined), []);
});

Deno.test("no files import each other in a circle, of types neither", async () => {
  assert.equal(circle(importsOf(await modules())), undefined);
});

Deno.test("kafkajs is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => /^npm:\/?kafkajs@/.test(code?.specifier ?? ""));
  assert.equal(loaded.length, 2);
  assert.ok(loaded.every(({ isDynamic }) => isDynamic));
});

Deno.test("MongoDB's driver is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => code?.specifier?.startsWith("npm:mongodb@"));
  assert.equal(loaded.length, 1);
  assert.ok(loaded.every(({ isDynamic }) => isDynamic));
});

Deno.test("the AWS SDK is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => /^npm:@(aws-sdk|smithy)\//.test(code?.specifier ?? ""));
  assert.equal(loaded.length, 4);
  assert.ok(loaded.every(({ isDynamic }) => isDynamic));
});

Deno.test("nodemailer is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => code?.specifier?.startsWith("npm:nodemailer@"));
  assert.equal(loaded.length, 2);
  assert.ok(loaded.every(({ isDynamic }) => isDynamic));
});

Deno.test("the library of templates is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => code?.specifier?.startsWith("npm:liquidjs@"));
  assert.deepEqual(loaded.map(({ isDynamic }) => isDynamic), [true]);
});

const edges: readonly (readonly [from: string, to: string, problem: string | undefined])[] = [
  ["detection/restarts/rule", "lib/duration", undefined],
  ["sinks/amqp", "clients/amqp/connection", undefined],
  ["sinks/amqp", "sinks/sink", undefined],
  ["state/sqlite/store", "state/sqlite/file", undefined],
  ["sources/nomad/session", "sources/nomad/allocation", undefined],
  ["sources/amqp/source", "sources/reconnecting", undefined],
  ["pipeline/delivery", "sinks/sink", undefined],
  ["commands/adapters", "sinks/amqp", undefined],
  ["lib/log", "npm:@logtape/logtape@2.4.2", undefined],
  ["lib/log", "detection/rule", "lib/log must not import detection/rule: lib may import nothing"],
  ["detection/rule", "sinks/sink", "detection/rule must not import sinks/sink: detection may import lib"],
  ["elsewhere/file", "lib/log", "elsewhere/file must not import lib/log: elsewhere may import nothing"],
  ["detection/rule", "node:fs", "detection/rule must not import node:fs"],
  [
    "sinks/amqp",
    "sinks/stdout",
    "sinks/amqp must not import sinks/stdout: the sinks know nothing of each other",
  ],
  [
    "pipeline/delivery",
    "sinks/amqp",
    "pipeline/delivery must not import sinks/amqp: " +
    "pipeline may import lib, detection, sources/source, sinks/sink, state/store, state/outbox",
  ],
  ["main", "sinks/amqp", "main must not import sinks/amqp: main may import lib, commands"],
  ["sinks/stdout", "npm:commander@15.1.0", "sinks/stdout must not import npm:commander@15.1.0"],
];

Deno.test("the check of imports knows a good one from a bad one", () => {
  for (const [from, to, problem] of edges) assert.equal(wrong({ from, to }), problem);
});

Deno.test("the check of circles finds one, and its way around", () => {
  const path = (...files: string[]) => files.slice(1).map((to, index) => ({ from: files[index]!, to }));
  assert.equal(circle(path("a", "b", "c")), undefined);
  assert.deepEqual(circle([...path("a", "b", "c"), ...path("a", "c", "d", "b")]), ["b", "c", "d", "b"]);
});

Deno.test("the check of imports sees every import, of values, of types and of such as are made later", () => {
  const src = new URL("src/", root).href;
  const modules: Module[] = [
    {
      specifier: `${src}sinks/one.ts`,
      dependencies: [
        { code: { specifier: `${src}commands/run.ts` } },
        { type: { specifier: `${src}sinks/two.ts` } },
        { code: { specifier: "npm:x@1" }, type: { specifier: "npm:x@1" }, isDynamic: true },
      ],
    },
    { specifier: "npm:y@1", dependencies: [{ code: { specifier: `${src}commands/run.ts` } }] },
  ];
  assert.deepEqual(importsOf(modules), [
    { from: "sinks/one", to: "commands/run" },
    { from: "sinks/one", to: "sinks/two" },
    { from: "sinks/one", to: "npm:x@1" },
  ]);
});
