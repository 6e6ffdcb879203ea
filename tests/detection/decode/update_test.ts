// What bytes mean. A slow decoder, written in the plainest way, is what the fast one is compared with.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { decode, identityOf } from "../../../src/detection/decode/update.ts";
import { assertDecoded, decodeSlowly } from "../../helpers/slow_decoder.ts";

const utf8 = new TextEncoder();
const least = -(1n << 63n);
const most = (1n << 63n) - 1n;

/** An update of a restart at this time, as text so that its digits are kept. */
const restartAt = (time: string) => `{"Name":"a.b[0]","TaskEvent":{"Type":"Restarting","Time":${time}}}`;

const decodeText = (text: string) => decode(utf8.encode(text));

const noTime = "TaskEvent.Time is not a number";
const notWhole = "TaskEvent.Time is not a whole number of 64 bits";

const malformed: readonly (readonly [what: string, body: string | Uint8Array, reason: string])[] = [
  ["empty body", "", "empty"],
  ["blanks", "  \n", "not JSON"],
  ["malformed JSON", "{", "not JSON"],
  ["a word", "hello", "not JSON"],
  ["two objects", "{}{}", "not JSON"],
  ["a trailing comma", restartAt("5,"), "not JSON"],
  ["single quotes", restartAt("5").replaceAll('"', "'"), "not JSON"],
  ["a raw control character in a string", restartAt("5").replace("a.b", "a\u0001b"), "not JSON"],
  ["a leading zero", restartAt("01"), "not JSON"],
  ["a plus", restartAt("+1"), "not JSON"],
  ["NaN", restartAt("NaN"), "not JSON"],
  ["a big integer of JavaScript", restartAt("5n"), "not JSON"],
  ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), "not UTF-8"],
  ["a lone byte of UTF-8", Uint8Array.of(...utf8.encode(restartAt("5")), 0xff), "not UTF-8"],
  ["a cut character", utf8.encode('{"Name":"\u00e9').subarray(0, -1), "not UTF-8"],
  ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "not UTF-8"],
  ["an overlong slash", Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), "not UTF-8"],
  ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), "not UTF-8"],
  ["null", "null", "not a JSON object"],
  ["an array", "[]", "not a JSON object"],
  ["an array of updates", `[${restartAt("5")}]`, "not a JSON object"],
  ["a string", '"x"', "not a JSON object"],
  ["a number", "5", "not a JSON object"],
  ["true", "true", "not a JSON object"],
  ["{}", "{}", "no Name"],
  ["no Name", '{"TaskEvent":{"Type":"Restarting","Time":5}}', "no Name"],
  ["name, not Name", restartAt("5").replace("Name", "name"), "no Name"],
  ["Name empty", restartAt("5").replace("a.b[0]", ""), "no Name"],
  ["Name a number", restartAt("5").replace('"a.b[0]"', "5"), "no Name"],
  ["Name null", restartAt("5").replace('"a.b[0]"', "null"), "no Name"],
  ["Name inherited", restartAt("5").replace('"Name":"a.b[0]"', '"__proto__":{"Name":"a"}'), "no Name"],
  ["no TaskEvent", '{"Name":"a"}', "no TaskEvent"],
  ["TaskEvent null", '{"Name":"a","TaskEvent":null}', "no TaskEvent"],
  ["TaskEvent a list", '{"Name":"a","TaskEvent":[{"Type":"Restarting","Time":5}]}', "no TaskEvent"],
  ["TaskEvent a string", '{"Name":"a","TaskEvent":"Restarting"}', "no TaskEvent"],
  ["Type missing", '{"Name":"a","TaskEvent":{"Time":5}}', "no TaskEvent.Type"],
  ["Type null", '{"Name":"a","TaskEvent":{"Type":null,"Time":5}}', "no TaskEvent.Type"],
  ["Type a number", '{"Name":"a","TaskEvent":{"Type":1,"Time":5}}', "no TaskEvent.Type"],
  [
    "Type inherited",
    '{"Name":"a","TaskEvent":{"__proto__":{"Type":"Restarting"},"Time":5}}',
    "no TaskEvent.Type",
  ],
  ["Time missing", '{"Name":"a","TaskEvent":{"Type":"Restarting"}}', noTime],
  ["Time missing, other type", '{"Name":"a","TaskEvent":{"Type":"Started"}}', noTime],
  ["Time a string", restartAt('"1499867775401013209"'), noTime],
  ["Time null", restartAt("null"), noTime],
  ["Time true", restartAt("true"), noTime],
  ["Time an object", restartAt("{}"), noTime],
  ["Time an object with a Time", restartAt('{"Time":5}'), noTime],
  ["Time outside of TaskEvent", '{"Name":"a","Time":5,"TaskEvent":{"Type":"Restarting"}}', noTime],
  [
    "Time in Details only",
    '{"Name":"a","TaskEvent":{"Type":"Restarting","Details":{"Time":5}}}',
    noTime,
  ],
  ["Time in a string only", '{"Name":"a","TaskEvent":{"Type":"Restarting","M":"\\"Time\\":5,"}}', noTime],
  ["Time a fraction", restartAt("1.5"), notWhole],
  ["Time 1.0", restartAt("1.0"), notWhole],
  ["Time 1e9", restartAt("1e9"), notWhole],
  ["Time 1E+9", restartAt("1E+9"), notWhole],
  ["Time 1e999", restartAt("1e999"), notWhole],
  ["Time above int64", restartAt("9223372036854775808"), notWhole],
  ["Time below int64", restartAt("-9223372036854775809"), notWhole],
  ["Time far above int64", restartAt("9".repeat(400)), notWhole],
  [
    "Time above int64, other type",
    restartAt("9223372036854775808").replace("Restarting", "Killed"),
    notWhole,
  ],
  ["Time a fraction, and a decoy", restartAt('1.5,"D":{"Time":5}'), notWhole],
  ["Time above int64, and a decoy", restartAt('9223372036854775808,"D":{"Time":5}'), notWhole],
];

