// The scan of bytes behind prefilter.ts, in AssemblyScript; `deno task prefilter` compiles it into wasm.ts.
// The text lies in memory from 0 on; sixteen of its bytes are looked at together.

/** Texts may be so long, in bytes. */
export const capacity: i32 = 256 << 10;
// What is read behind the end of a text stays within the memory; it is part of nothing that is found.
memory.grow((capacity >>> 16) + 1);

// Characters, and parts of texts: the number that their bytes are, the first one lowest.
const quote: u8 = 0x22; // "
const comma: u8 = 0x2c; // ,
const zero: u8 = 0x30; // 0
const one: u8 = 0x31; // 1
const nine: u8 = 0x39; // 9
const colon: u8 = 0x3a; // :
const letterR: u8 = 0x52; // R
const backslash: u8 = 0x5c; // \
const opening: u8 = 0x7b; // {
const lineFeed: u8 = 0x0a;
const carriageReturn: u8 = 0x0d;
const name: u64 = 0x3a22656d614e227b; // {"Name":
const type: u64 = 0x3a2265707954227b; // {"Type":
const taskEve: u64 = 0x6576456b73615422; // "TaskEve
const nt: u32 = 0x3a22746e; // nt":
const time: u64 = 0x22656d6954222c22; // ","Time"
const restarti: u64 = 0x6974726174736552; // Restarti
const ng: u16 = 0x676e; // ng
const escape: u16 = 0x755c; // \u
const closing: u16 = 0x7d7d; // }}

const digits: i32 = 19;

/** Of what was scanned last: whether there is a sign of a restart, and where its first `{"Type":"` is, behind the
 * first byte; 0 where it has none. */
let sign: bool = false;
let event: i32 = 0;

/** What `message` answers instead of a time. */
export const mayRestart: i64 = 0;
export const unknown: i64 = -1;

/** The time of the update of so many bytes, in nanoseconds since the Unix epoch; `mayRestart` where there is a sign
 * of a restart in it, `unknown` where it must be parsed. */
export function message(length: i32): i64 {
  scan(0, length, false);
  return sign ? mayRestart : timeOf(0, length);
}

/** How many bytes of lines there are, and where the next one begins. */
let length: i32 = 0;
let next: i32 = 0;
let lineStart: i32 = 0;
let lineEnd: i32 = 0;
let skipped: i32 = 0;
let newest: i64 = 0;

/** Begins with the first of the lines in so many bytes. */
export function begin(bytes: i32): void {
  length = bytes;
  next = 0;
}

/** Skips lines that are updates without a sign of a restart, none of a time after `latest`. Whether a line follows
 * that is to be parsed; else what is left has no line feed. */
export function go(latest: i64): bool {
  skipped = 0;
  newest = 0;
  while (true) {
    lineStart = next;
    lineEnd = scan(lineStart, length, true);
    if (lineEnd == length) return false;
    next = lineEnd + 1;
    if (sign) return true;
    const returns = lineEnd > lineStart && load<u8>(lineEnd - 1) == carriageReturn;
    const time = timeOf(lineStart, returns ? lineEnd - 1 : lineEnd);
    if (time == unknown || time > latest) return true;
    skipped++;
    if (time > newest) newest = time;
  }
}

/** Where the line is, without its line feed. */
export function lineStartsAt(): i32 {
  return lineStart;
}
export function lineEndsAt(): i32 {
  return lineEnd;
}

/** How many lines were skipped before it, and the newest time of theirs. */
export function skippedLines(): i32 {
  return skipped;
}
export function newestSkipped(): i64 {
  return newest;
}

/** Looks for signs and for the event, to the end or to the first line feed. Yields where that is. */
function scan(start: i32, end: i32, oneLine: bool): i32 {
  sign = false;
  event = 0;
  const quotes = sixteen(0), letters = sixteen(1), backslashes = sixteen(2), openings = sixteen(3);
  const lineFeeds = oneLine ? sixteen(4) : openings;
  for (let block = start; block < end; block += 64) {
    const a = candidates(block, quotes, letters, backslashes, openings, lineFeeds);
    const b = candidates(block + 16, quotes, letters, backslashes, openings, lineFeeds);
    const c = candidates(block + 32, quotes, letters, backslashes, openings, lineFeeds);
    const d = candidates(block + 48, quotes, letters, backslashes, openings, lineFeeds);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    for (let found = bits(a, b) | bits(c, d) << 32; found != 0; found &= found - 1) {
      const at = block + <i32>ctz(found);
      if (at >= end) return end;
      const character = load<u8>(at);
      if (oneLine && character == lineFeed) return at;
      if (character == quote) {
        if (at + 11 <= end && load<u64>(at + 1) == restarti && load<u16>(at + 9) == ng) sign = true;
      } else if (character == backslash) {
        if (at + 2 <= end && load<u16>(at) == escape) sign = true;
      } else if (event == 0 && at > start && at + 9 <= end && load<u64>(at) == type && load<u8>(at + 8) == quote) {
        event = at;
      }
    }
  }
  return end;
}

/** Which of sixteen bytes have to be looked at more closely. */
@inline
function candidates(place: i32, quotes: v128, letters: v128, backslashes: v128, openings: v128, lineFeeds: v128): v128 {
  const here = v128.load(place);
  const signs = v128.and(i8x16.eq(here, quotes), i8x16.eq(v128.load(place, 1), letters));
  const ends = v128.or(i8x16.eq(here, openings), i8x16.eq(here, lineFeeds));
  return v128.or(v128.or(signs, i8x16.eq(here, backslashes)), ends);
}

/** A bit for each byte, the first one lowest. */
@inline
function bits(a: v128, b: v128): u64 {
  return <u64>i8x16.bitmask(a) | <u64>i8x16.bitmask(b) << 16;
}

/** The characters that `scan` looks for stand behind the text: read from there, they are kept in registers. */
const characters: i32 = capacity + 1024;
store<u8>(characters, quote);
store<u8>(characters + 1, letterR);
store<u8>(characters + 2, backslash);
store<u8>(characters + 3, opening);
store<u8>(characters + 4, lineFeed);

@inline
function sixteen(character: i32): v128 {
  return v128.load_splat<u8>(characters + character);
}

/** The time of what was scanned last, where it is an update in the shape of nomad-firehose; else `unknown`. */
function timeOf(start: i32, end: i32): i64 {
  if (end - start < 11 || load<u64>(start) != name) return unknown;
  if (load<u8>(start + 8) != quote || load<u8>(start + 9) == quote) return unknown;
  if (load<u16>(end - 2) != closing) return unknown;
  if (event < 12 || load<u64>(event - 12) != taskEve || load<u32>(event - 4) != nt) return unknown;
  let at = event + 9;
  while (at < end && load<u8>(at) != quote) at++;
  if (load<u64>(at) != time || load<u8>(at + 8) != colon) return unknown;
  at += 9;
  if (at + digits >= end || load<u8>(at) != one || load<u8>(at + digits) != comma) return unknown;
  let value: i64 = 0;
  for (const last = at + digits; at < last; at++) {
    const digit = load<u8>(at);
    if (digit < zero || digit > nine) return unknown;
    value = value * 10 + (digit - zero);
  }
  return value;
}
