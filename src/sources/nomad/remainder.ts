// The beginning of what comes in pieces and has not ended yet: a line of the event stream, an allocation of the list.
// However small the pieces are, it takes no more time and memory than its bytes do.
import { Fault } from "../../lib/errors.ts";

/** Of a line, and of an allocation of the list, no more bytes are read: the longest lines that were seen have 600 kB. */
const maxBytes = 64 << 20;

/** What came so far. */
export class Remainder {
  readonly #what: string;
  readonly #where: string;
  #memory = new Uint8Array(0);
  #length = 0;

  /** `what` comes from `where`, in words. */
  constructor(what: string, where: string) {
    this.#what = what;
    this.#where = where;
  }

  /** @throws {Fault} where it is too long. */
  add(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > maxBytes) {
      throw new Fault(`${this.#where} sent ${this.#what} of more than ${maxBytes >> 20} MB`);
    }
    if (length > this.#memory.length) {
      const memory = new Uint8Array(Math.max(length, Math.min(2 * this.#memory.length, maxBytes)));
      memory.set(this.#memory.subarray(0, this.#length));
      this.#memory = memory;
    }
    this.#memory.set(part, this.#length);
    this.#length = length;
  }

  /** The whole, now that its last part is here; what comes next begins anew. @throws {Fault} */
  end(part: Uint8Array): Uint8Array {
    if (this.#length === 0) return part;
    this.add(part);
    const whole = this.#memory.subarray(0, this.#length);
    this.#memory = new Uint8Array(0);
    this.#length = 0;
    return whole;
  }
}
