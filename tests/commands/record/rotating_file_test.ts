// The files of a recording: their names, their order and number, and that what is written can be read, whatever
// happens next.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { RecordFile } from "../../../src/commands/record/rotating_file.ts";
import { temporaryFolder } from "../../helpers/ran.ts";
import { smallDisk } from "../../helpers/tmpfs.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const listed = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

/** What stands in a file. */
function textOf(path: string): string {
  const found = Deno.readFileSync(path);
  return new TextDecoder().decode(path.endsWith(".gz") ? gunzipSync(found) : found);
}

const big = 1_000_000;
const line = (number: number) => `{"number":${number}}`;

for (const name of ["a.ndjson", "a.ndjson.gz", "a", ".hidden.gz"]) {
  Deno.test(`write() writes lines: ${name}`, async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/${name}`;
    {
      await using file = await RecordFile.open({ path, rotateAt: big, keep: 1 });
      for (let number = 0; number < 1000; number++) await file.write(bytes(line(number)));
      assert.equal(file.files, 1);
    }
    assert.equal(textOf(path), Array.from({ length: 1000 }, (_, number) => line(number) + "\n").join(""));
    assert.deepEqual(listed(folder.path), [name]);
  });

  Deno.test(`a large enough file rotates, to a name in the order of time: ${name}`, async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/${name}`;
    let files;
    {
      await using file = await RecordFile.open({ path, rotateAt: 300, keep: 1000 });
      for (let number = 0; number < 500; number++) {
        await file.write(bytes(`"${crypto.randomUUID()} ${number}"`));
      }
      await file.flush();
      files = file.files;
    }
    const names = listed(folder.path).filter((one) => one !== name);
    assert.equal(names.length, files - 1);
    assert.ok(files > 20, String(files));
    const [before, after] = {
      "a.ndjson": ["a", "ndjson"],
      "a.ndjson.gz": ["a", "ndjson.gz"],
      a: ["a", ""],
      ".hidden.gz": [".hidden", "gz"],
    }[name]!;
    const pattern = new RegExp(
      `^${before!.replace(".", "\\.")}-\\d{8}T\\d{6}\\.\\d{3}Z${after && `\\.${after}`}$`,
    );
    for (const one of names) assert.match(one, pattern);
    const numbers = [...names, name].flatMap((
      one,
    ) => [...textOf(`${folder.path}/${one}`).matchAll(/ (\d+)"\n/g)]);
    assert.deepEqual(
      numbers.map(([, number]) => Number(number)),
      Array.from({ length: 500 }, (_, number) => number),
    );
  });
}

Deno.test("so many files are kept; the oldest is deleted, and no other file", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/a.ndjson`;
  const others = [
    "a-20200101T000000.000Z.ndjson.gz",
    "a-b.ndjson",
    "b-20200101T000000.000Z.ndjson",
    "a-1.ndjson",
  ];
  for (const other of others) Deno.writeTextFileSync(`${folder.path}/${other}`, "x");
  Deno.writeTextFileSync(`${folder.path}/a-20200101T000000.000Z.ndjson`, "old");
  {
    await using file = await RecordFile.open({ path, rotateAt: 10, keep: 3 });
    for (let number = 0; number < 20; number++) await file.write(bytes(line(number)));
  }
  const kept = listed(folder.path).filter((name) => !others.includes(name) && name !== "a.ndjson");
  assert.equal(listed(folder.path).length, others.length + 1 + 3);
  assert.deepEqual(
    kept.map((name) => textOf(`${folder.path}/${name}`)),
    [17, 18, 19].map((n) => `${line(n)}\n`),
  );
});

Deno.test("open() sets aside what a recording before left under the name, by the time of its end", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/a.ndjson`;
  Deno.writeTextFileSync(path, "of yesterday");
  Deno.utimeSync(path, 0, new Date("2026-11-23T12:34:56.789Z"));
  await (await RecordFile.open({ path, rotateAt: big, keep: 5 }))[Symbol.asyncDispose]();
  assert.deepEqual(listed(folder.path), ["a-20261123T123456.789Z.ndjson", "a.ndjson"]);
  assert.equal(textOf(`${folder.path}/a-20261123T123456.789Z.ndjson`), "of yesterday");
  // An empty one is none.
  await (await RecordFile.open({ path, rotateAt: big, keep: 5 }))[Symbol.asyncDispose]();
  assert.equal(listed(folder.path).length, 2);
});

Deno.test("what was flushed can be read although the file is not closed", async () => {
  using folder = temporaryFolder();
  for (const name of ["a.ndjson", "a.ndjson.gz"]) {
    const path = `${folder.path}/${name}`;
    await using file = await RecordFile.open({ path, rotateAt: big, keep: 1 });
    for (let round = 0; round < 3; round++) {
      await file.write(bytes(line(round)));
      await file.flush();
      const found = Deno.readFileSync(path);
      // 2 is Z_SYNC_FLUSH: the end need not be there.
      const text = name.endsWith(".gz")
        ? gunzipSync(found, { finishFlush: 2 }).toString()
        : new TextDecoder().decode(found);
      assert.equal(text, Array.from({ length: round + 1 }, (_, number) => `${line(number)}\n`).join(""));
    }
  }
});

Deno.test("open() says why a file cannot be written", async () => {
  using folder = temporaryFolder();
  const cases = [
    [`${folder.path}/nosuch/a`, "its directory does not exist"],
    [folder.path, "it is a directory"],
    ["/dev/null", "it is no file"],
  ] as const;
  for (const [path, reason] of cases) {
    await assert.rejects(RecordFile.open({ path, rotateAt: big, keep: 1 }), {
      name: "Fault",
      message: `cannot write "${path}": ${reason}; what was recorded before is kept`,
    });
  }
});

Deno.test("a disk that is full ends it, and what is written ends with a line", async () => {
  await using disk = await smallDisk(1 << 20);
  const path = `${disk.path}/a.ndjson`;
  const message =
    `cannot write "${path}": No space left on device (os error 28); what was recorded before is kept`;
  const file = await RecordFile.open({ path, rotateAt: 100 * big, keep: 1 });
  const over = assert.rejects(file.failed, { message });
  await assert.rejects(
    async () => {
      for (let number = 0; number < 200; number++) await file.write(bytes(`"${"x".repeat(20_000)}"`));
    },
    { name: "Fault", message },
  );
  await over;
  await assert.rejects(file.write(bytes("x".repeat(300_000))), { message });
  await assert.rejects(file[Symbol.asyncDispose](), { message });
  const text = textOf(path);
  assert.ok(text.length > 500_000);
  assert.match(text.slice(-30), /^x+"\n$/);
});

Deno.test("the files of a recording are made for their owner alone, whatever the umask is", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/a.ndjson`;
  const before = Deno.umask(0);
  try {
    await using file = await RecordFile.open({ path, rotateAt: 300, keep: 1000 });
    for (let number = 0; number < 100; number++) await file.write(bytes(line(number)));
    assert.ok(file.files > 2);
  } finally {
    Deno.umask(before);
  }
  for (const name of listed(folder.path)) {
    assert.equal((Deno.statSync(`${folder.path}/${name}`).mode! & 0o777).toString(8), "600", name);
  }
});
