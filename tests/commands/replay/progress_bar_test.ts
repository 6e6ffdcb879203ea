// The progress bar: when it is drawn, what it says, and that nothing is left of it.
import assert from "node:assert/strict";
import { Progress } from "../../../src/commands/replay/progress_bar.ts";

const mega = 1_000_000;

/** A canvas whose clock a test sets. */
function canvas() {
  const drawn: string[] = [];
  const clock = { now: 0 };
  const write = (text: string) => void drawn.push(text);
  const flush = () => Promise.resolve(write("flushed"));
  return { drawn, clock, write, flush, now: () => clock.now };
}

Deno.test("add() draws share, sizes and speed over what was drawn, ten times a second", () => {
  const terminal = canvas();
  using progress = new Progress(100 * mega, terminal);
  for (const [at, bytes] of [[0, 10], [50, 10], [100, 20], [199, 5], [400, 55]] as const) {
    terminal.clock.now = at;
    progress.add(bytes * mega);
  }
  assert.deepEqual(terminal.drawn, [
    "\r██░░░░░░░░░░░░░░░░░░░░░░  10 %  10 MB of 100 MB\x1b[K",
    "\r█████████░░░░░░░░░░░░░░░  40 %  40 MB of 100 MB  400 MB/s\x1b[K",
    "\r████████████████████████  100 %  100 MB of 100 MB  250 MB/s\x1b[K",
  ]);
});

Deno.test("the bar is erased at the end and before other words, and drawn again after them", () => {
  const terminal = canvas();
  {
    using progress = new Progress(10 * mega, terminal);
    progress.add(mega);
    progress.erase();
    progress.erase();
    progress.add(mega);
  }
  assert.equal(terminal.drawn.length, 4);
  assert.deepEqual([terminal.drawn[1], terminal.drawn[3]], ["\r\x1b[K", "\r\x1b[K"]);
});

Deno.test("end() erases the bar and resolves when that is on the terminal", async () => {
  const terminal = canvas();
  using progress = new Progress(10 * mega, terminal);
  progress.add(mega);
  await progress.end();
  assert.deepEqual(terminal.drawn.slice(1), ["\r\x1b[K", "flushed"]);
});

Deno.test("nothing is drawn of short inputs, of such as have no known end, and where there is no terminal", () => {
  for (const total of [7.9 * mega, undefined]) {
    const terminal = canvas();
    {
      using progress = new Progress(total, terminal);
      progress.add(5 * mega);
    }
    assert.deepEqual(terminal.drawn, []);
  }
  using progress = new Progress(100 * mega, undefined);
  progress.add(mega);
});

Deno.test("a file that grows while it is read is not read beyond 100 %", () => {
  const terminal = canvas();
  using progress = new Progress(10 * mega, terminal);
  progress.add(15 * mega);
  assert.match(terminal.drawn[0]!, /█{24} {2}100 % {2}15 MB of 10 MB/);
});
