// Messages that are almost updates: recorded ones, damaged in every way that bytes and JSON can be.
import { gunzipSync } from "node:zlib";
import { Random } from "../helpers/random.ts";

const utf8 = new TextEncoder();

/** The recorded messages, and those of them that are restarts. */
const recorded = gunzipSync(Deno.readFileSync(new URL("../fixtures/firehose.ndjson.gz", import.meta.url)))
  .toString().trimEnd().split("\n");
const restarts = recorded.filter((line) => line.includes('"Type":"Restarting"'));

/** The n-th mutated message of a seed: always the same. */
export function mutated(seed: number, index: number): Uint8Array {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  let text = someLine(random);
  for (let count = random.pick([0, 1, 1, 1, 2, 3]); count > 0; count--) {
    text = random.pick(ofText)(text, random);
  }
  let bytes = utf8.encode(text);
  for (let count = random.pick([0, 0, 0, 1, 2]); count > 0; count--) {
    bytes = random.pick(ofBytes)(bytes, random);
  }
  return bytes;
}

/** A message of nearly 128 MiB, the most that RabbitMQ takes: whole but for its last brace. */
export function hugeMessage(): Uint8Array {
  const bytes = new Uint8Array((128 << 20) - 1).fill(120);
  const beginning = utf8.encode(restarts[0]!.replace(/"DisplayMessage":".*/, '"DisplayMessage":"'));
  bytes.set(beginning);
  bytes.set(utf8.encode('"}'), bytes.length - 2);
  return bytes;
}

function someLine(random: Random): string {
  return random.pick(random.chance(0.6) ? restarts : recorded);
}

type Mutation<T> = (message: T, random: Random) => T;

const ofText: readonly Mutation<string>[] = [
  otherNumber,
  otherNumber,
  otherTime,
  otherTime,
  otherValue,
  otherName,
  escaped,
  escaped,
  nested,
  spliced,
  rebuilt,
  rebuilt,
  spaced,
  withPiece,
];

const ofBytes: readonly Mutation<Uint8Array<ArrayBuffer>>[] = [
  flipped,
  cut,
  doubled,
  notUtf8,
  inOtherEncoding,
];

const numbers = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1.0",
  "1e9",
  "1E+18",
  "1e-9",
  "1e400",
  "-1e400",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "9".repeat(400),
  "007",
  "+1",
  ".5",
  "5.",
  "0x10",
  "1_000",
  "5n",
  "NaN",
  "Infinity",
];

/** Another number in the place of a number. */
function otherNumber(text: string, random: Random): string {
  const found = [...text.matchAll(/-?\d+(\.\d+)?([eE][+-]?\d+)?/g)];
  if (found.length === 0) return text;
  const { index, 0: digits } = random.pick(found);
  return text.slice(0, index) + numberLike(digits, random) + text.slice(index + digits.length);
}

function otherTime(text: string, random: Random): string {
  return text.replace(/"Time":(-?\d+)/, (_, digits) => `"Time":${numberLike(digits, random)}`);
}

function numberLike(digits: string, random: Random): string {
  return random.pick([...numbers, `-${digits}`, `${digits}.0`, `${digits}e0`, `${digits}0`, `"${digits}"`]);
}

const values = ["null", "true", "[]", "{}", '""', '"x"', '{"Time":1}', '{"Type":"Restarting","Time":1}', ""];

/** A value of another type in the place of a member's. */
function otherValue(text: string, random: Random): string {
  const found = [...text.matchAll(/"(\w+)":("[^"]*"|-?\d+|true|false|\{\})/g)];
  if (found.length === 0) return text;
  const { index, 0: member, 1: key } = random.pick(found);
  return `${text.slice(0, index)}"${key}":${random.pick(values)}${text.slice(index + member.length)}`;
}

const names = [
  "\u0000",
  "\u001b[31mred",
  "\u009b31m",
  "\u202eabc",
  "\u2028",
  "\ud800",
  "a\udc00b",
  "__proto__",
  "constructor",
  "toString",
  "\u{1f680}",
  "é\u0301",
  " ",
  "x".repeat(5_000),
  "a\nb",
  '"',
  "\\",
];

function otherName(text: string, random: Random): string {
  const name = JSON.stringify(random.pick(names));
  // A function, since a text would have its `$` obeyed.
  return text.replace(/"Name":"[^"]*"/, () => `"Name":${random.chance(0.3) ? unescaped(name) : name}`);
}

/** The same string with what JSON does not force one to escape written raw. */
function unescaped(json: string): string {
  return json.replace(/\\u(00[89]|20)[0-9a-f]{1,2}/g, (escape) => JSON.parse(`"${escape}"`));
}

/** A character of a string as `\uXXXX`, more often one that matters. */
function escaped(text: string, random: Random): string {
  const word = random.pick(["Restarting", "Time", "TaskEvent", "Name", "Type", "Details", ""]);
  const start = text.indexOf(word) + random.below(Math.max(1, word === "" ? text.length : word.length));
  if (!/\w/.test(text.charAt(start))) return text;
  const code = text.charCodeAt(start).toString(16).padStart(4, "0");
  return `${text.slice(0, start)}\\u${random.chance(0.5) ? code : code.toUpperCase()}${
    text.slice(start + 1)
  }`;
}

/** The message or a value of it in lists or objects; once in a while 100,000 deep. */
function nested(text: string, random: Random): string {
  const [open, close] = random.pick([["[", "]"], ['{"a":', "}"], ['{"TaskEvent":', "}"]] as const);
  const levels = random.chance(0.0005) ? 100_000 : random.between(1, 40);
  const wrap = (inner: string) => open.repeat(levels) + inner + close.repeat(levels);
  if (random.chance(0.3)) return wrap(text);
  return text.replace(/"(Details|NodeID|FailsTask|StartDelay)":/, (key) => `${key}${wrap("1")},${key}`);
}

/** The beginning of the message and the end of another. */
function spliced(text: string, random: Random): string {
  const other = someLine(random);
  return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length));
}

/** Its members in another order, some of them twice, some gone, maybe on many lines. */
function rebuilt(text: string, random: Random): string {
  let update;
  try {
    update = JSON.parse(
      text,
      (_key, value, { source }: { source?: string } = {}) =>
        typeof value === "number" ? new Raw(source!) : value,
    );
  } catch {
    return text;
  }
  return written(update, random, random.pick(["", "", " ", "\n\t", "\r\n  "]));
}

class Raw {
  constructor(readonly text: string) {}
}

function written(value: unknown, random: Random, blank: string): string {
  if (value instanceof Raw) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = (value: unknown) => written(value, random, blank);
  if (Array.isArray(value)) return `[${value.map(inner).join(`,${blank}`)}]`;
  const members = Object.entries(value).map(([key, value]) =>
    `${JSON.stringify(key)}:${blank}${inner(value)}`
  );
  if (random.chance(0.7)) random.shuffle(members);
  if (random.chance(0.3) && members.length > 0) members.push(otherNumber(random.pick(members), random));
  if (random.chance(0.1)) members.pop();
  return `{${blank}${members.join(`,${blank}`)}${blank}}`;
}

/** Blanks that JSON allows, and some that it does not. */
function spaced(text: string, random: Random): string {
  const blank = random.pick([" ", "\n", "\t", "\r\n", " \n\t\r ", "\u00a0", "\f", "\u2028"]);
  const share = random.pick([0.02, 0.5, 1]);
  return text.replace(/[:,{}]/g, (sign) => random.chance(share) ? blank + sign + blank : sign);
}

const pieces = [
  '"Time":1,',
  '"Time":9007199254740993,',
  '"T\\u0069me":9007199254740993,',
  '"Type":"Restarting",',
  '"Type":"Restart\\u0069ng",',
  '"TaskEvent":{"Type":"Restarting","Time":3},',
  '"TaskEvent":null,',
  '"Name":"x",',
  '"Restarting":1,',
  '"M":"\\"Time\\":5,",',
  "/* no */",
  "}{",
  ",",
];

function withPiece(text: string, random: Random): string {
  const comma = text.indexOf(",", random.below(text.length + 1)) + 1;
  return text.slice(0, comma) + random.pick(pieces) + text.slice(comma);
}

function flipped(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  for (let count = random.between(1, 4); count > 0 && bytes.length > 0; count--) {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  }
  return bytes;
}

function cut(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const [one, other] = [random.below(bytes.length + 1), random.below(bytes.length + 1)];
  switch (random.below(4)) {
    case 0:
      return bytes.slice(Math.min(one, other));
    case 1:
      return joined(bytes.subarray(0, Math.min(one, other)), bytes.subarray(Math.max(one, other)));
    default:
      return bytes.slice(0, one);
  }
}

function doubled(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at + random.below(30)), bytes.subarray(at));
}

const broken = [[0xff], [0xfe, 0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8], [0xe2, 0x82], [0x80], [0], [
  0x1b,
]];

function notUtf8(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), random.pick(broken), bytes.subarray(at));
}

/** After a byte order mark, or in UTF-16. */
function inOtherEncoding(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  if (random.chance(0.7)) return joined([0xef, 0xbb, 0xbf], bytes);
  return joined([0xff, 0xfe], Uint8Array.from([...bytes].flatMap((byte) => [byte, 0])));
}

function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
