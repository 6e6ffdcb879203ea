// The bytes of Nomad's list of allocations → the allocations in it.
import { type Allocation, isAllocation, parseExactly } from "./allocation.ts";
import type { OnUnexpected } from "./event_stream.ts";
import { JsonArraySplitter, notAList } from "./json_array.ts";

/**
 * The allocations of the list, those together that came together, each read when it is asked for: the whole can be
 * hundreds of megabytes.
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
