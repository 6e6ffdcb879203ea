// The rooms of the house: which files are in which, and what each room may import. Read from `deno info`, so that
// types count as well.
import assert from "node:assert/strict";

interface Room {
  readonly name: string;
  /** Its files in src, or a folder of them. */
  readonly files: readonly string[];
  /** Rooms that its files may import from, beside their own. */
  readonly imports: readonly string[];
  /** Packages that they may import: by how their names begin. */
  readonly packages: readonly string[];
  /** Its files are of one kind, and know nothing of each other. */
  readonly apart?: boolean;
}

/** From the bottom to the top. A file that is named nowhere is in the room `rule`, which may import least. */
const rooms: readonly Room[] = [
  {
    name: "leaves",
    files: [
      "duration",
      "fault",
      "files",
      "glance",
      "glance_code",
      "histogram",
      "kind",
      "log",
      "outage",
      "progress",
      "settings",
      "sight",
      "size",
      "standing",
      "time",
      "turn_writer",
    ],
    imports: [],
    packages: ["npm:@logtape/"],
  },
  { name: "rule", files: [], imports: ["leaves"], packages: ["node:buffer", "node:crypto"] },
  { name: "ports", files: ["ledger", "outbox", "sink", "source"], imports: ["leaves", "rule"], packages: [] },
  {
    name: "way",
    files: [
      "commits",
      "delivery",
      "event_time",
      "late",
      "pipeline",
      "releases",
      "set_aside",
      "tally",
      "wall_watch",
    ],
    imports: ["leaves", "rule", "ports"],
    packages: [],
  },
  { name: "clients", files: ["clients/"], imports: ["leaves"], packages: ["npm:amqplib@", "node:"] },
  {
    name: "sources",
    files: ["sources/"],
    imports: ["leaves", "rule", "ports", "clients"],
    packages: ["npm:amqplib@", "node:"],
    apart: true,
  },
  {
    name: "sinks",
    files: ["sinks/"],
    imports: ["leaves", "rule", "ports", "clients"],
    packages: ["npm:amqplib@", "npm:@aws-sdk/", "npm:@smithy/", "node:"],
    apart: true,
  },
  {
    name: "ledgers",
    files: ["ledgers/"],
    imports: ["leaves", "rule", "ports"],
    packages: ["node:"],
    apart: true,
  },
  {
    name: "status",
    files: ["status/"],
    imports: ["leaves", "rule", "ports", "way"],
    packages: ["node:buffer", "node:crypto", "node:http", "node:process", "node:stream"],
  },
  {
    name: "app",
    files: ["app", "state"],
    imports: ["leaves", "rule", "ports", "way", "clients", "sources", "sinks", "ledgers", "status"],
    packages: [],
  },
  {
    name: "recordings",
    files: [
      "grid",
      "record",
      "record_file",
      "record_settings",
      "recording",
      "replay",
      "replay_text",
      "trial",
    ],
    imports: ["leaves", "rule", "ports", "way", "sources", "app"],
    packages: ["node:"],
  },
  {
    name: "command",
    files: ["cli", "commands", "given", "main"],
    imports: ["leaves", "app", "recordings"],
    packages: ["npm:commander@", "npm:@bomb.sh/"],
  },
];

/** A file imports another one, or a package. Files are named from src on: `sinks/amqp`. */
interface Import {
  readonly from: string;
  readonly to: string;
}

function roomOf(file: string): Room {
  const isIn = ({ files }: Room) =>
    files.some((one) => one.endsWith("/") ? file.startsWith(one) : file === one);
  return rooms.find(isIn) ?? rooms.find(({ name }) => name === "rule")!;
}

