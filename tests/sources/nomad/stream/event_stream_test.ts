// The bytes of Nomad's answers: lines and elements however they are cut, up to 64 MB, and the error for what is none.
import assert from "node:assert/strict";
import { Fault } from "../../../../src/lib/errors.ts";
import { listOf } from "../../../../src/sources/nomad/stream/allocation_list.ts";
import { linesOf } from "../../../../src/sources/nomad/stream/event_stream.ts";
import { Recording, unpacked } from "../../../helpers/nomad.ts";

const utf8 = new TextEncoder();

/** A body that comes in chunks of this size. */
async function* body(text: string, size = text.length || 1): AsyncGenerator<Uint8Array> {
  const bytes = utf8.encode(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
  await Promise.resolve();
}

/** The ids of all allocations, and how it ended. */
async function read(
  batches: AsyncIterable<Iterable<unknown>>,
): Promise<{ found: readonly unknown[]; fault?: string }> {
  const found: unknown[] = [];
  try {
    for await (const batch of batches) found.push(...batch);
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return { found, fault: error.message };
  }
  return { found };
}

const onUnexpected = (found: unknown) => void stranges.push(found);
const stranges: unknown[] = [];

const allocation = {
  ID: "a",
  Name: "job.group[0]",
  Namespace: "default",
  JobID: "job",
  DesiredStatus: "run",
  ModifyIndex: 7,
  ModifyTime: 1,
  CreateTime: 1,
};
const line = (fields: object = {}, index = 7) =>
  JSON.stringify({
    Index: index,
    Events: [{ Topic: "Allocation", Payload: { Allocation: { ...allocation, ...fields } } }],
  });

Deno.test("linesOf() reads the same lines however they are cut", async () => {
  const lines = Recording.load("event-stream.ndjson.gz").lines.slice(0, 20);
  const text = "{}\n" + lines.map(({ text }) => text + "\n").join("");
  for (const size of [7, 4096, text.length]) {
    const { found, fault } = await read(linesOf(body(text, size), "nomad", onUnexpected));
    assert.deepEqual(found.map((line) => (line as { index: number }).index), [
      0,
      ...lines.map(({ index }) => index),
    ]);
    assert.equal(fault, "nomad ended the event stream");
  }
});

Deno.test("linesOf() leaves out other topics and what is no allocation", async () => {
  const other = { Topic: "Job", Payload: { Job: {} } };
  const events = [other, null, { Topic: "Allocation" }, {
    Topic: "Allocation",
    Payload: { Allocation: { ID: 5 } },
  }];
  const broken = [
    { TaskStates: { app: null } },
    { TaskStates: { app: { Events: [{ Type: "Started" }] } } },
    { TaskStates: { app: { Events: {} } } },
    { ModifyIndex: "7" },
    { Name: undefined },
  ];
  const text = [JSON.stringify({ Index: 7, Events: events }), ...broken.map((fields) => line(fields)), line()]
    .join("\n");
  const { found } = await read(linesOf(body(text + "\n"), "nomad", onUnexpected));
  const allocations = found.flatMap((line) => (line as { allocations: unknown[] }).allocations);
  assert.deepEqual(allocations, [allocation]);
  assert.equal(stranges.splice(0).length, 7);
});

Deno.test("linesOf() takes a last line without its end", async () => {
  assert.deepEqual(await read(linesOf(body("{}\n" + line()), "nomad", onUnexpected)), {
    found: [{ index: 0, allocations: [] }, { index: 7, allocations: [allocation] }],
    fault: "nomad ended the event stream",
  });
  assert.equal((await read(linesOf(body("{}\n{}\n", 1), "nomad", onUnexpected))).found.length, 2);
  for (
    const [text, fault] of [
      ["event dropped from buffer", "nomad ended the event stream: it was read more slowly than events came"],
      [
        "subscription closed by server, client should resubscribe",
        "nomad ended the event stream: the token or its policies changed",
      ],
      ['{"Index":7,"Ev', "nomad sent a line that breaks off"],
      ["<html>\r\n<body>", "nomad sent a line that is no event: <html> "],
      ["[1]", "nomad sent a line that is no event: [1]"],
      ['{"Index":"7"}', 'nomad sent a line that is no event: {"Index":"7"}'],
      ["null", "nomad sent a line that is no event: null"],
    ] as const
  ) {
    const read1 = await read(linesOf(body("{}\n" + text), "nomad", onUnexpected));
    assert.equal(read1.fault, fault.trimEnd());
  }
});

Deno.test("linesOf() takes an empty stream for a refused token", async () => {
  const { fault } = await read(linesOf(body(""), "nomad", onUnexpected));
  assert.match(fault!, /^nomad refused the token: the event stream is empty; set NOMAD_TOKEN/);
});

Deno.test("linesOf() takes lines up to 64 MB, and no longer ones", async () => {
  const padded = (size: number) => line({ EvalID: "x".repeat(size - line({ EvalID: "" }).length) });
  const { found } = await read(linesOf(body(padded(64 << 20) + "\n", 1 << 20), "nomad", onUnexpected));
  assert.equal(found.length, 1);
  const { found: none, fault } = await read(
    linesOf(body(padded((64 << 20) + 2) + "\n", 1 << 20), "nomad", onUnexpected),
  );
  assert.equal(none.length, 0);
  assert.equal(fault, "nomad sent a line of more than 64 MB");
});

Deno.test("listOf() reads the same allocations however they are cut", async () => {
  const text = unpacked("allocations-310s.json.gz");
  const ids = JSON.parse(text).map(({ ID }: { ID: string }) => ID);
  for (const size of [997, 64 << 10, text.length]) {
    const { found, fault } = await read(listOf(body(text, size), "nomad", onUnexpected));
    assert.deepEqual(found.map((allocation) => (allocation as { ID: string }).ID), ids);
    assert.equal(fault, undefined);
  }
});

Deno.test("listOf() is not led astray by brackets and quotes in texts", async () => {
  const odd = { ...allocation, Name: '[}{]"\\\\\\"],[', TaskStates: { "a]": { Events: null } } };
  const text = ` [ ${JSON.stringify(odd)} ,\n ${JSON.stringify(allocation)} ]\n`;
  for (const size of [1, 2, 3, text.length]) {
    assert.deepEqual(await read(listOf(body(text, size), "nomad", onUnexpected)), {
      found: [odd, allocation],
    });
  }
  assert.deepEqual(stranges, []);
  assert.deepEqual(await read(listOf(body("[]"), "nomad", onUnexpected)), { found: [] });
});

Deno.test("listOf() reports what is not a list", async () => {
  for (
    const [text, fault] of [
      ["", "nomad sent a list of allocations that breaks off"],
      ["[", "nomad sent a list of allocations that breaks off"],
      [`[${JSON.stringify(allocation)},{"ID`, "nomad sent a list of allocations that breaks off"],
      ["null", "nomad sent no list of allocations but null"],
      ['{"a":1}', 'nomad sent no list of allocations but {"a":1}'],
      ["<html>", "nomad sent no list of allocations but <html>"],
      ["[{a}]", "nomad sent no list of allocations but {a}"],
      ["[] x", "nomad sent no list of allocations but [] x"],
    ]
  ) {
    assert.equal((await read(listOf(body(text!), "nomad", onUnexpected))).fault, fault);
  }
  const long = `[{"ID":"${"x".repeat(64 << 20)}"}]`;
  assert.equal(
    (await read(listOf(body(long, 1 << 20), "nomad", onUnexpected))).fault,
    "nomad sent an allocation of more than 64 MB",
  );
});

/** Bytes that count how often their length is looked at. */
class Watched extends Uint8Array {
  static looks = 0;
  override get length(): number {
    Watched.looks++;
    return this.byteLength;
  }
}

Deno.test("linesOf() and listOf() look at what came before once, however small the pieces are", async () => {
  async function* drops(text: string): AsyncGenerator<Uint8Array> {
    for (const byte of utf8.encode(text)) yield new Watched([byte]);
  }
  const long = line({ EvalID: "x".repeat(20_000) });
  for (
    const [text, read1] of [
      [`${long}\n`, () => read(linesOf(drops(`${long}\n`), "nomad", onUnexpected))],
      [`[${long}]`, () => read(listOf(drops(`[${long}]`), "nomad", onUnexpected))],
    ] as const
  ) {
    Watched.looks = 0;
    await read1();
    assert.ok(Watched.looks < 30 * text.length, `${Watched.looks} looks at ${text.length} pieces`);
  }
  stranges.splice(0);
});
