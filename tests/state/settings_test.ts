// The setting STATE, and which store it opens.
import assert from "node:assert/strict";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { readSettings } from "../../src/lib/settings/setting.ts";
import { openStore, state } from "../../src/state/settings.ts";
import { stateFolder } from "../helpers/state_files.ts";

/** What is read from this text, or why it is refused. */
function read(text: string | undefined) {
  const problems: string[] = [];
  const values = readSettings({ state }, { flags: {}, env: { STATE: text }, problems });
  return values?.state ?? problems.join("\n");
}

const accepted: readonly (readonly [text: string | undefined, file: string | undefined])[] = [
  [undefined, undefined],
  ["", undefined],
  ["memory", undefined],
  ["Memory", undefined],
  ["sqlite:state.db", "state.db"],
  ["SQLite:state.db", "state.db"],
  ["sqlite:/var/lib/State/x.db", "/var/lib/State/x.db"],
  ["sqlite:///var/lib/x.db", "///var/lib/x.db"],
  ["sqlite:C:\\state\\x.db", "C:\\state\\x.db"],
  ["sqlite:with space?and=question#mark.db", "with space?and=question#mark.db"],
  ["sqlite::memory:", ":memory:"],
  ["sqlite:memory", "memory"],
];

Deno.test("STATE takes memory, which is the default, or sqlite: and a path", () => {
  for (const [text, file] of accepted) assert.deepEqual(read(text), { file }, text);
});

Deno.test("STATE refuses all else, and says what it takes", () => {
  for (
    const text of ["sqlite", "sqlite:", "file:x.db", "/var/lib/x.db", "x.db", " memory", "memory:", "redis:x"]
  ) {
    assert.equal(
      read(text),
      `STATE (--state): found "${text}"; expected memory or sqlite:PATH, ` +
        "such as sqlite:/var/lib/nomad-crashloop-detector/state.db",
    );
  }
});

Deno.test("openStore() opens the store of the setting", async () => {
  using folder = stateFolder();
  const context = { sinks: [], newerReplaces: true };
  await using memory = await openStore({ file: undefined }, context);
  assert.ok(memory instanceof MemoryStore);
  await using file = await openStore({ file: folder.file }, context);
  assert.ok(file instanceof SqliteStore);
  assert.equal(Deno.statSync(folder.file).isFile, true);
});

Deno.test("openStore() takes what follows sqlite: for a path, not for one of SQLite's own names", async () => {
  using folder = stateFolder();
  const before = Deno.cwd();
  Deno.chdir(folder.path);
  try {
    for (const name of [":memory:", "file:other.db?mode=memory", "a?b#c%20d.db", "plain.db"]) {
      await using _ledger = await openStore({ file: name }, { sinks: [], newerReplaces: true });
      assert.equal(Deno.statSync(name).isFile, true, name);
    }
  } finally {
    Deno.chdir(before);
  }
});
