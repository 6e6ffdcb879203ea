// The source `stdin`: every line once, with its number, from whatever blocks, files and gzip it comes.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { Fault } from "../../../src/lib/errors.ts";
import { openLog } from "../../../src/lib/log.ts";
import type { Batch, Skipped, Source, SourceContext } from "../../../src/sources/source.ts";
import { stdinSource } from "../../../src/sources/stdin/source.ts";
import { Program } from "../../helpers/program.ts";
import { happened } from "../../helpers/timers.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";

const never = new AbortController().signal;
const logged: string[] = [];

/** The source with this on standard input, or with these files. */
function open(input: Partial<Pick<SourceContext, "stdin" | "files" | "restartsOnly">>): Source {
  logged.length = 0;
  const log = openLog("info", "text", (line) => logged.push(line));
  const context = { log, files: [], stdin: new Blob([]).stream(), restartsOnly: false, ...input };
  return stdinSource.prepare({ flags: {}, env: {}, problems: [] })!(context);
}

/** A stream of these blocks. `pulled` counts those that were asked for. */
function blocks(parts: Iterable<Uint8Array>, seen = { pulled: 0 }): ReadableStream<Uint8Array> {
  const rest = parts[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { value, done } = rest.next();
      if (done) return controller.close();
      seen.pulled++;
      controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

const bytes = (text: string) => new TextEncoder().encode(text);

function* cutInto(size: number, whole: Uint8Array): Iterable<Uint8Array> {
  for (let from = 0; from < whole.length; from += size) yield whole.slice(from, from + size);
}

/** What a batch holds: `line 1: text`. */
function held(batch: Batch): string[] {
  return batch.bodies.map((body, index) => `${batch.place(index)}: ${written(body)}`);
}

/** A message as text; of skipped ones how many, and the time of the newest. */
function written(body: Uint8Array | Skipped): string {
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : `${body.count} until ${body.newest}`;
}

/** Every line of a source, each batch acknowledged at once. */
async function all(source: Source, stop = never): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of source.batches(stop)) {
    found.push(...held(batch));
    batch.acknowledge();
  }
  return found;
}

