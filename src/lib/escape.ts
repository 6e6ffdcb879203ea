// Escapes characters that control a terminal or end a line.

/** The text with control characters, line separators and bidirectional marks written as escapes. */
export function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  return plainJson(text.replace(/[\u0000-\u001f]/g, escape));
}

/** The same for JSON text, whose value stays the same. Control characters below space are kept: they only occur between
 * its tokens. */
export function plainJson(json: string): string {
  return json.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escape);
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** JSON text on one line: line breaks only occur between its tokens, since strings contain them escaped. */
export function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+[ \t\r\n]*/g, "").trim() : json;
}
