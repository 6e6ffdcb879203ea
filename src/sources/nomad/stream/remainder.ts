// Collects the parts of a line or of an allocation until it is complete, in time and memory linear in its bytes, however
// small the parts are.
import { Fault } from "../../../lib/errors.ts";

/** Maximum bytes of a line, and of an allocation of the list: the longest lines seen so far have 600 kB. */
const maxBytes = 64 << 20;

/** The parts that arrived so far. */
export class Remainder {
  readonly #what: string;
  readonly #where: string;
  #memory = new Uint8Array(0);
  #length = 0;

  /** `what` is collected, and `where` it comes from, in words. */
  constructor(what: string, where: string) {
    this.#what = what;
    this.#where = where;
  }

  /** @throws {Fault} if it is too long. */
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

  /** Returns the whole, which this part completes, and starts over. @throws {Fault} */
  end(part: Uint8Array): Uint8Array {
    if (this.#length === 0) return part;
    this.add(part);
    const whole = this.#memory.subarray(0, this.#length);
    this.#memory = new Uint8Array(0);
    this.#length = 0;
    return whole;
  }
}
