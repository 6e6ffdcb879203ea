// Splits a JSON array into its elements as its bytes arrive, so that one element at a time is in memory.
import { oneLine } from "../../../clients/nomad/errors.ts";
import { Fault } from "../../../lib/errors.ts";
import { Remainder } from "./remainder.ts";

/** Splits a JSON array. It is exact for valid JSON; its elements are not parsed here. */
export class JsonArraySplitter {
  readonly #where: string;
  readonly #what: string;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #ended = false;
  /** The beginning of an element whose end has not arrived. */
  readonly #remainder: Remainder;

  /** `what` the elements are, in the plural. */
  constructor(where: string, what: string) {
    this.#where = where;
    this.#what = what;
    this.#remainder = new Remainder("an allocation", where);
  }

  /** Returns the elements that end in this chunk. @throws {Fault} */
  push(chunk: Uint8Array): Uint8Array[] {
    const elements: Uint8Array[] = [];
    let start = this.#depth > 1 ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inText = false;
      } else if (byte === quote && this.#depth > 0) this.#inText = true;
      else if (byte === openBrace || (byte === openBracket && !this.#ended)) {
        if (this.#depth === 0 && byte === openBrace) throw notAList(this.#where, this.#what, text(chunk));
        if (this.#depth++ === 1) start = at;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (--this.#depth === 1) {
          elements.push(this.#remainder.end(chunk.subarray(start, at + 1)));
          start = -1;
        } else if (this.#depth === 0) this.#ended = true;
      } else if (this.#depth === 0 && byte > space) throw notAList(this.#where, this.#what, text(chunk));
    }
    if (start >= 0) this.#remainder.add(chunk.subarray(start));
    return elements;
  }

  /** @throws {Fault} if the array is incomplete. */
  end(): void {
    if (!this.#ended) throw new Fault(`${this.#where} sent a list of ${this.#what} that breaks off`);
  }
}

const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace, space] = new TextEncoder().encode(
  '"\\[]{} ',
) as unknown as [number, number, number, number, number, number, number];

/** The fault of a response that is not a list of `what`. */
export function notAList(where: string, what: string, text: string): Fault {
  return new Fault(`${where} sent no list of ${what} but ${oneLine(text)}`);
}

const utf8 = new TextDecoder();

function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