/** Calls with a folder that is gone afterwards. */
async function inFolder(
  files: Record<string, string | Uint8Array>,
  use: (path: (name: string) => string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}`, typeof content === "string" ? bytes(content) : content);
    }
    await use((name) => `${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const inputs: readonly (readonly [what: string, input: string, lines: readonly string[]])[] = [
  ["nothing", "", []],
  ["one line", "a\n", ["line 1: a"]],
  ["last line without a line feed", "a\nbc", ["line 1: a", "line 2: bc"]],
  ["only a line without a line feed", "a", ["line 1: a"]],
  ["blank lines", "\n\na\n\nb\n\n", ["line 3: a", "line 5: b"]],
  ["only blank lines", "\n\r\n\n", []],
  ["CRLF", "a\r\n\r\nb\r\n", ["line 1: a", "line 3: b"]],
  ["CRLF, and the last line with CR only", "a\r\nb\r", ["line 1: a", "line 2: b"]],
  ["CR within a line", "a\rb\nc\r\r\n", ["line 1: a\rb", "line 2: c\r"]],
  ["blanks", " a \n  \n\t\n", ["line 1:  a ", "line 2:   ", "line 3: \t"]],
  ["letters of several bytes", "\u00e9\u4e2d\n\u{1f600}", ["line 1: \u00e9\u4e2d", "line 2: \u{1f600}"]],
];

Deno.test("batches() yields every line that is not blank with its number, from blocks of any size", async () => {
  for (const [what, input, expected] of inputs) {
    const whole = bytes(input);
    for (let size = 1; size <= whole.length + 1; size++) {
      assert.deepEqual(
        await all(open({ stdin: blocks(cutInto(size, whole)) })),
        expected,
        `${what} by ${size}`,
      );
    }
  }
});

Deno.test("batches() decompresses gzip from standard input, from blocks of any size", async () => {
  for (const [what, input, expected] of inputs) {
    const whole = gzipSync(input);
    for (let size = 1; size <= whole.length; size++) {
      assert.deepEqual(
        await all(open({ stdin: blocks(cutInto(size, whole)) })),
        expected,
        `${what} by ${size}`,
      );
    }
  }
});

Deno.test("batches() decompresses gzip of several members, which may end within a line", async () => {
  const members = ["a\nb", "c\n", "", "\nd\n", "e"].map((member) => gzipSync(member));
  await inFolder({ "rotated.gz": Buffer.concat(members) }, async (path) => {
    const name = path("rotated.gz");
    assert.deepEqual(
      await all(open({ files: [name] })),
      [[1, "a"], [2, "bc"], [4, "d"], [5, "e"]].map(([number, text]) => `line ${number} of ${name}: ${text}`),
    );
  });
});

/** The bytes behind a member, and whether gzip(1) complains of it. */
const behind: readonly (readonly [what: string, bytes: Uint8Array, warns: boolean])[] = [
  ["one zero", new Uint8Array(1), false],
  ["zeros of a tape", new Uint8Array(10_240), false],
  ["text", bytes("2026-11-24 rotated\n"), true],
  ["zeros, and text", bytes("\0\0\0text"), true],
  ["zeros, and a member", Buffer.concat([new Uint8Array(9), gzipSync("c\n")]), true],
  ["a byte like gzip's first, and text", Uint8Array.of(0x1f, 0x20), true],
];

Deno.test("batches() ignores trailing garbage after gzip, as gzip(1) does, and reads the next file", async () => {
  for (const [what, bytes, warns] of behind) {
    const packed = Buffer.concat([gzipSync("a\n"), gzipSync("b\nbc"), bytes]);
    await inFolder({ "a.gz": packed, "next": "d\n" }, async (path) => {
      const [name, next] = [path("a.gz"), path("next")];
      assert.deepEqual(await within(what, all(open({ files: [name, next] }))), [
        ...["a", "b", "bc"].map((line, index) => `line ${index + 1} of ${name}: ${line}`),
        `line 1 of ${next}: d`,
      ]);
      const warning = `"${name}": trailing garbage after its gzip data is ignored`;
      assert.deepEqual(
        logged.map((line) => line.replace(/^\S+ /, "")),
        warns ? [`warning ${warning}\n`] : [],
      );
    });
    for (const size of [1, 3, 7]) {
      const found = await within(what, all(open({ stdin: blocks(cutInto(size, packed)) })));
      assert.deepEqual(found, ["line 1: a", "line 2: b", "line 3: bc"], `${what} by ${size}`);
      assert.equal(logged.length, warns ? 1 : 0);
    }
    await within(what, gunzips(packed, warns));
  }
});

/** What gzip(1) itself says of it. */
async function gunzips(packed: Uint8Array, warns: boolean): Promise<void> {
  const gzip = new Deno.Command("gzip", { args: ["-dc"], stdin: "piped", stdout: "piped", stderr: "null" })
    .spawn();
  const writer = gzip.stdin.getWriter();
  await writer.write(packed);
  await writer.close();
  const { code, stdout } = await gzip.output();
  assert.equal(new TextDecoder().decode(stdout), "a\nb\nbc");
  assert.equal(code, warns ? 2 : 0);
}

Deno.test("batches() reports truncated gzip at each of its parts, and keeps the lines before", async () => {
  const second = gzipWith({ extra: "ab", name: "n.ndjson", comment: "c", sum: true }, "b\n");
  const first = gzipSync("a\n");
  for (let length = 1; length < second.length; length++) {
    const stdin = blocks([Buffer.concat([first, second.subarray(0, length)])]);
    const found: string[] = [];
    const reading = (async () => {
      for await (const batch of open({ stdin }).batches(never)) {
        found.push(...held(batch));
        batch.acknowledge();
      }
    })();
    const message = "cannot read standard input: its gzip is cut short";
    await assert.rejects(within(`${length} bytes`, reading), { message });
    assert.equal(found[0], "line 1: a");
  }
  const whole = Buffer.concat([second, second]);
  for (const size of [1, 5, whole.length]) {
    assert.deepEqual(await all(open({ stdin: blocks(cutInto(size, whole)) })), ["line 1: b", "line 2: b"]);
  }
});

/** A member with all that its header can have. */
function gzipWith(
  { extra, name, comment, sum }: { extra: string; name: string; comment: string; sum: boolean },
  text: string,
): Uint8Array {
  const plain = gzipSync(text);
  const flags = 4 | 8 | 16 | (sum ? 2 : 0);
  return Buffer.concat([
    plain.subarray(0, 3),
    Uint8Array.of(flags),
    plain.subarray(4, 10),
    Uint8Array.of(extra.length, 0),
    bytes(`${extra}${name}\0${comment}\0${sum ? "\0\0" : ""}`),
    plain.subarray(10),
  ]);
}

Deno.test("batches() reports what is damaged in gzip", async () => {
  const whole = gzipSync("a\n");
  const changed = (at: number, byte: number) => {
    const copy = Uint8Array.from(whole);
    copy[at < 0 ? copy.length + at : at] = byte;
    return copy;
  };
  for (
    const [packed, how] of [
      [changed(2, 7), "unknown compression method"],
      [changed(3, 0x80), "unknown header flags set"],
      [changed(10, 0xff), "invalid block type"],
      [changed(-8, 1), "incorrect data check"],
      [changed(-4, 1), "incorrect length check"],
    ] as const
  ) {
    await assert.rejects(within(how, all(open({ stdin: blocks([packed]) }))), {
      message: `cannot read standard input: its gzip is damaged: ${how}`,
    });
  }
});

Deno.test("batches() reads files one after the other, gzip or plain whatever their names, each from line 1", async () => {
  const files = { "a.ndjson": "a\nb", "empty": "", "b.gz": "plain\n", "c.txt": gzipSync("\nc\n") };
  await inFolder(files, async (path) => {
    const names = Object.keys(files).map(path);
    assert.deepEqual(await all(open({ files: names, stdin: blocks([bytes("not read\n")]) })), [
      `line 1 of ${path("a.ndjson")}: a`,
      `line 2 of ${path("a.ndjson")}: b`,
      `line 1 of ${path("b.gz")}: plain`,
      `line 2 of ${path("c.txt")}: c`,
    ]);
  });
});

Deno.test("batches() keeps the lines of a large file apart, however they lie in its blocks", async () => {
  const numbers = Array.from({ length: 20_000 }, (_, index) => `${index}`.padEnd(1 + index % 997, "x"));
  const text = numbers.join("\n");
  await inFolder({ plain: text, "packed.gz": gzipSync(text) }, async (path) => {
    for (const name of [path("plain"), path("packed.gz")]) {
      const expected = numbers.map((line, index) => `line ${index + 1} of ${name}: ${line}`);
      assert.deepEqual(await all(open({ files: [name] })), expected);
    }
  });
});

/** Lines that gzip cannot make small, so that a cut leaves many of them. */
const random = Array.from(
  { length: 5000 },
  () => `${crypto.randomUUID()}${crypto.randomUUID()}`,
);

Deno.test("batches() reports truncated gzip after the lines before the cut", async () => {
  const whole = gzipSync(random.join("\n"));
  await inFolder({ "cut.gz": whole.subarray(0, whole.length / 2) }, async (path) => {
    const name = path("cut.gz");
    const found: string[] = [];
    const reading = (async () => {
      for await (const batch of open({ files: [name] }).batches(never)) {
        found.push(...held(batch));
        batch.acknowledge();
      }
    })();
    await assert.rejects(reading, {
      name: "Fault",
      message: `cannot read "${name}": its gzip is cut short`,
      recovery: "config",
    });
    assert.ok(found.length > 1000, `${found.length} lines`);
    assert.deepEqual(
      found,
      random.slice(0, found.length).map((line, index) => `line ${index + 1} of ${name}: ${line}`),
    );
  });
});

Deno.test("batches() fails only when all before the fault is acknowledged, or on stop", async () => {
  const whole = gzipSync(random.join("\n"));
  const half = () => open({ stdin: blocks([whole.subarray(0, whole.length / 2)]) });
  let before = 0;
  await assert.rejects(async () => {
    for await (const batch of half().batches(never)) {
      before++;
      batch.acknowledge();
    }
  });
  for (const how of ["acknowledged", "stop"]) {
    const stop = new AbortController();
    const taken: Batch[] = [];
    let failed = false;
    const reading = (async () => {
      for await (const batch of half().batches(stop.signal)) taken.push(batch);
    })().catch(() => failed = true);
    await waitFor("every batch before the fault", () => taken.length === before);
    const last = taken.pop()!;
    for (const batch of taken) batch.acknowledge();
    await happened();
    assert.equal(failed, false);
    if (how === "stop") stop.abort();
    else last.acknowledge();
    await within("the fault", reading);
    assert.equal(failed, true);
  }
});

Deno.test("batches() reports damaged gzip on standard input", async () => {
  const whole = gzipSync(random.join("\n"));
  whole.fill(0, 1000, 2000);
  await assert.rejects(all(open({ stdin: blocks([whole]) })), (error) => {
    assert.ok(error instanceof Fault);
    assert.match(error.message, /^cannot read standard input: its gzip is damaged: [a-z ]+$/);
    return true;
  });
});

Deno.test("batches() reports why standard input cannot be read", async () => {
  const stdin = new ReadableStream<Uint8Array>({
    pull: () => Promise.reject(new Error("Is a directory (os error 21)")),
  });
  await assert.rejects(all(open({ stdin })), {
    name: "Fault",
    message: "cannot read standard input: Is a directory (os error 21)",
  });
});

Deno.test("batches() truncates a line longer than 128 MiB, so that it is rejected, and continues", async () => {
  const mebibyte = new Uint8Array(1 << 20).fill(97);
  function* input(): Iterable<Uint8Array> {
    yield bytes('before\n{"Name":"');
    for (let count = 0; count < 129; count++) yield mebibyte;
    yield bytes("\nafter\n");
  }
  const found = await all(open({ stdin: blocks(input()) }));
  assert.deepEqual([found.length, found[0], found[2]], [3, "line 1: before", "line 3: after"]);
  assert.match(found[1]!, /^line 2: \{"Name":"a+…$/);
  assert.ok(found[1]!.length < 2 << 20);
  assert.match(logged.join(), /^\S+ warning line 2 is longer than the maximum of 128 MiB\n$/);
});

Deno.test("batches() takes a line of 128 MiB whole", async () => {
  const mebibyte = new Uint8Array(1 << 20).fill(97);
  const source = open({ stdin: blocks([...Array(128).fill(mebibyte), bytes("\nb")]) });
  const lengths: number[] = [];
  for await (const { bodies } of source.batches(never)) {
    lengths.push(...bodies.map((body) => written(body).length));
  }
  assert.deepEqual(lengths, [128 << 20, 1]);
  assert.deepEqual(logged, []);
});

Deno.test("batches() ends at once on stop while nothing comes", async () => {
  const stop = new AbortController();
  let cancelled = false;
  const stdin = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes("a\nunfinished")),
    cancel: () => void (cancelled = true),
  });
  const found: string[] = [];
  for await (const batch of open({ stdin }).batches(stop.signal)) {
    found.push(...held(batch));
    setTimeout(() => stop.abort());
  }
  assert.deepEqual(found, ["line 1: a"]);
  assert.ok(cancelled);
});

Deno.test("batches() ends without an error on stop in the middle of gzip and of several files", async () => {
  await inFolder({ "a.gz": gzipSync(random.join("\n")), "b": "never read\n" }, async (path) => {
    const stop = new AbortController();
    const source = open({ files: [path("a.gz"), path("b")] });
    const found: string[] = [];
    for await (const batch of source.batches(stop.signal)) {
      found.push(...held(batch));
      batch.acknowledge();
      stop.abort();
    }
    assert.ok(found.length > 0 && found.length < random.length, `${found.length} lines`);
  });
});

Deno.test("batches() yields nothing after stop", async () => {
  assert.deepEqual(await all(open({ stdin: blocks([bytes("a\n")]) }), AbortSignal.abort()), []);
});

Deno.test("batches() pauses while 16 batches are unacknowledged, and does not end, until stop", async () => {
  const seen = { pulled: 0 };
  function* endless(): Iterable<Uint8Array> {
    for (;;) yield bytes("a\n");
  }
  const stop = new AbortController();
  const taken: Batch[] = [];
  const reading = (async () => {
    for await (const batch of open({ stdin: blocks(endless(), seen) }).batches(stop.signal)) {
      taken.push(batch);
    }
  })();
  let ended = false;
  reading.then(() => ended = true);
  await waitFor("16 batches", () => taken.length === 16);
  await happened();
  assert.deepEqual([taken.length, ended], [16, false]);
  assert.ok(seen.pulled <= 17, `${seen.pulled} blocks are read`);
  taken[0]!.acknowledge();
  taken[1]!.acknowledge();
  await waitFor("two more batches", () => taken.length >= 18);
  await happened();
  assert.deepEqual([taken.length, ended], [18, false]);
  stop.abort();
  await reading;
});

Deno.test("batches() leaves nothing open when its reader breaks off", async () => {
  await inFolder({ "a.gz": gzipSync(random.join("\n")), "b": random.join("\n") }, async (path) => {
    for (const name of [path("a.gz"), path("b")]) {
      let count = 0;
      for await (const _ of open({ files: [name] }).batches(never)) if (++count === 2) break;
      assert.equal(count, 2);
    }
  });
});

Deno.test("check() and batches() report what is wrong with a file before any is read", async () => {
  await inFolder({ "there": "a\n" }, async (path) => {
    const wrong = [
      [path("nosuch"), "there is no such file"],
      [path(""), "it is not a file"],
    ] as const;
    for (const [name, found] of wrong) {
      const source = open({ files: [path("there"), name] });
      const fault = {
        name: "Fault",
        message: `cannot read "${name}": ${found}; name files of updates, one a line`,
        recovery: "config",
      };
      await assert.rejects(source.check(), fault);
      await assert.rejects(all(source), fault);
    }
  });
});

Deno.test("check() and batches() report a file without permission", async () => {
  await inFolder({ "secret": "a\n" }, async (path) => {
    const source = open({ files: [path("secret")] });
    const fault = {
      name: "Fault",
      message: `cannot read "${
        path("secret")
      }": reading it is not permitted; name files of updates, one a line`,
    };
    const { open: openFile } = Deno;
    // Root, who runs tests in containers, may read everything.
    Deno.open = () => Promise.reject(new Deno.errors.PermissionDenied("Permission denied (os error 13)"));
    try {
      await assert.rejects(source.check(), fault);
      await assert.rejects(all(source), fault);
    } finally {
      Deno.open = openFile;
    }
  });
});

Deno.test("batches() reports a file that was deleted meanwhile", async () => {
  await inFolder({ "a": "a\n", "b": "b\n" }, async (path) => {
    const reading = (async () => {
      for await (const batch of open({ files: [path("a"), path("b")] }).batches(never)) {
        batch.acknowledge();
        await Deno.remove(path("b"));
      }
    })();
    await assert.rejects(reading, {
      name: "Fault",
      message: `cannot read "${path("b")}": there is no such file; name files of updates, one a line`,
    });
  });
});

Deno.test("check() returns what can be read, and reads nothing", async () => {
  const seen = { pulled: 0 };
  assert.equal(await open({ stdin: blocks([bytes("a\n")], seen) }).check(), "reads standard input");
  assert.equal(seen.pulled, 0);
  await inFolder({ "a": "a\n", "b": "b\n" }, async (path) => {
    const files = [path("a"), path("b")];
    assert.equal(await open({ files }).check(), `can read ${files.join(", ")}`);
  });
});

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended
  }
}

