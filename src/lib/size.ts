// Parses and formats sizes in bytes: `100MB`, `1.5 GiB`.

const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Reads a size: a number and a unit, of 1,000 (`MB`) or of 1,024 (`MiB`). Returns bytes. @throws {RangeError} */
export function parseSize(text: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?) ?([a-z]*)$/i.exec(text) ?? [];
  if (number === undefined) throw new RangeError("not a size");
  if (unit === "") throw new RangeError("missing unit in size");
  const scale = units[unit!.toLowerCase()];
  if (scale === undefined) throw new RangeError(`unknown unit "${unit}" in size`);
  return Math.round(Number(number) * scale);
}

/** Writes a size in units of 1,000, to three digits: `10 MB`, `1.07 GB`, `512 B`. */
export function formatSize(bytes: number): string {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  let size = bytes;
  for (; size >= 999.5 && power < names.length - 1; power++) size /= 1000;
  return `${power === 0 ? size : Number(size.toPrecision(3))} ${names[power]}`;
}
