// The sink `stdout`: one whole line an alert, whatever writing does, and a quiet end when nobody reads any more.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { alertJson } from "../../src/detection/alert/json.ts";
import { alertText } from "../../src/detection/alert/text.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { stdout } from "../../src/sinks/stdout.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { run } from "../helpers/program.ts";
import { restarts } from "../helpers/updates.ts";
import { sinkContext } from "../helpers/sink.ts";

/** The sink, and what it has written. `write` says how many bytes are taken, or throws. */
function open(
  write: (bytes: Uint8Array) => number = (bytes) => bytes.length,
  readable = false,
  colored = false,
): { sink: Sink; written: () => string } {
  let written = "";
  const decoder = new TextDecoder();
  const take = (bytes: Uint8Array) => {
    const count = write(bytes);
    written += decoder.decode(bytes.subarray(0, count), { stream: true });
    return count;
  };
  const sink = stdout.prepare({ flags: {}, env: {}, problems: [] })!.open(sinkContext({
    stdout: { write: async (bytes) => await take(bytes) },
    readable,
    colored,
  }));
  return { sink, written: () => written };
}

Deno.test("send() writes the alert's JSON and a line feed; for a terminal its text", async () => {
  const alert = alertAbout("a.b[0]");
  const json = open();
  await json.sink.send(alert);
  assert.equal(json.written(), `${alertJson(alert)}\n`);
  const text = open(undefined, true);
  await text.sink.send(alert);
  assert.equal(text.written(), `${alertText(alert)}\n`);
  const inColor = open(undefined, true, true);
  await inColor.sink.send(alert);
  assert.equal(inColor.written(), `${alertText(alert, true)}\n`);
  // Colours are for people alone.
  const jsonOnly = open(undefined, false, true);
  await jsonOnly.sink.send(alert);
  assert.equal(jsonOnly.written(), `${alertJson(alert)}\n`);
});

Deno.test("send() writes all of an alert where a write takes only a part", async () => {
  const alerts = [alertAbout("\u00e9.\u4e2d[0]"), alertAbout("\u{1f600}[0]")];
  for (const most of [1, 7, 100]) {
    const { sink, written } = open((bytes) => Math.min(most, bytes.length));
    for (const alert of alerts) await sink.send(alert);
    assert.equal(written(), alerts.map((alert) => `${alertJson(alert)}\n`).join(""));
  }
});

Deno.test("send() ends a line that a fault interrupted, and writes no alert twice", async () => {
  const [first, second] = [alertAbout("a[0]"), alertAbout("b[0]")];
  const expected = `${alertJson(first)}\n${alertJson(second)}\n`;
  // The same alert is sent again, as after most faults, or another one, which took its place meanwhile.
  for (const again of [[first, second], [second]]) {
    let writes = 0;
    const { sink, written } = open((bytes) => {
      if (++writes === 2 || writes === 3) throw new Error("No space left on device (os error 28)");
      return writes === 1 ? 10 : bytes.length;
    });
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(sink.send(attempt === 0 ? first : again[0]!), {
        name: "Fault",
        message: "No space left on device (os error 28)",
        recovery: "transient",
      });
    }
    for (const alert of again) await sink.send(alert);
    assert.equal(written(), expected);
  }
});

Deno.test("send() writes together what is sent while a write goes on; of those a fault cuts, whole lines are sent", async () => {
  const alerts = Array.from({ length: 5 }, (_, index) => alertAbout(`a[${index}]`));
  const lines = alerts.map((alert) => `${alertJson(alert)}\n`);
  const sizes: number[] = [];
  const { sink, written } = open((bytes) => {
    sizes.push(bytes.length);
    if (sizes.length === 3) throw new Error("No space left on device (os error 28)");
    return sizes.length === 2 ? lines[1]!.length + 7 : bytes.length;
  });
  const sent = await Promise.allSettled(alerts.map((alert) => sink.send(alert)));
  assert.deepEqual(sent.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
    "rejected",
  ]);
  const whole = (from: number) => lines.slice(from).join("").length;
  assert.deepEqual(sizes, [lines[0]!.length, whole(1), whole(2) - 7]);
  for (const alert of alerts.slice(2)) await sink.send(alert);
  assert.equal(written(), lines.join(""));
});

Deno.test("send() says that the reader went away, which is the end", async () => {
  const { sink } = open(() => {
    throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  });
  await assert.rejects(sink.send(alertAbout()), {
    name: "Fault",
    message: "the reader of stdout went away",
    recovery: "closed",
  });
});

Deno.test("check() writes nothing", async () => {
  const { sink, written } = open();
  assert.equal(await sink.check(), "writes one alert a line to stdout");
  assert.equal(written(), "");
});

/** Updates that give so many alerts that no pipe holds them. */
const manyLoops = Array.from({ length: 3000 }, (_, index) => restarts(2, { name: `j.g[${index}]` })).flat();

Deno.test("the program ends quietly with 0 where the reader of its alerts goes away: | head -1", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/updates.ndjson.gz`;
    await Deno.writeFile(file, gzipSync(manyLoops.join("\n")));
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const command =
      '"$0" run --quiet -A --no-check "$1" --restart-count 2 --log-level warning "$2" | head -1; ' +
      'exit "${PIPESTATUS[0]}"';
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", command, Deno.execPath(), main, file],
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.equal(lines.length, 1);
    assert.equal(JSON.parse(lines[0]!).LastEvent.Name, "j.g[0]");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the program writes every one of many alerts where its reader stays", async () => {
  const args = ["--source-type", "stdin", "--restart-count", "2", "--log-level", "warning"];
  const { code, stdout, stderr } = await run({ args, stdin: manyLoops.join("\n") });
  assert.deepEqual([code, stderr], [0, ""]);
  const names = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).LastEvent.Name);
  assert.deepEqual(names, Array.from({ length: 3000 }, (_, index) => `j.g[${index}]`));
});
