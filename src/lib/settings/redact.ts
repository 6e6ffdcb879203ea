// Text that may be printed: without passwords, and without control characters that a terminal would obey.
import { plain } from "../escape.ts";

/** The URL as it may be printed: without its password and its query. */
export function printable(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "***";
  shown.search = "";
  shown.hash = "";
  return shown.href;
}

/** What was found, in quotes as it may be printed: without passwords, and plain. */
export function quoted(found: string): string {
  return plain(JSON.stringify(withoutPasswords(found)));
}

/** The text without the passwords of anything that looks like a URL. */
export function withoutPasswords(text: string): string {
  return text.replace(/((?:^|[\s/])[^\s/:@]*:)(?!\/\/)\S*@/g, "$1***@");
}
