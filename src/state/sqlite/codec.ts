// How names and plain data are written into the file.

/** A name for a column. Strings that node:sqlite reads end at their first NUL, so it is written without any. */
export function writeName(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

/** The name that `writeName` wrote. */
export function readName(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped) => escaped === "0" ? "\0" : escaped);
}

/** Plain data as JSON; 64-bit integers as objects, since JSON's numbers are read without their last digits. */
export function writeJson(data: unknown): string {
  return JSON.stringify(data, (_, value) => typeof value === "bigint" ? { int64: String(value) } : value);
}

/** The data that `writeJson` wrote. */
export function readJson<T>(text: string): T {
  return JSON.parse(text, (_, value) => typeof value?.int64 === "string" ? BigInt(value.int64) : value);
}
