// What `detect` closes, and when.
import assert from "node:assert/strict";
import { detect } from "../../src/commands/detect.ts";
import { loadSinks } from "../../src/commands/adapters.ts";
import { plan } from "../../src/commands/plan.ts";
import type { Source } from "../../src/sources/source.ts";
import { temporaryFolder } from "../helpers/ran.ts";

Deno.test("detect() closes the source when the state cannot be opened", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/missing/state.db`;
  const env = { SOURCE_TYPE: "stdin", STATE: `sqlite:${file}` };
  const problems: string[] = [];
  const sinks = await loadSinks([], undefined);
  const made = plan({ flags: {}, env, problems }, [], sinks);
  assert.deepEqual(problems, []);
  let closed = 0;
  let stderr = "";
  const stop = new AbortController().signal;
  const context = {
    args: [],
    env,
    sinks,
    stop,
    files: [],
    stdin: new Blob([]).stream(),
    stdout: { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) },
    stdoutIsTerminal: false,
    stderr: { write: (line: string) => void (stderr += line) },
  };
  const source = { mode: "batch", [Symbol.asyncDispose]: () => Promise.resolve(void closed++) };
  const code = await detect({ ...made!, openSource: () => source as unknown as Source }, context, stop);
  assert.equal(code, 1);
  assert.ok(stderr.includes(file), stderr);
  assert.equal(closed, 1);
});