Deno.test("decode() says why a message is malformed", () => {
  for (const [what, body, reason] of malformed) {
    const bytes = typeof body === "string" ? utf8.encode(body) : body;
    assert.deepEqual(decode(bytes), { kind: "malformed", reason }, what);
  }
});

Deno.test("decode() finds an update cut at any byte malformed", () => {
  const whole = utf8.encode(recorded().find((line) => line.includes('"Restarting"')));
  for (let length = 0; length < whole.length; length++) {
    const expected = length === 0 ? "empty" : "not JSON";
    assert.deepEqual(decode(whole.subarray(0, length)), { kind: "malformed", reason: expected });
  }
});

const depth = 100_000;
const nested: readonly (readonly [what: string, open: string, close: string])[] = [
  ["lists", "[", "]"],
  ["objects", '{"a":', "}"],
];

Deno.test("decode() takes a message that is nested 100,000 deep, and finds a cut one malformed", () => {
  for (const [what, open, close] of nested) {
    const deep = open.repeat(depth) + "1" + close.repeat(depth);
    const update = `{"Name":"a","Deep":${deep},"TaskEvent":{"Type":"Restarting","Time":9007199254740993}}`;
    const { kind, ...rest } = decodeText(update);
    assert.equal(kind, "restart", what);
    assert.equal((rest as { time: bigint }).time, 9_007_199_254_740_993n);
    assert.deepEqual(decodeText(deep), {
      kind: "malformed",
      reason: open === "[" ? "not a JSON object" : "no Name",
    });
    for (const cut of [open.repeat(depth), deep.slice(0, -1), update.slice(0, -1)]) {
      assert.deepEqual(decodeText(cut), { kind: "malformed", reason: "not JSON" }, what);
    }
  }
});

Deno.test("decode() never throws where a deep message has a decoy, too", () => {
  for (const [, open, close] of nested) {
    for (const levels of [1_000, 3_000, 5_000, 7_000, 10_000, depth]) {
      const deep = open.repeat(levels) + '{"Time":1}' + close.repeat(levels);
      const update = decodeText(`{"Name":"a","TaskEvent":{"Type":"Restarting","Time":5,"Deep":${deep}}}`);
      if (update.kind === "restart") assert.equal(update.time, 5n);
      else assert.deepEqual(update, { kind: "malformed", reason: "nested too deeply" });
      assert.ok(update.kind === "restart" || levels > 1_000, `${levels} levels are too deep`);
      assert.ok(update.kind === "malformed" || levels < depth);
    }
  }
});

