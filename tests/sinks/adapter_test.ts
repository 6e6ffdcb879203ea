// The adapter of a sink: its settings under the names of several of one type, and which alerts each gets.
import assert from "node:assert/strict";
import { optional, text } from "../../src/lib/settings/parsers.ts";
import type { Input } from "../../src/lib/settings/setting.ts";
import { defineSink, findSink, loadSink, type SinkAdapter } from "../../src/sinks/adapter.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { sinkContext, TestSink } from "../helpers/sink.ts";
import { update } from "../helpers/updates.ts";

/** What the sink of a test was opened with. */
let opened: unknown;

const chat = defineSink({
  type: "chat",
  needsEnds: ({ mode }) => mode === "open",
  settings: {
    token: text({ env: "SINK_CHAT_TOKEN", help: "token of the chat", example: "xoxb", secret: true }),
    mode: optional(text({ env: "SINK_CHAT_MODE", help: "mode of the chat", example: "open" })),
    region: optional(text({ env: "CLOUD_REGION", help: "region of the SDK", example: "eu" })),
  },
  conflicts: ({ mode }, prefix) => mode === "none" ? [`${prefix}_MODE: none`] : [],
  open(values, _, prefix) {
    opened = { values, prefix };
    return new TestSink();
  },
});

/** Its settings lie under a prefix that is not its type, as those of nomad-firehose's eventbridge do. */
const bus = defineSink({
  type: "bus",
  prefix: "SINK_EVENT_BUS",
  settings: { name: text({ env: "SINK_EVENT_BUS_NAME", help: "name of the bus", example: "default" }) },
  open: () => new TestSink(),
});

function read(adapter: SinkAdapter, env: Input["env"], flags: Input["flags"] = {}) {
  const problems: string[] = [];
  const prepared = adapter.prepare({ flags, env, problems });
  assert.equal(prepared === undefined, problems.length > 0);
  return { problems, prepared };
}

Deno.test("a named sink has every setting and every flag under its name, but for those of an SDK", () => {
  const audit = chat.named("audit-2");
  assert.equal(audit.type, "chat:audit-2");
  assert.equal(audit.group.title, "Sink chat:audit-2");
  assert.deepEqual(Object.values(audit.group.settings).map(({ env }) => env), [
    "SINK_CHAT_AUDIT_2_TOKEN",
    "SINK_CHAT_AUDIT_2_MODE",
    "CLOUD_REGION",
    "SINK_CHAT_AUDIT_2_ONLY",
    "SINK_CHAT_AUDIT_2_EXCEPT",
  ]);
  const env = { SINK_CHAT_TOKEN: "first", SINK_CHAT_AUDIT_2_TOKEN: "second", CLOUD_REGION: "eu" };
  read(audit, env, { "--sink-chat-audit-2-mode": "x" }).prepared!.open(sinkContext());
  const values = { token: "second", mode: "x", region: "eu" };
  assert.deepEqual(opened, { values, prefix: "SINK_CHAT_AUDIT_2" });
  read(chat, env).prepared!.open(sinkContext());
  assert.deepEqual(opened, {
    values: { token: "first", mode: undefined, region: "eu" },
    prefix: "SINK_CHAT",
  });
});

Deno.test("the secrets of a named sink can stand in files", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "from the file\n");
    const { prepared } = read(chat.named("audit"), { SINK_CHAT_AUDIT_TOKEN_FILE: path });
    prepared!.open(sinkContext());
    assert.equal((opened as { values: { token: string } }).values.token, "from the file");
  } finally {
    await Deno.remove(path);
  }
  assert.deepEqual(read(chat.named("audit"), { SINK_CHAT_AUDIT_TOKEN_FILE: "/nowhere" }).problems, [
    'SINK_CHAT_AUDIT_TOKEN_FILE (--sink-chat-audit-token-file): cannot read "/nowhere": there is no such file; name ' +
    "a file that holds the value of SINK_CHAT_AUDIT_TOKEN",
  ]);
});

