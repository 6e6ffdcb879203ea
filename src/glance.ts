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
 * The caller has made sure that the text holds none of `restartSigns`.
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

/** What a restart holds, however it is written: its type, or the escapes that could spell it. */
export const restartSigns = ["Restarting", "\\u"] as const;
