// The node of an update, found without parsing: for the rare warnings about a node's clock.
const decoder = new TextDecoder();

/** The `NodeName` of an update, else its `NodeID`, else its allocation, in words: `node client-1`. */
export function nodeOf(update: Uint8Array | string): string {
  const text = typeof update === "string" ? update : decoder.decode(update);
  for (const [what, field] of fields) {
    const value = field.exec(text)?.[1];
    if (value !== undefined) return `${what} ${value}`;
  }
  return "an unknown node";
}

/** Within a text in the update, the quotes of such a field would be escaped. */
const fields = [
  ["node", /"NodeName"\s*:\s*"([^"\\]+)"/],
  ["node", /"NodeID"\s*:\s*"([^"\\]+)"/],
  ["allocation", /"AllocationID"\s*:\s*"([^"\\]+)"/],
] as const;