Deno.test("prepare() says what is wrong under the name of the sink", () => {
  const problems = (env: Input["env"], adapter = chat.named("audit")) => read(adapter, env).problems;
  const token = { SINK_CHAT_AUDIT_TOKEN: "x" };
  assert.deepEqual(problems({ SINK_CHAT_TOKEN: "of another" }), [
    "Missing SINK_CHAT_AUDIT_TOKEN (--sink-chat-audit-token): token of the chat, such as xoxb",
  ]);
  assert.deepEqual(problems({ ...token, SINK_CHAT_AUDIT_MODE: "none" }), ["SINK_CHAT_AUDIT_MODE: none"]);
  assert.deepEqual(problems({ ...token, SINK_CHAT_AUDIT_ONLY: "prod//web" }), [
    'SINK_CHAT_AUDIT_ONLY (--sink-chat-audit-only): found "prod//web", with an empty part; expected globs, separated ' +
    "by commas, such as prod/*,staging/web",
  ]);
  assert.deepEqual(problems({ ...token, SINK_CHAT_AUDIT_EXCEPT: "a/b/c/d/e" }), [
    'SINK_CHAT_AUDIT_EXCEPT (--sink-chat-audit-except): found "a/b/c/d/e", with more than four parts; expected globs, ' +
    "separated by commas, such as */ci-*",
  ]);
  // All at once.
  assert.equal(problems({ SINK_CHAT_AUDIT_ONLY: "/", SINK_CHAT_AUDIT_EXCEPT: "/" }).length, 3);
});

Deno.test("the filters of a sink are named by its type, whatever its other settings begin with", () => {
  const names = (adapter: SinkAdapter) => Object.values(adapter.group.settings).map(({ env }) => env);
  assert.deepEqual(names(bus), ["SINK_EVENT_BUS_NAME", "SINK_BUS_ONLY", "SINK_BUS_EXCEPT"]);
  assert.deepEqual(names(bus.named("b")), ["SINK_EVENT_BUS_B_NAME", "SINK_BUS_B_ONLY", "SINK_BUS_B_EXCEPT"]);
});

Deno.test("accepts() lets pass what ONLY names, and of that what EXCEPT does not", () => {
  const alert = alertAbout("job.group[0]", { lastEvent: update() });
  const accepts = (only: string, except: string) =>
    read(chat, { SINK_CHAT_TOKEN: "x", SINK_CHAT_ONLY: only, SINK_CHAT_EXCEPT: except }).prepared!
      .accepts(alert);
  for (
    const [only, except, expected] of [
      ["", "", true],
      ["default", "", true],
      ["prod,default/j*", "", true],
      ["prod", "", false],
      ["", "prod", true],
      ["", "default/job/group/task", false],
      ["default", "*/job", false],
      ["default", "*/other", true],
      ["prod", "*/job", false],
    ] as const
  ) assert.equal(accepts(only, except), expected, `${only} ${except}`);
});

Deno.test("needsEnds is what the settings decide", () => {
  const needs = (mode: string) =>
    read(chat, { SINK_CHAT_TOKEN: "x", SINK_CHAT_MODE: mode }).prepared!.needsEnds;
  assert.deepEqual(["open", "x", ""].map(needs), [true, false, false]);
  assert.equal(read(bus, { SINK_EVENT_BUS_NAME: "x" }).prepared!.needsEnds, false);
});

Deno.test("findSink() takes a type or an alias, with or without a name; loadSink() loads it", async () => {
  const types = [
    { type: "chat", aliases: ["talk"], load: () => Promise.resolve(chat) },
    { type: "bus", aliases: [], load: () => Promise.resolve(bus) },
  ];
  for (
    const [word, expected] of [
      ["chat", "chat"],
      ["talk", "chat"],
      ["chat:audit", "chat:audit"],
      ["talk:audit", "chat:audit"],
      ["bus:b-2", "bus:b-2"],
      ["chat:", undefined],
      ["chat:2", undefined],
      ["chat:a_b", undefined],
      ["chat:a:b", undefined],
      ["", undefined],
      ["mail", undefined],
    ] as const
  ) {
    const found = findSink(types, word);
    assert.equal(found, expected, word);
    if (found !== undefined) assert.equal((await loadSink(types, found)).type, expected, word);
  }
});