Deno.test("decode() keeps every digit of the time", () => {
  for (
    const time of [
      0n,
      1n,
      -1n,
      1_499_867_775_401_013_209n,
      1_795_491_769_495_436_959n,
      9_007_199_254_740_991n,
      9_007_199_254_740_992n,
      9_007_199_254_740_993n,
      -9_007_199_254_740_993n,
      most - 1n,
      most,
      least,
      least + 1n,
    ]
  ) {
    for (const decoy of ["", ',"Details":{"Time":"7"}', ',"Message":"\\u0022"']) {
      const update = decodeText(restartAt(`${time}${decoy}`));
      assert.equal(update.kind === "restart" && update.time, time);
      const other = decodeText(restartAt(`${time}${decoy}`).replace("Restarting", "Started"));
      assert.deepEqual(other, { kind: "other", time });
    }
  }
  assert.deepEqual(decodeText(restartAt("-0").replace("Restarting", "Started")), { kind: "other", time: 0n });
});

/** Ways to write a restart at 9007199254740993, which a JavaScript number does not hold. */
const disguises: readonly (readonly [what: string, text: string])[] = [
  ["escaped type", restartAt("9007199254740993").replace("Restarting", "Restart\\u0069ng")],
  ["escaped key", restartAt("9007199254740993").replace('"Time"', '"T\\u0069me"')],
  [
    "all of the key escaped",
    restartAt("9007199254740993").replace('"Time"', '"\\u0054\\u0069\\u006d\\u0065"'),
  ],
  ["escaped TaskEvent", restartAt("9007199254740993").replace("TaskEvent", "Task\\u0045vent")],
  [
    "escaped key after a decoy",
    '{"Name":"a.b[0]","TaskEvent":{"D":{"Time":7},"Type":"Restarting","T\\u0069me":9007199254740993}}',
  ],
  [
    "escaped key before a string with the plain one",
    '{"Name":"a.b[0]","TaskEvent":{"T\\u0069me":9007199254740993,"M":"Time","Type":"Restarting"}}',
  ],
  ["blanks around the colon", restartAt("9007199254740993").replace('"Time":', '"Time" \n\t\r: \n\t\r')],
  ["blanks after the digits", restartAt("9007199254740993 \n\t\r")],
  ["pretty-printed", restartAt("9007199254740993").replaceAll(/([{,])/g, "$1\n\t").replaceAll("}", "\r\n}")],
  ["blanks around the whole", `\n\t ${restartAt("9007199254740993")} \r\n`],
  [
    "other order of keys",
    '{"TaskEvent":{"Time":9007199254740993,"Type":"Restarting"},"Name":"a.b[0]"}',
  ],
  ["decoy in Details", restartAt('9007199254740993,"Details":{"Time":7}')],
  ["decoy before", '{"Time":7,"Name":"a.b[0]","TaskEvent":{"Type":"Restarting","Time":9007199254740993}}'],
  ["decoy after", `${restartAt("9007199254740993").slice(0, -1)},"Time":7}`],
  ["decoy in a list", restartAt('9007199254740993,"X":[{"Time":7},{"Time":8}]')],
  ["decoy is a string", restartAt('9007199254740993,"Message":"Time"')],
  ["decoy in a string", restartAt('9007199254740993,"Message":"\\"Time\\":7,"')],
  [
    "decoy in a string before",
    '{"Name":"a.b[0]","TaskEvent":{"M":"\\"Time\\":7,","Time":9007199254740993,"Type":"Restarting"}}',
  ],
  [
    "the string ends in a decoy",
    '{"Name":"a.b[0]","TaskEvent":{"M":"\\"Time","Time":9007199254740993,"Type":"Restarting"}}',
  ],
  ["key given twice: the last counts", restartAt('7,"Time":9007199254740993')],
  ["key given twice, first no number", restartAt('"x","Time":9007199254740993')],
  ["key given twice, first an object", restartAt('{"Time":7},"Time":9007199254740993')],
  ["key given twice, the same", restartAt('9007199254740993,"Time":9007199254740993')],
  [
    "TaskEvent given twice: the last counts",
    '{"Name":"a.b[0]","TaskEvent":{"Type":"Started","Time":7},"TaskEvent":{"Type":"Restarting","Time":9007199254740993}}',
  ],
  [
    "Type given twice: the last counts",
    restartAt('9007199254740993,"Type":"Restarting"').replace("Restarting", "Killed"),
  ],
  [
    "Name given twice: the last counts",
    restartAt("9007199254740993").replace('{"Name"', '{"Name":"x","Name"'),
  ],
  ["keys that only look alike", restartAt('9007199254740993,"time":7,"TIME":8,"Times":9,"KillTime":10')],
  ["a key that every object has", restartAt('9007199254740993,"__proto__":{"Time":7},"constructor":1')],
];

Deno.test("decode() is not deceived about Name, Type and Time, however they are written", () => {
  for (const [what, text] of disguises) {
    assert.deepEqual(decodeText(text), {
      kind: "restart",
      name: "a.b[0]",
      allocation: "",
      task: "",
      identity: identityOf("", ""),
      time: 9_007_199_254_740_993n,
      requested: false,
      missed: 0,
      update: text,
    }, what);
  }
});

Deno.test("decode() counts nothing as a restart but the exact type Restarting", () => {
  for (
    const type of [
      "restarting",
      "RESTARTING",
      "Restarting ",
      " Restarting",
      "Not Restarting",
      "Restart Signaled",
      "Restarted",
      "Restarting\\u0000",
      "Started",
      "",
      "a type of a later Nomad",
    ]
  ) {
    assert.deepEqual(
      decodeText(restartAt("9007199254740993").replace("Restarting", type)),
      { kind: "other", time: 9_007_199_254_740_993n },
      type,
    );
  }
});

Deno.test("decode() takes allocation and task, and does without them", () => {
  const update = (fields: string) =>
    decodeText(`{${fields}"Name":"a","TaskEvent":{"Type":"Restarting","Time":5}}`);
  const identity = (fields: string) => {
    const { allocation, task } = update(fields) as { allocation: string; task: string };
    return [allocation, task];
  };
  assert.deepEqual(identity('"AllocationID":"782befc8","TaskName":"app",'), ["782befc8", "app"]);
  assert.deepEqual(identity('"AllocationID":null,"TaskName":5,'), ["", ""]);
  assert.deepEqual(identity(""), ["", ""]);
});

Deno.test("decode() takes a message of the 2017 release, without NodeID, DisplayMessage, Details, GenericSource", () => {
  const text =
    '{"Name":"nginx.web[0]","AllocationID":"2ea4a3c1-f5b6-4b3a-8d6d-0d5fd3c6b6a1","DesiredStatus":"run",' +
    '"DesiredDescription":"","ClientStatus":"running","ClientDescription":"","JobID":"nginx","GroupName":"web",' +
    '"TaskName":"server","EvalID":"d21a8c52","TaskState":"pending","TaskFailed":false,' +
    '"TaskStartedAt":"2017-07-12T13:56:14.9Z","TaskFinishedAt":"0001-01-01T00:00:00Z","TaskEvent":{' +
    '"Type":"Restarting","Time":1499867775401013209,"FailsTask":false,"RestartReason":"Restart within policy",' +
    '"SetupError":"","DriverError":"","DriverMessage":"","ExitCode":0,"Signal":0,"Message":"","KillReason":"",' +
    '"KillTimeout":0,"KillError":"","StartDelay":17461538237,"DownloadError":"","ValidationError":"",' +
    '"DiskLimit":0,"DiskSize":0,"FailedSibling":"","VaultError":"","TaskSignalReason":"","TaskSignal":""}}';
  assert.deepEqual(decodeText(text), {
    kind: "restart",
    name: "nginx.web[0]",
    allocation: "2ea4a3c1-f5b6-4b3a-8d6d-0d5fd3c6b6a1",
    task: "server",
    identity: identityOf("2ea4a3c1-f5b6-4b3a-8d6d-0d5fd3c6b6a1", "server"),
    time: 1_499_867_775_401_013_209n,
    requested: false,
    missed: 0,
    update: text,
  });
});

const intentions: readonly (readonly [fields: string, requested: boolean])[] = [
  // asked for: Nomad gives no reason
  ['"RestartReason":"","Details":{"restart_reason":"","start_delay":"0"}', true],
  ['"RestartReason":"","Details":{}', true],
  ['"RestartReason":"","Details":null', true],
  ['"RestartReason":""', true],
  ['"RestartReason":null,"Details":{"restart_reason":""}', true],
  ['"Details":{"restart_reason":""}', true],
  // a crash: the policy's reason, in either place
  ['"RestartReason":"Restart within policy","Details":{"restart_reason":"Restart within policy"}', false],
  ['"RestartReason":"Exceeded allowed attempts, applying a delay"', false],
  ['"RestartReason":"healthcheck: check \\"x\\" unhealthy","Details":{}', false],
  ['"RestartReason":"Restart within policy","Details":null', false],
  ['"RestartReason":"Restart within policy","Details":{"restart_reason":""}', false],
  ['"RestartReason":"","Details":{"restart_reason":"Restart within policy"}', false],
  ['"Details":{"restart_reason":"Restart within policy"}', false],
  ['"RestartReason":" "', false],
  // neither field: nothing is known, so it counts
  ['"Details":{}', false],
  ['"Details":null', false],
  ['"Details":[]', false],
  ['"Details":{"start_delay":"0"}', false],
  ['"Other":1', false],
];

Deno.test("decode() distinguishes requested restarts from crashes by the reason", () => {
  for (const [fields, requested] of intentions) {
    const update = decodeText(restartAt(`5,${fields}`));
    assert.equal(update.kind === "restart" && update.requested, requested, fields);
  }
});

Deno.test("decode() reads every recorded update as the slow decoder does", () => {
  const lines = recorded();
  assert.equal(lines.length, 1_798);
  let restarts = 0;
  let requested = 0;
  for (const line of lines) {
    const update = decodeText(line);
    assert.deepEqual(update, decodeSlowly(utf8.encode(line)));
    assert.notEqual(update.kind, "malformed");
    if (update.kind !== "restart") continue;
    restarts++;
    if (update.requested) requested++;
    assert.equal(update.requested, update.name.startsWith("wanted-restarts."), line);
  }
  assert.equal(restarts, lines.filter((line) => line.includes('"Type":"Restarting"')).length);
  assert.ok(restarts > 100 && requested > 0 && requested < restarts);
});

Deno.test("decode() never throws and reads as the slow decoder does, over 20,000 damaged updates", () => {
  const random = generator(20170712);
  const lines = recorded();
  const restarts = lines.filter((line) => line.includes('"Type":"Restarting"'));
  const seen: Record<string, number> = { restart: 0, other: 0, malformed: 0 };
  for (let round = 0; round < 20_000; round++) {
    const from = random(4) > 0 ? restarts : lines;
    let body: Uint8Array = utf8.encode(from[random(from.length)]);
    for (let damages = 1 + random(3); damages > 0; damages--) body = damaged(body, random);
    const update = decode(body);
    assert.ok(update.kind !== "job-settings" && update.kind !== "node");
    seen[update.kind]!++;
    assertDecoded(body, update);
  }
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 1_000, `${count} ${kind}`);
});