/** What is wrong with an import; undefined where it is fine. */
function wrong({ from, to }: Import): string | undefined {
  const room = roomOf(from);
  if (/^(npm|node|jsr|https?):/.test(to)) {
    if (room.packages.some((name) => to.startsWith(name))) return undefined;
    return `${from} is in the room "${room.name}" and must not import ${to}`;
  }
  const other = roomOf(to);
  if (room === other) {
    // sqlite and sqlite_file are two parts of one.
    if (!room.apart || from.split("_")[0] === to.split("_")[0]) return undefined;
    return `${from} must not import ${to}: the ${room.name} know nothing of each other`;
  }
  if (room.imports.includes(other.name)) return undefined;
  return `${from} is in the room "${room.name}" and must not import ${to} of the room "${other.name}"`;
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

const root = new URL("..", import.meta.url);

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

Deno.test("no file imports what its room must not", async () => {
  const imports = importsOf(await modules());
  for (const { name } of rooms) {
    assert.ok(imports.some(({ from }) => roomOf(from).name === name), `the room "${name}" is empty`);
  }
  assert.deepEqual(imports.map(wrong).filter((problem) => problem !== undefined), []);
});

Deno.test("the table of rooms names no file that is not there", async () => {
  const there = (await modules()).map(({ specifier }) => specifier);
  for (const file of rooms.flatMap(({ files }) => files)) {
    const path = new URL(`src/${file}`, root).href;
    assert.ok(there.some((one) => file.endsWith("/") ? one.startsWith(path) : one === `${path}.ts`), file);
  }
});

Deno.test("the AWS SDK is loaded only when it is used", async () => {
  const loaded = (await modules()).flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ code }) => /^npm:@(aws-sdk|smithy)\//.test(code?.specifier ?? ""));
  assert.equal(loaded.length, 2);
  assert.ok(loaded.every(({ isDynamic }) => isDynamic));
});

const edges: readonly (readonly [from: string, to: string, problem: string | undefined])[] = [
  ["detector", "duration", undefined],
  ["sinks/amqp", "clients/amqp", undefined],
  ["ledgers/sqlite", "ledgers/sqlite_file", undefined],
  ["sources/nomad_jobs", "sources/nomad_update", undefined],
  ["app", "sinks/amqp", undefined],
  ["log", "npm:@logtape/logtape@2.4.2", undefined],
  ["settings", "alert", 'settings is in the room "leaves" and must not import alert of the room "rule"'],
  ["detector", "sink", 'detector is in the room "rule" and must not import sink of the room "ports"'],
  ["unheard_of", "app", 'unheard_of is in the room "rule" and must not import app of the room "app"'],
  ["detector", "node:fs", 'detector is in the room "rule" and must not import node:fs'],
  [
    "source",
    "sources/amqp",
    'source is in the room "ports" and must not import sources/amqp of the room "sources"',
  ],
  [
    "pipeline",
    "sinks/amqp",
    'pipeline is in the room "way" and must not import sinks/amqp of the room "sinks"',
  ],
  [
    "clients/amqp",
    "sink",
    'clients/amqp is in the room "clients" and must not import sink of the room "ports"',
  ],
  [
    "sinks/amqp",
    "sinks/stdout",
    "sinks/amqp must not import sinks/stdout: the sinks know nothing of each other",
  ],
  [
    "sinks/amqp",
    "sources/amqp",
    'sinks/amqp is in the room "sinks" and must not import sources/amqp of the room "sources"',
  ],
  [
    "sinks/stdout",
    "npm:commander@15.1.0",
    'sinks/stdout is in the room "sinks" and must not import npm:commander@15.1.0',
  ],
  [
    "commands",
    "sinks/amqp",
    'commands is in the room "command" and must not import sinks/amqp of the room "sinks"',
  ],
  ["sinks/amqp", "app", 'sinks/amqp is in the room "sinks" and must not import app of the room "app"'],
];

Deno.test("the check of imports knows a good one from a bad one", () => {
  for (const [from, to, problem] of edges) assert.equal(wrong({ from, to }), problem);
});

Deno.test("the check of imports sees every import, of values, of types and of such as are made later", () => {
  const src = new URL("src/", root).href;
  const modules: Module[] = [
    {
      specifier: `${src}sinks/one.ts`,
      dependencies: [
        { code: { specifier: `${src}app.ts` } },
        { type: { specifier: `${src}sinks/two.ts` } },
        { code: { specifier: "npm:x@1" }, type: { specifier: "npm:x@1" }, isDynamic: true },
      ],
    },
    { specifier: "npm:y@1", dependencies: [{ code: { specifier: `${src}app.ts` } }] },
  ];
  assert.deepEqual(importsOf(modules), [
    { from: "sinks/one", to: "app" },
    { from: "sinks/one", to: "sinks/two" },
    { from: "sinks/one", to: "npm:x@1" },
  ]);
});