Deno.test("the program reads a pipe that is named as a file", async () => {
  await inFolder({}, async (path) => {
    const pipe = path("pipe");
    assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
    await using program = new Program({ args: [pipe] });
    // Its own process, since a pipe without a reader is waited for.
    const writer = new Deno.Command("sh", { args: ["-c", 'printf "x\\ny\\n" >"$0"', pipe] }).spawn();
    const { code, stderr } = await program.ended;
    kill(writer);
    await writer.status;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /2 messages: .* 2 rejected/);
  });
});

Deno.test("the program ends with 0 on SIGTERM while its standard input is open and silent", async () => {
  const main = new URL("../../../src/main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", main, "--source-type", "stdin"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    const writer = child.stdin.getWriter();
    await writer.write(bytes("bad\n"));
    const stderr = child.stderr.pipeThrough(new TextDecoderStream());
    let said = "";
    for await (const text of stderr) {
      said += text;
      if (said.includes("Rejected line 1")) break;
    }
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0);
    await writer.close().catch(() => {});
  } finally {
    kill(child);
    await child.status;
  }
});

Deno.test("batches() counts irrelevant lines between the restarts, however the input is cut into blocks", async () => {
  const line = (type: string, time: number) =>
    `{"Name":"a.b[0]","TaskEvent":{"Type":"${type}","Time":179549176949543${time},"Details":{}}}`;
  const odd = [`{"Name":"a",`, line("Started", 9999).replace("Started", "St\\u0061rted"), `{"TaskEvent":{}}`];
  const input = [
    ...[line("Started", 1000), line("Terminated", 3000), line("Killing", 2000), line("Restarting", 4000)],
    ...[
      line("Started", 5000),
      ...odd,
      line("Not Restarting", 6000),
      line("Started", 7000),
      line("Started", 7000),
    ],
  ];
  const expected = [
    "line 1: 3 until 1795491769495433000",
    `line 4: ${line("Restarting", 4000)}`,
    "line 5: 1 until 1795491769495435000",
    ...odd.map((text, index) => `line ${6 + index}: ${text}`),
    "line 9: 3 until 1795491769495437000",
  ];
  for (const end of ["\n", "\r\n"]) {
    const whole = bytes(input.join(end) + end);
    const found = await all(open({ stdin: blocks([whole]), restartsOnly: true }));
    assert.deepEqual(found, expected);
    const cutSmall = await all(open({ stdin: blocks(cutInto(7, whole)), restartsOnly: true }));
    assert.deepEqual(cutSmall, input.map((text, index) => `line ${index + 1}: ${text}`));
  }
  assert.deepEqual(
    await all(open({ stdin: blocks([bytes(input.join("\n"))]) })),
    input.map((text, index) => `line ${index + 1}: ${text}`),
  );
});

