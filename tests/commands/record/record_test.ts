// The command `record`: a message a line, in a shape that `replay` reads, and what it says about itself.
import assert from "node:assert/strict";
import { lineOf } from "../../../src/commands/record/record.ts";
import { ran, temporaryFolder } from "../../helpers/ran.ts";
import { restarts } from "../../helpers/updates.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const loop = restarts(5);

Deno.test("lineOf() leaves a message as it is, and puts one with line breaks on one line", () => {
  const cases = [
    [
      '{"a":1.10,"b":9007199254740993, "a":"\\n\u2028é"}',
      '{"a":1.10,"b":9007199254740993, "a":"\\n\u2028é"}',
    ],
    ['{\r\n  "a": [\n    1,\n    "x  y"\n  ]\n}\n', '{"a": [1,"x  y"]}'],
    ["[]\n", "[]"],
  ] as const;
  for (const [message, line] of cases) assert.equal(new TextDecoder().decode(lineOf(bytes(message))), line);
});

Deno.test("lineOf() says why a message is none", () => {
  const cases = [
    [bytes(""), "empty"],
    [bytes("{"), "not JSON"],
    [bytes("{}\n{}"), "not JSON"],
    [bytes('{"a":"\n"}'), "not JSON"],
    [new Uint8Array([34, 0xff, 34]), "not UTF-8"],
  ] as const;
  for (const [message, reason] of cases) assert.throws(() => lineOf(message), { message: reason });
});

Deno.test("record writes what comes on standard input, sets aside what is no JSON, and says so at the end", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/a.ndjson`;
  const stdin = [...loop.slice(0, 3), "broken", "{}", "", ...loop.slice(3)].join("\n");
  const { code, stdout, stderr } = await ran(["record", "--to", path, "--source-type", "stdin"], { stdin });
  assert.deepEqual([code, stdout], [0, ""]);
  const written = [...loop.slice(0, 3), "{}", ...loop.slice(3)].map((line) => `${line}\n`).join("");
  assert.equal(Deno.readTextFileSync(path), written);
  const size = Number((written.length / 1000).toPrecision(3));
  assert.equal(
    stderr,
    `warning Rejected line 4: not JSON: broken\n` +
      `info Recorded 6 messages, ${size} kB; files written: 1; rejected: 1\n`,
  );
});

Deno.test("record takes its settings from variables too, and rotates", async () => {
  using folder = temporaryFolder();
  const env = {
    RECORD_TO: `${folder.path}/a.ndjson`,
    RECORD_ROTATE_AT: "700B",
    RECORD_KEEP: "2",
    SOURCE_TYPE: "stdin",
  };
  const { code, stderr } = await ran(["record"], { env, stdin: loop.join("\n") });
  assert.equal(code, 0);
  assert.match(stderr, /^info Recorded 5 messages, [\d.]+ kB; files written: 6; rejected: 0\n$/);
  assert.equal([...Deno.readDirSync(folder.path)].length, 3);
});

Deno.test("record and replay: what was recorded is replayed as what it was recorded from", async () => {
  using folder = temporaryFolder();
  const fixture = new URL("../../fixtures/firehose.ndjson.gz", import.meta.url).pathname;
  const args = ["record", "--to", `${folder.path}/a.ndjson.gz`, "--rotate-at", "10kB", "--keep", "100"];
  assert.equal((await ran([...args, fixture])).code, 0);
  const files = [...Deno.readDirSync(folder.path)].map(({ name }) => `${folder.path}/${name}`).sort();
  assert.ok(files.length > 4);
  const [recorded, original] = [await ran(["replay", ...files]), await ran(["replay", fixture])];
  assert.deepEqual(recorded, original);
});

Deno.test("record says what is wrong with its settings", async () => {
  assert.deepEqual(await ran(["record", "--rotate-at", "100", "--keep", "0", "--source-type", "stdin"]), {
    code: 1,
    stdout: "",
    stderr:
      "Missing RECORD_TO (--to): file to write; compressed if its name ends in .gz, such as updates.ndjson.gz\n" +
      'RECORD_ROTATE_AT (--rotate-at): found "100", missing unit in size; expected a size of at least a byte, such as 1GB\n' +
      'RECORD_KEEP (--keep): found "0"; expected a whole number from 1 to 100000, such as 24\n',
  });
  const zero = await ran(["record", "--to", "a", "--rotate-at", "0MB", "--source-type", "stdin"]);
  assert.equal(
    zero.stderr,
    'RECORD_ROTATE_AT (--rotate-at): found "0MB", which is 0 B; expected a size of at least a byte, such as 1GB\n',
  );
  assert.match((await ran(["record", "--to", "a"])).stderr, /^No source\. Choose where updates come from/);
  // A queue is not needed.
  assert.match(
    (await ran(["record", "--to", "a", "--source-type", "amqp"])).stderr,
    /^Missing AMQP_CONNECTION \(--amqp-connection\): [^\n]*\n$/,
  );
});

Deno.test("record does not write into the file that it reads, whatever its name there", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/a.ndjson`;
  Deno.writeTextFileSync(path, '{"a":1}\n');
  Deno.symlinkSync(path, `${folder.path}/b.ndjson`);
  for (
    const name of [
      path,
      `${folder.path}/../${folder.path.split("/").at(-1)}/a.ndjson`,
      `${folder.path}/b.ndjson`,
    ]
  ) {
    assert.deepEqual(await ran(["record", "--to", path, name]), {
      code: 1,
      stdout: "",
      stderr: `error cannot record "${name}" into itself; name another file with RECORD_TO (--to)\n`,
    });
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), [
    "a.ndjson",
    "b.ndjson",
  ]);
  assert.equal(Deno.readTextFileSync(path), '{"a":1}\n');
});

Deno.test("record says that it cannot write, and that a file to read is missing", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/nosuch/a`;
  assert.deepEqual(await ran(["record", "--to", path, "--source-type", "stdin"]), {
    code: 1,
    stdout: "",
    stderr: `error cannot write "${path}": its directory does not exist; what was recorded before is kept\n`,
  });
  assert.deepEqual(await ran(["record", "--to", `${folder.path}/a`, "nosuch.ndjson"]), {
    code: 1,
    stdout: "",
    stderr: 'error cannot read "nosuch.ndjson": there is no such file; name files of updates, one a line\n' +
      "info Recorded 0 messages, 0 B; files written: 1; rejected: 0\n",
  });
});
