// Texts cut to what a receiver takes.

/** The text, of at most `max` UTF-16 code units, with an ellipsis where it is cut; never between two surrogates. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 1;
  const splits = /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return `${text.slice(0, splits ? end - 1 : end)}…`;
}

/** The end of the text, of at most `max` UTF-16 code units: whole lines, or an ellipsis and a part of the last one. */
export function cutFront(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = text.slice(-max);
  const line = end.indexOf("\n") + 1;
  if (text.charAt(text.length - max - 1) === "\n") return end;
  return line > 0 && line < end.length
    ? end.slice(line)
    : `…${end.slice(/^.[\udc00-\udfff]/s.test(end) ? 2 : 1)}`;
}

/** What is made by the first of the limits by which its JSON has at most `maxBytes`; by the last if by none. */
export function fitting<T>(make: (limit: number) => T, limits: readonly number[], maxBytes: number): T {
  let made: T;
  for (const limit of limits) {
    made = make(limit);
    if (new TextEncoder().encode(JSON.stringify(made)).length <= maxBytes) break;
  }
  return made!;
}

/** The text, of at most `max` bytes in UTF-8, with an ellipsis where it is cut; never within a character. */
export function cutBytes(text: string, max: number): string {
  const utf8 = new TextEncoder();
  const fits = (room: number) => utf8.encodeInto(text, new Uint8Array(Math.max(0, room))).read;
  return fits(max) === text.length ? text : `${text.slice(0, fits(max - ellipsisBytes))}…`;
}

const ellipsisBytes = 3;
