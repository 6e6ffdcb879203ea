// Recordings: what they are is seen by how they begin, and what can be read of them is read, whatever is wrong with
// the rest.
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { ran, temporaryFolder } from "../../helpers/ran.ts";
import { restarts, update } from "../../helpers/updates.ts";

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const start = 1_795_491_775_000_000_000n;
const loop = restarts(5, { time: start });
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

/** What `replay --json` says of standard input, and the words on stderr. */
async function replayed(stdin: string | Uint8Array, ...args: string[]) {
  const { code, stdout, stderr } = await ran(["replay", "--json", ...args], { stdin });
  assert.equal(code, 0, stderr);
  return { ...JSON.parse(stdout), stderr };
}

const stream = gunzipSync(Deno.readFileSync(fixture("event-stream.ndjson.gz"))).toString();
const nomadUpdate = loop[0]!.replace('"TaskEvent"', '"Namespace":"default","TaskEvent"');

Deno.test("the format of a recording, and with it its default rule, shows in its first lines", async () => {
  const cases: readonly (readonly [what: string, stdin: string, rule: string])[] = [
    ["firehose", text(loop), "restarts"],
    ["firehose after lines that are broken or blank", `\n{"Na\n[]\n{"a":1}\n${text(loop)}`, "restarts"],
    ["updates of Nomad", text([nomadUpdate, ...loop]), "failures"],
    ["the event stream", stream.slice(0, 200_000), "failures"],
    ["the event stream without heartbeats", stream.slice(3, 100_000), "failures"],
    ["a first line of the event stream that breaks off", stream.slice(3, 500), "failures"],
    ["heartbeats alone", "{}\n{}\n", "failures"],
    ["one update without a line feed", nomadUpdate, "failures"],
    ["nothing", "", "restarts"],
    ["nothing that is known", "hello\n", "restarts"],
  ];
  for (const [what, stdin, rule] of cases) {
    assert.equal((await replayed(stdin)).rule.type, rule, what);
    assert.equal((await replayed(gzipSync(stdin))).rule.type, rule, `${what}, packed`);
  }
});

Deno.test("the rule that is chosen goes before that of the recording", async () => {
  assert.equal((await replayed(text(loop), "--rule", "failures")).rule.type, "failures");
  assert.equal((await replayed(stream.slice(0, 200_000), "--rule", "restarts")).rule.type, "restarts");
  const { stdout } = await ran(["replay", "--json"], { stdin: text(loop), env: { RULE: "failures" } });
  assert.equal(JSON.parse(stdout).rule.type, "failures");
});

Deno.test("recordings of different rules are not mixed unless the rule is chosen", async () => {
  using folder = temporaryFolder();
  const [firehose, nomad] = [`${folder.path}/a.ndjson`, `${folder.path}/b.ndjson`];
  Deno.writeTextFileSync(firehose, text(loop));
  Deno.writeTextFileSync(nomad, stream.slice(0, 200_000));
  assert.deepEqual(await ran(["replay", firehose, nomad]), {
    code: 1,
    stdout: "",
    stderr:
      `error cannot replay "${nomad}" with the recordings before it: one is of nomad-firehose, the other of ` +
      "Nomad, and their default rules differ; choose one with RULE (--rule)\n",
  });
  const { code, stdout } = await ran(["replay", "--json", "--rule", "failures", firehose, nomad]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).notified[0].name, "job.group[0]/task");
});

