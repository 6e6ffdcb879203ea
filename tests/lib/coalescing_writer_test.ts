// The writer of the log: one write a turn, all of it, in order; what is dropped, counted and said where nobody reads.
import assert from "node:assert/strict";
import { CoalescingWriter } from "../../src/lib/coalescing_writer.ts";
import { Program, run } from "../helpers/program.ts";
import { waitFor } from "../helpers/wait_for.ts";

function open(most = Infinity): { writer: CoalescingWriter; writes: string[] } {
  const writes: string[] = [];
  const writer = new CoalescingWriter((bytes) => {
    const taken = bytes.subarray(0, most);
    writes.push(new TextDecoder().decode(taken));
    return Promise.resolve(taken.length);
  });
  return { writer, writes };
}

/** A reader that reads only on request. */
class Reader {
  text = "";
  #pending: { readonly bytes: Uint8Array; readonly read: PromiseWithResolvers<number> } | undefined;

  readonly write = (bytes: Uint8Array): Promise<number> => {
    assert.equal(this.#pending, undefined, "one write at a time");
    const read = Promise.withResolvers<number>();
    this.#pending = { bytes, read };
    return read.promise;
  };

  /** What is being written. */
  get pending(): string | undefined {
    return this.#pending && new TextDecoder().decode(this.#pending.bytes);
  }

  async read(): Promise<void> {
    this.text += await waitFor("a write", () => this.pending, { everyMs: 0 });
    const { bytes, read } = this.#pending!;
    this.#pending = undefined;
    read.resolve(bytes.length);
  }

  fail(): void {
    this.#pending!.read.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
    this.#pending = undefined;
  }
}

Deno.test("write() writes what comes in one turn together, at its end", async () => {
  const { writer, writes } = open();
  writer.write("a\n");
  writer.write("b\n");
  assert.deepEqual(writes, []);
  await writer.end(1_000);
  assert.deepEqual(writes, ["a\nb\n"]);
  writer.write("c\n");
  await writer.end(1_000);
  assert.deepEqual(writes, ["a\nb\n", "c\n"]);
});

Deno.test("write() continues after a partial write", async () => {
  const { writer, writes } = open(3);
  writer.write("abcdefg\n");
  await writer.end(1_000);
  assert.deepEqual(writes, ["abc", "def", "g\n"]);
});

Deno.test("write() drops and counts what comes while too much is pending, and says so in its place", async () => {
  const reader = new Reader();
  const writer = new CoalescingWriter(reader.write, 8);
  writer.onDropped((count) => writer.write(`-${count}\n`));
  writer.write("one\n");
  await waitFor("the first write", () => reader.pending, { everyMs: 0 });
  for (const text of ["two\n", "six\n", "ten\n", "x\n"]) writer.write(text);
  assert.equal(writer.dropped, 2);
  await reader.read();
  await waitFor("the next write", () => reader.pending === "two\nsix\n", { everyMs: 0 });
  writer.write("end\n");
  for (let reads = 0; reads < 2; reads++) await reader.read();
  await writer.end(1_000);
  assert.equal(reader.text, "one\ntwo\nsix\n-2\nend\n");
});

Deno.test("write() counts what a reader that is gone did not get, and writes later texts", async () => {
  const reader = new Reader();
  const writer = new CoalescingWriter(reader.write);
  const notified: number[] = [];
  writer.onDropped((count) => notified.push(count));
  writer.write("a\n");
  writer.write("b\n");
  await waitFor("the write", () => reader.pending, { everyMs: 0 });
  reader.fail();
  await writer.end(1_000);
  assert.deepEqual([writer.dropped, notified], [2, []]);
  writer.write("c\n");
  await reader.read();
  await writer.end(1_000);
  assert.deepEqual([reader.text, notified], ["c\n", [2]]);
});

Deno.test("end() waits no longer than its limit", async () => {
  const reader = new Reader();
  const writer = new CoalescingWriter(reader.write);
  writer.write("a\n");
  await writer.end(1);
  assert.equal(reader.pending, "a\n");
  reader.fail();
  await writer.end(1_000);
});

Deno.test("the program writes its last words though it ends in the turn in which it says them", async () => {
  const { code, stderr } = await run({ args: ["--restart-count", "0"] });
  assert.equal(code, 1);
  assert.match(stderr, /RESTART_COUNT .*found "0"/);
});

Deno.test("an error that nobody caught is written, and ends the program with 1", async () => {
  for (
    const thrown of [
      "setTimeout(() => { throw new Error('a bug'); });",
      "Promise.reject(new Error('a bug'));",
    ]
  ) {
    const folder = await Deno.makeTempDir();
    const main = `${folder}/main.ts`;
    const program = new URL("../../src/main.ts", import.meta.url);
    for (const name of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(new URL(`../../${name}`, import.meta.url), `${folder}/${name}`);
    }
    await Deno.writeTextFile(main, `setInterval(() => { ${thrown} }, 100);\nawait import("${program}");\n`);
    try {
      await using crashing = new Program({ main, args: ["--listen", "127.0.0.1:0", "/dev/null"] });
      const { code, stderr } = await crashing.ended;
      assert.equal(code, 1);
      assert.match(stderr, /error: Uncaught Error: a bug\n {4}at .*main\.ts:1:/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});
