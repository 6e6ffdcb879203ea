// The command `replay`: what it prints, for people and for programs, and what it makes of its settings.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { CoalescingWriter } from "../../../src/lib/coalescing_writer.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { ran, temporaryFolder } from "../../helpers/ran.ts";
import { restarts, update } from "../../helpers/updates.ts";

const second = 1_000_000_000n;
const start = 1_795_491_775n * second;
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
const at = (seconds: number) => formatTime(start + BigInt(seconds) * second);

/** Restarts of a name at these seconds. */
const restartsAt = (name: string, ...seconds: number[]) =>
  seconds.map((seconds) => [seconds, update({ name, time: start + BigInt(seconds) * second })] as const);

const small = text(
  [
    ...restartsAt("a.g[0]", 0, 1, 2, 3, 4, 5, 240),
    ...restartsAt("b.g[0]", 100, 101, 102, 103, 104, 420),
    ...restartsAt("c.g[0]", 7, 9),
  ].sort(([a], [b]) => a - b).map(([, line]) => line),
);

Deno.test("replay prints a row for each notified allocation, the earliest first, and the totals", async () => {
  const { code, stdout, stderr } = await ran(["replay"], { stdin: small });
  assert.deepEqual([code, stderr], [0, ""]);
  const row = (name: string, first: number, last: number, rest: string) =>
    `${name.padEnd(10)}  ${at(first)}  ${at(last)}  ${rest}\n`;
  assert.equal(
    stdout,
    `allocation  ${"first alert".padEnd(at(0).length)}  ${
      "last alert".padEnd(at(0).length)
    }  alerts  restarts  ` +
      "restarts over time\n" +
      row("a.g[0]", 4, 4, "     1         7  █            ▂") +
      row("b.g[0]", 104, 104, "     1         6       █                 ▂") +
      `\nread     15 lines with 15 updates, from ${at(0)} to ${at(420)} (7m); 0 malformed\n` +
      "counted  15 restarts; not counted: 0 duplicates, 0 requested, 0 too old; 0 other updates\n" +
      "alerts   2 for 2 allocations, with the rule restarts: 5 in 5m; repeat after 5m\n",
  );
});

Deno.test("replay says that no alert would have been sent", async () => {
  const { stdout } = await ran(["replay", "--restart-count", "8"], { stdin: small });
  assert.match(stdout, /^No alert would have been sent\.\n\nread {5}15 lines /);
  assert.match(stdout, /\nalerts {3}0 for 0 allocations, with the rule restarts: 8 in 5m; /);
  assert.equal(
    (await ran(["replay"])).stdout,
    "No alert would have been sent.\n\n" +
      "read     0 lines with 0 updates; 0 malformed\n" +
      "counted  0 restarts; not counted: 0 duplicates, 0 requested, 0 too old; 0 other updates\n" +
      "alerts   0 for 0 allocations, with the rule restarts: 5 in 5m; repeat after 5m\n",
  );
});

Deno.test("replay --json prints the same as one object; --output json and OUTPUT do so too", async () => {
  const { stdout } = await ran(["replay", "--json"], { stdin: small });
  const { notified, ...totals } = JSON.parse(stdout);
  assert.deepEqual(totals, {
    rule: {
      type: "restarts",
      restartCount: 5,
      restartInterval: "5m",
      ignoreRequested: false,
      notificationInterval: "5m",
      notifyResolved: false,
    },
    from: at(0),
    to: at(420),
    lines: 15,
    updates: 15,
    malformed: 0,
    counted: 15,
    notCounted: { duplicates: 0, requested: 0, outsideWindow: 0 },
    others: 0,
    notifications: 2,
  });
  const [{ timeline, ...first }, second] = notified;
  assert.deepEqual(first, {
    name: "a.g[0]",
    firstNotifiedAt: at(4),
    lastNotifiedAt: at(4),
    notifications: 1,
    resolved: false,
    restarts: 7,
  });
  assert.deepEqual([timeline.length, timeline[0], timeline[13]], [24, 6, 1]);
  assert.equal(second.name, "b.g[0]");
  assert.equal(stdout.split("\n").length, 2);
  for (const [args, env] of [[["--output", "json"], {}], [[], { OUTPUT: "json" }]] as const) {
    assert.equal((await ran(["replay", ...args], { stdin: small, env })).stdout, stdout);
  }
});

Deno.test("replay says what it did not count, and why", async () => {
  const lines = [
    update({ time: start + 600n * second }),
    update({ time: start + 600n * second }),
    update({ time: start }),
    update({ time: start + 601n * second, reason: "" }),
    update({ time: start + 602n * second, type: "Started" }),
    "{}",
  ];
  const args = ["replay", "--ignore-requested-restarts", "--log-level", "error"];
  const { stdout } = await ran(args, { stdin: text(lines) });
  assert.match(stdout, /^read {5}6 lines with 5 updates, .* \(2s\); 1 malformed$/m);
  assert.match(
    stdout,
    /^counted {2}1 restart; not counted: 1 duplicates, 1 requested, 1 too old; 1 other update$/m,
  );
});

Deno.test("replay repeats alerts as the settings say, flag before variable", async () => {
  const stdin = text(
    restartsAt("a.g[0]", ...Array.from({ length: 60 }, (_, index) => index * 30)).map(([, line]) => line),
  );
  const notified = async (args: string[], env = {}) => {
    const { stdout } = await ran(["replay", "--json", ...args], { stdin, env });
    const { notified: [{ notifications, firstNotifiedAt, lastNotifiedAt }] } = JSON.parse(stdout);
    return [notifications, firstNotifiedAt, lastNotifiedAt];
  };
  assert.deepEqual(await notified([]), [6, at(120), at(120 + 5 * 300)]);
  assert.deepEqual(await notified([], { NOTIFICATION_INTERVAL: "10m" }), [3, at(120), at(120 + 2 * 600)]);
  assert.deepEqual(await notified(["--notification-interval", "20m"], { NOTIFICATION_INTERVAL: "10m" }), [
    2,
    at(120),
    at(120 + 1200),
  ]);
  assert.deepEqual(await notified(["--restart-count", "3"]), [6, at(60), at(60 + 5 * 300)]);
});