Deno.test("broken lines are rejected, counted and logged with their location and reason", async () => {
  const stdin = text([
    ...loop.slice(0, 2),
    '{"Name',
    "",
    update({ time: start }).replace('"Type":', '"Tipe":'),
    ...loop,
  ]);
  const { malformed, lines, updates, counted, notCounted, notified, stderr } = await replayed(stdin);
  assert.deepEqual([malformed, lines, updates, counted, notCounted.duplicates], [2, 9, 7, 5, 2]);
  assert.equal(notified.length, 1);
  const [first, second, ...rest] = stderr.trimEnd().split("\n");
  assert.equal(first, 'warning Rejected line 3: not JSON: {"Name');
  assert.match(second!, /^warning Rejected line 5: no TaskEvent\.Type: \{"Name":/);
  assert.deepEqual(rest, []);
});

Deno.test("broken lines of the event stream are rejected, and the lines around them are read", async () => {
  const lines = stream.trimEnd().split("\n");
  const whole = await replayed(stream);
  const broken = [
    ...lines.slice(0, 100),
    "garbage",
    lines[100]!.slice(0, 50),
    "event dropped from buffer",
    ...lines.slice(100),
  ];
  const { stderr, ...rest } = await replayed(text(broken));
  assert.deepEqual({ ...rest, lines: rest.lines - 3, malformed: 0, stderr: "" }, whole);
  assert.equal(rest.malformed, 3);
  const [first, second, third] = stderr.split("\n");
  assert.equal(
    first,
    "warning Rejected line 101: the stream sent a line that is no event: garbage: garbage",
  );
  assert.match(second!, /^warning Rejected line 102: the stream sent a line that breaks off: /);
  assert.equal(
    third,
    "warning Rejected line 103: the stream ended the event stream: it was read more slowly than events came: " +
      "event dropped from buffer",
  );
});

Deno.test("an allocation that is not understood is rejected, and others of its line are read", async () => {
  const line = JSON.parse(stream.split("\n").find((line) => line.includes('"Restarting"'))!);
  const strange = { Topic: "Allocation", Payload: { Allocation: { ID: 1 } } };
  const stdin = text(["{}", JSON.stringify({ ...line, Events: [strange, ...line.Events] })]);
  const { updates, malformed, stderr } = await replayed(stdin);
  assert.ok(updates > 0);
  assert.equal(malformed, 1);
  assert.match(
    stderr,
    /^warning Rejected line 2: the stream sent an allocation that is not understood: \{"Index"/,
  );
});

Deno.test("a file that is cut in the middle of a line is replayed up to there, with a word", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/cut.ndjson`;
  for (
    const [whole, rule] of [[text(loop), "restarts"], [
      stream.slice(0, stream.indexOf("\n", 300_000) + 1),
      "failures",
    ]] as const
  ) {
    Deno.writeTextFileSync(file, whole.slice(0, -20));
    const cut = await ran(["replay", "--json", file]);
    assert.equal(cut.stderr, `warning "${file}": its last line breaks off; it is replayed up to there\n`);
    const before = await replayed(whole.slice(0, whole.lastIndexOf("\n", whole.length - 2) + 1));
    assert.equal(before.rule.type, rule);
    assert.deepEqual({ ...JSON.parse(cut.stdout), stderr: "" }, before);
  }
});

Deno.test("a last line without a line feed is read where it is whole", async () => {
  const { notified, stderr } = await replayed(text(loop).trimEnd());
  assert.deepEqual([notified.length, stderr], [1, ""]);
});

Deno.test("gzip that is cut short is replayed up to there, with a word, and what follows it as well", async () => {
  using folder = temporaryFolder();
  const [cut, next] = [`${folder.path}/cut.gz`, `${folder.path}/next.ndjson`];
  const many = Array.from(
    { length: 3000 },
    (_, index) => update({ time: start + BigInt(index), name: `${crypto.randomUUID()}.g[0]` }),
  );
  const packed = gzipSync(text(many));
  Deno.writeFileSync(cut, packed.subarray(0, packed.length - 1000));
  Deno.writeTextFileSync(next, text(restarts(5, { time: start + 10_000n })));
  const { code, stdout, stderr } = await ran(["replay", "--json", cut, next]);
  const { counted, lines, malformed, notified } = JSON.parse(stdout);
  assert.equal(code, 0);
  assert.equal(stderr, `warning "${cut}": its gzip is cut short; it is replayed up to there\n`);
  // A thousand bytes hold some thirty of these names.
  assert.ok(lines > 2950 && lines < 3005, String(lines));
  assert.deepEqual([counted, malformed, notified.length], [lines, 0, 1]);
});

Deno.test("what stands behind gzip is ignored, with a word where it is not padding", async () => {
  using folder = temporaryFolder();
  const [padded, garbage] = [`${folder.path}/padded.gz`, `${folder.path}/garbage.gz`];
  const halves = [loop.slice(0, 2), loop.slice(2)].map((half) => gzipSync(text(half).trimEnd()));
  Deno.writeFileSync(padded, new Uint8Array([...halves[0]!, ...new Uint8Array(512)]));
  Deno.writeFileSync(garbage, new Uint8Array([...halves[1]!, ...new TextEncoder().encode("rotated\n")]));
  const { code, stdout, stderr } = await ran(["replay", "--json", padded, garbage]);
  assert.equal(code, 0);
  assert.equal(stderr, `warning "${garbage}": trailing garbage after its gzip data is ignored\n`);
  const { counted, notified } = JSON.parse(stdout);
  assert.deepEqual([counted, notified.length], [loop.length, 1]);
});

Deno.test("gzip that is damaged in a later member is replayed up to there", async () => {
  // What is unpacked at one time is lost with the damage in it.
  const noise = Array.from(
    { length: 2000 },
    () => `{"Name":"${crypto.randomUUID()}","TaskEvent":{"Type":"x","Time":1}}`,
  );
  const packed = gzipSync(text([...loop, ...noise]));
  assert.ok(packed.length > 32_768);
  const damaged = new Uint8Array([...packed, ...packed]);
  damaged.fill(0x55, packed.length + 20, packed.length + 60);
  const { notified, stderr } = await replayed(damaged);
  assert.equal(notified.length, 1);
  assert.match(
    stderr,
    /^warning standard input: its gzip is damaged: [a-z -]+; it is replayed up to there\n$/m,
  );
});

Deno.test("standard input is read where no file is named, and among files where - is", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/a.ndjson`;
  Deno.writeTextFileSync(file, text(loop.slice(0, 3)));
  const stdin = text(loop.slice(3));
  const both = JSON.parse((await ran(["replay", "--json", file, "-"], { stdin })).stdout);
  assert.deepEqual([both.lines, both.notified.length], [5, 1]);
  assert.equal((await replayed(stdin)).lines, 2);
});

Deno.test("replay reports files that cannot be read before it reads any", async () => {
  const there = fixture("firehose.ndjson.gz");
  assert.deepEqual(await ran(["replay", there, "nosuch.ndjson"]), {
    code: 1,
    stdout: "",
    stderr: 'error cannot read "nosuch.ndjson": there is no such file; name files of updates, one a line\n',
  });
  assert.deepEqual(await ran(["replay", "tests"]), {
    code: 1,
    stdout: "",
    stderr: 'error cannot read "tests": it is not a file; name files of updates, one a line\n',
  });
});

Deno.test("the ten events that Nomad keeps are not all: restarts of new allocations that none shows are counted", async () => {
  const { code, stdout } = await ran([
    "replay",
    "--json",
    "--rule",
    "restarts",
    fixture("fast-restarts.ndjson.gz"),
  ]);
  assert.deepEqual([code, JSON.parse(stdout).counted], [0, 401]);
});