/** The recorded messages of nomad-firehose. */
function recorded(): string[] {
  const packed = Deno.readFileSync(new URL("../../fixtures/firehose.ndjson.gz", import.meta.url));
  return gunzipSync(packed).toString().trimEnd().split("\n");
}

/** The bytes that JSON is made of, which damage most. */
const alphabet = utf8.encode('{}[]",:\\/ \t\n\r0123456789-+.eEutrfnalsTimeyp');

/** Pieces that look as if they mattered. */
const pieces = [
  '"Time":1,',
  '"Time":9007199254740993,',
  '"Time":"x",',
  '"T\\u0069me":9007199254740993,',
  '"Type":"Restarting",',
  '"TaskEvent":{"Type":"Restarting","Time":3},',
  '"TaskEvent":{},',
  '"Details":null,',
  '"Name":"x",',
  "\\u0041",
  "e3",
  ".0",
  "\u00e9",
].map((piece) => utf8.encode(piece));

/** The bytes with one change, where it matters more often than elsewhere. */
function damaged(body: Uint8Array, random: (bound: number) => number): Uint8Array {
  if (body.length === 0) return body;
  const place = random(3) > 0 ? random(body.length) : placeAround('"Time":', body, random);
  const before = body.subarray(0, place);
  const byte = random(5) > 0 ? alphabet[random(alphabet.length)]! : random(256);
  switch (random(7)) {
    case 0:
      return random(10) === 0 ? before : bytes(before, body.subarray(place + 1));
    case 1:
      return bytes(before, [byte], body.subarray(place));
    case 2: {
      const end = place + random(20);
      return bytes(before, body.subarray(place, end), body.subarray(place, end), body.subarray(end));
    }
    case 3: {
      const comma = body.indexOf(44, place) + 1;
      return bytes(body.subarray(0, comma), pieces[random(pieces.length)]!, body.subarray(comma));
    }
    case 4: {
      const digit = body.findIndex((byte, at) => at >= place && byte >= 48 && byte <= 57);
      return digit < 0 ? body : bytes(body.subarray(0, digit), [48 + random(10)], body.subarray(digit + 1));
    }
    default:
      return bytes(before, [byte], body.subarray(place + 1));
  }
}

function placeAround(text: string, body: Uint8Array, random: (bound: number) => number): number {
  const found = new TextDecoder("latin1").decode(body).indexOf(text);
  return Math.min(Math.max(found - 5 + random(text.length + 30), 0), body.length - 1);
}

function bytes(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % bound;
  };
}