Deno.test("replay writes names so that a terminal obeys none of them", async () => {
  const name = "\u001b[2J\u202e.g[0]";
  const { stdout } = await ran(["replay"], { stdin: text(restarts(5, { name, time: start })) });
  assert.match(stdout, /^\\u001b\[2J\\u202e\.g\[0\] +/m);
  assert.ok(!stdout.includes("\u001b") && !stdout.includes("\u202e"));
});

Deno.test("replay says what is wrong with the settings, whatever the recording", async () => {
  const cases: readonly (readonly [args: string[], line: string])[] = [
    [
      ["--restart-count", "0"],
      'RESTART_COUNT (--restart-count): found "0"; expected a whole number from 1 to 1000000, such as 3',
    ],
    [
      ["--stable-after", "1d"],
      'STABLE_AFTER (--stable-after): found "1d", unknown unit "d" in duration; ' +
      "expected a Go duration above zero, such as 30m",
    ],
    [["--output", "xml"], 'OUTPUT (--output): found "xml"; expected json or text, such as json'],
    [["--rule", "loop"], 'RULE (--rule): found "loop"; expected restarts or failures, such as failures'],
  ];
  for (const [args, line] of cases) {
    assert.deepEqual(await ran(["replay", ...args]), { code: 1, stdout: "", stderr: `${line}\n` });
  }
});

Deno.test("replay says what is wrong with the settings for this recording only", async () => {
  const args = ["replay", "--notify-resolved"];
  assert.deepEqual(await ran(args, { stdin: small }), {
    code: 1,
    stdout: "",
    stderr:
      "error NOTIFY_RESOLVED (--notify-resolved): found it on with the payload original, which cannot say " +
      "that a loop is resolved; expected PAYLOAD=full (--payload full) with it\n",
  });
  assert.equal((await ran(args, { stdin: "{}\n" })).code, 0);
});

Deno.test("replay that is stopped prints what it has, and says so", async () => {
  const stop = new AbortController();
  const written = Promise.withResolvers<void>();
  const stdin = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(small));
    },
    pull: () => written.resolve(),
  }, { highWaterMark: 0 });
  const running = ran(["replay", "--json"], { stop: stop.signal, stream: stdin });
  await written.promise;
  stop.abort();
  const { code, stdout, stderr } = await running;
  assert.deepEqual([code, stderr], [0, "warning Stopped before the end of the recordings\n"]);
  assert.equal(JSON.parse(stdout).lines, 15);
});

Deno.test("replay keeps timelines of a bounded number of keys; a later one begins with its first alert", async () => {
  const many = Array.from({ length: 100_000 }, (_, index) => update({ name: `n${index}`, time: start }));
  const late = (name: string) => restarts(5, { name, time: start + second });
  const stdin = text([...many, ...late("n7"), ...late("late")]);
  const { stdout } = await ran(["replay", "--json"], { stdin });
  const { notified, counted } = JSON.parse(stdout);
  assert.equal(counted, 100_010);
  assert.deepEqual(
    notified.map(({ name, restarts }: { name: string; restarts: number }) => [name, restarts]),
    [["n7", 6], ["late", 5]],
  );
});

Deno.test("replay draws progress on a terminal while it reads, and erases it before it prints", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/long.ndjson`;
  Deno.writeTextFileSync(file, small.repeat(Math.ceil(9_000_000 / small.length)));
  const drawn: string[] = [];
  const canvas = {
    write: (text: string) => void drawn.push(text),
    flush: () => Promise.resolve(),
    now: () => performance.now(),
  };
  const { code } = await ran(["replay", file], { canvas });
  assert.equal(code, 0);
  assert.match(drawn[0]!, /^\r[█░]{24} {2}\d+ % {2}[\d.]+ MB of 9(\.\d+)? MB/);
  assert.equal(drawn.at(-1), "\r\x1b[K");
  drawn.length = 0;
  const broken = `${folder.path}/broken.ndjson`;
  Deno.writeTextFileSync(broken, "broken\n");
  let stderr = "";
  const both = { write: (text: string) => void (stderr += text) };
  await ran(["replay", file, broken], { canvas: { ...canvas, ...both }, stderr: both });
  const [bars, words] = stderr.split(/\S{24} warning Rejected line 1 of /);
  assert.ok(bars!.endsWith("\x1b[K\r\x1b[K"), bars);
  assert.equal(words, `${broken}: not JSON: broken\n`);
});

Deno.test("replay prints its table when the bar is gone from the terminal, however slow that is", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/long.ndjson`;
  Deno.writeTextFileSync(file, small.repeat(Math.ceil(9_000_000 / small.length)));
  let terminal = "";
  const print = (bytes: Uint8Array) => {
    terminal += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  };
  const stderr = new CoalescingWriter(async (bytes) => {
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    return print(bytes);
  });
  const canvas = {
    write: (text: string) => stderr.write(text),
    flush: () => stderr.end(60_000),
    now: () => performance.now(),
  };
  await ran(["replay", file], { canvas, stderr, stdout: { write: print } });
  await stderr.end(60_000);
  const erase = "\r\x1b[K";
  assert.match(terminal, /^\r[█░]/);
  assert.match(terminal.slice(terminal.lastIndexOf(erase) + erase.length), /^allocation {2}/);
});
