// Reads Nomad's list of allocations from its bytes.
import { type Allocation, isAllocation, parseExactly } from "../tracking/allocation.ts";
import type { OnUnexpected } from "./event_stream.ts";
import { JsonArraySplitter, notAList } from "./json_array.ts";

/**
 * Yields the allocations of the list, one group for each chunk, each parsed on demand: the list can be hundreds of
 * megabytes.
 */
export async function* listOf(
  body: AsyncIterable<Uint8Array>,
  where: string,
  onUnexpected: OnUnexpected,
): AsyncGenerator<Iterable<Allocation>> {
  const elements = new JsonArraySplitter(where, "allocations");
  for await (const chunk of body) {
    const found = elements.push(chunk);
    if (found.length > 0) yield readList(found, where, onUnexpected);
  }
  elements.end();
}

function* readList(
  elements: readonly Uint8Array[],
  where: string,
  onUnexpected: OnUnexpected,
): Generator<Allocation> {
  for (const element of elements) {
    let allocation;
    try {
      allocation = parseExactly(text(element));
    } catch {
      throw notAList(where, "allocations", text(element));
    }
    if (isAllocation(allocation)) yield allocation;
    else onUnexpected(allocation);
  }
}

const utf8 = new TextDecoder();

function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
