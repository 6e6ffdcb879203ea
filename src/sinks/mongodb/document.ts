// The alert as a document of MongoDB: with its id, and with integers of 64 bits as they are. Pure.

/** What makes an integer of 64 bits of its digits. */
export type MakeLong = (digits: string) => unknown;

/** The JSON of an alert as a document. A number beyond 32 bits, such as a time in nanoseconds, would else become a
 * floating-point one, and lose digits. */
export function documentOf(id: string, json: string, long: MakeLong): Record<string, unknown> {
  const revive = (_: string, value: unknown, { source = "" }: { source?: string } = {}) =>
    /^-?\d+$/.test(source) && needsLong(BigInt(source)) ? long(source) : value;
  return { _id: id, ...JSON.parse(json, revive as Parameters<typeof JSON.parse>[1]) };
}

function needsLong(value: bigint): boolean {
  return value !== BigInt.asIntN(32, value) && value === BigInt.asIntN(64, value);
}
