// Updates that are no restarts, known at a glance: by the look of their bytes, without parsing them. It may only
// say so of what is none, however the JSON is written; where it is in doubt, a message is parsed.
// A message that is whole at both ends and in the middle is taken for an update: damage elsewhere goes unseen.

const beginning = '{"Name":"';
const middle = '{"Type":"';
const beforeMiddle = '"TaskEvent":';
const afterType = '","Time":';
const digits = 19;

/**
 * The nineteen digits of `TaskEvent.Time`, nanoseconds since the Unix epoch, where the text from `start` to `end` is
 * an update in the shape of nomad-firehose and not of the type `Restarting`; undefined where it must be parsed.
 * The caller has made sure that there is no sign of a restart between them.
 */
export function timeOfOther(text: string, start: number, end: number): string | undefined {
  if (!text.startsWith(beginning, start) || text.charCodeAt(start + beginning.length) === quote) {
    return undefined;
  }
  if (text.charCodeAt(end - 1) !== brace || text.charCodeAt(end - 2) !== brace) return undefined;
  const event = text.indexOf(middle, start + 1);
  if (event < 0 || event >= end || !text.startsWith(beforeMiddle, event - beforeMiddle.length)) {
    return undefined;
  }
  const type = event + middle.length;
  const time = text.indexOf('"', type) + afterType.length;
  if (!text.startsWith(afterType, time - afterType.length)) return undefined;
  if (text.charCodeAt(time) !== one || text.charCodeAt(time + digits) !== comma) return undefined;
  for (let at = time + 1; at < time + digits; at++) {
    const code = text.charCodeAt(at);
    if (code < zero || code > nine) return undefined;
  }
  return text.slice(time, time + digits);
}

const [quote, brace, comma, zero, one, nine] = ['"', "}", ",", "0", "1", "9"].map((character) =>
  character.charCodeAt(0)
) as [number, number, number, number, number, number];

/**
 * Where a text may hold a restart, however it is written: the type `Restarting` in quotes, or an escape that could
 * be a part of it. Asked from left to right.
 */
export class RestartSigns {
  readonly #text: string;
  /** The next type and the next escape; Infinity where there is none. */
  #type = -1;
  #escape = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether there is one from `start` to `end`. */
  within(start: number, end: number): boolean {
    if (this.#type < start) this.#type = this.#nextType(start);
    if (this.#escape < start) this.#escape = next(this.#text, "\\u", start);
    return this.#type < end || this.#escape < end;
  }

  #nextType(start: number): number {
    let at = next(this.#text, "Restarting", start);
    // `Not Restarting` is another one.
    while (at !== Infinity && this.#text.charCodeAt(at - 1) !== quote) {
      at = next(this.#text, "Restarting", at + 1);
    }
    return at;
  }
}

function next(text: string, sign: string, start: number): number {
  const at = text.indexOf(sign, start);
  return at < 0 ? Infinity : at;
}