Deno.test("batches() skips no updates from far in the future: they do not move the clock", async () => {
  const line = (time: bigint) => `{"Name":"a","TaskEvent":{"Type":"Started","Time":${time},"Details":{}}}\n`;
  const now = 1_700_000_000_000_000_000n;
  const far = [1_899_000_000_000_000_000n, 1_999_000_000_000_000_000n] as const;
  const input = [now, now + 2n, far[0], far[1], now + 1n, now + 3n, far[0]].map(line).join("");
  assert.deepEqual(await all(open({ stdin: blocks([bytes(input)]), restartsOnly: true })), [
    `line 1: 2 until ${now + 2n}`,
    `line 3: ${line(far[0]).trim()}`,
    `line 4: ${line(far[1]).trim()}`,
    `line 5: 2 until ${now + 3n}`,
    `line 7: ${line(far[0]).trim()}`,
  ]);
});

Deno.test("batches() skips no updates after `skipUntil`, so that the node whose clock is ahead is known", async () => {
  const line = (time: bigint) => `{"Name":"a","TaskEvent":{"Type":"Started","Time":${time},"Details":{}}}\n`;
  const now = 1_700_000_000_000_000_000n;
  const blocks = [[now, now + 9n], [now, now + 10n, now + 11n, now + 5n]];
  await using source = open({
    stdin: ReadableStream.from(blocks.map((times) => bytes(times.map(line).join("")))),
    restartsOnly: true,
  });
  const found: string[] = [];
  for await (const { bodies } of source.batches(new AbortController().signal)) {
    for (const body of bodies) {
      found.push(body instanceof Uint8Array ? text(body) : `${body.count} until ${body.newest - now}`);
    }
    source.skipUntil!(now + 10n);
  }
  assert.deepEqual(found, ["2 until 9", "2 until 10", line(now + 11n).trim(), "1 until 5"]);
});

function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}
