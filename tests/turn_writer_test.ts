// The writer of the log: one write a turn, all of it, and what waits when the process ends.
import assert from "node:assert/strict";
import { TurnWriter } from "../src/turn_writer.ts";
import { run } from "./helpers/program.ts";

function open(most = Infinity): { writer: TurnWriter; writes: string[] } {
  const writes: string[] = [];
  const writer = new TurnWriter((bytes) => {
    const taken = bytes.subarray(0, most);
    writes.push(new TextDecoder().decode(taken));
    return taken.length;
  });
  return { writer, writes };
}

Deno.test("write() writes what comes in one turn together, at its end", async () => {
  const { writer, writes } = open();
  writer.write("a\n");
  writer.write("b\n");
  assert.deepEqual(writes, []);
  await Promise.resolve();
  assert.deepEqual(writes, ["a\nb\n"]);
  writer.write("c\n");
  await Promise.resolve();
  assert.deepEqual(writes, ["a\nb\n", "c\n"]);
});

Deno.test("flush() writes at once what waits, and it is not written again", async () => {
  const { writer, writes } = open(3);
  writer.write("abcdefg\n");
  writer.flush();
  assert.deepEqual(writes, ["abc", "def", "g\n"]);
  await Promise.resolve();
  assert.equal(writes.length, 3);
});

Deno.test("flush() drops what cannot be written, and goes on with what comes later", () => {
  const writes: string[] = [];
  let broken = true;
  const writer = new TurnWriter((bytes) => {
    if (broken) throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    writes.push(new TextDecoder().decode(bytes));
    return bytes.length;
  });
  writer.write("a\n");
  writer.flush();
  broken = false;
  writer.write("b\n");
  writer.flush();
  assert.deepEqual(writes, ["b\n"]);
});

Deno.test("the program writes its last words though it ends in the turn in which it says them", async () => {
  const { code, stderr } = await run({ args: ["--restart-count", "0"] });
  assert.equal(code, 1);
  assert.match(stderr, /RESTART_COUNT .*found "0"/);
});
