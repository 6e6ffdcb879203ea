// The headers that a setting adds to every request.
import type { Setting } from "../../lib/settings/setting.ts";
import { optional, text } from "../../lib/settings/parsers.ts";

/** By name in lower case. */
export type HeaderMap = Readonly<Record<string, string>>;

/** What HTTP decides by itself, or this program: who may send what is settled by its own settings. */
const reserved =
  /^(?:connection|content-length|host|keep-alive|te|trailer|transfer-encoding|upgrade|webhook-.*)$/;

/** The setting of headers, a line each. */
export function headerLines(env: string): Setting<HeaderMap | undefined> {
  const declared = text({
    env,
    help: "headers of every request, one a line",
    example: "X-Api-Key: 3f9c…",
    secret: true,
  }, "lines like Name: value");
  return optional<HeaderMap>({ ...declared, parse: parseHeaders });
}

function parseHeaders(lines: string): HeaderMap {
  const found: Record<string, string> = {};
  for (const [index, line] of lines.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new Error(`whose line ${index + 1} is no header`);
    }
    if (reserved.test(name.toLowerCase())) {
      throw new Error(`whose line ${index + 1} names ${name.toLowerCase()}, which is set by itself`);
    }
    found[name.toLowerCase()] = value;
  }
  return found;
}
