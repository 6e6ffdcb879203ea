// A pool of strings outside of V8's heap, where a million strings would be marked and moved by the garbage collector. A
// slab allocator: strings are UTF-8 in slots of slabs.
import { Buffer } from "node:buffer";

const slabBytes = 1 << 18;
/** Longer texts have a slab of their own. */
const maxSlot = 1 << 12;
const minSlot = 16;
const maxSlots = slabBytes / minSlot;
/** Bytes before each text. */
const headBytes = 4;

const encoder = new TextEncoder();

/** Memory with slots of one size. */
class Slab {
  readonly bytes: Buffer;
  /** The first four bytes of each slot: the length of its text in bytes, inverted (`~`) if it is not ASCII; in a free
   * slot, the next free one. */
  readonly heads: Int32Array;
  readonly slotBytes: number;
  readonly slots: number;
  used = 0;
  #free = -1;
  /** Slots from here on were never used. */
  #fresh = 0;

  constructor(slotBytes: number, slots: number) {
    const memory = new ArrayBuffer(slotBytes * slots);
    this.bytes = Buffer.from(memory);
    this.heads = new Int32Array(memory);
    this.slotBytes = slotBytes;
    this.slots = slots;
  }

  take(): number {
    this.used++;
    if (this.#free < 0) return this.#fresh++;
    const slot = this.#free;
    this.#free = this.heads[slot * this.slotBytes >>> 2]!;
    return slot;
  }

  free(slot: number): void {
    this.used--;
    this.heads[slot * this.slotBytes >>> 2] = this.#free;
    this.#free = slot;
  }
}

/** Texts by id. They must be well-formed: half a surrogate pair would be changed. All operations are O(length). */
export class StringPool {
  readonly #step: number;
  readonly #slabs: (Slab | undefined)[] = [];
  /** Indexes in `#slabs` that are free again. */
  readonly #vacant: number[] = [];
  /** Indexes of slabs with free slots, by the size of their slots. */
  readonly #open = new Map<number, number[]>();

  /** Sizes of slots are multiples of `step`, which is a multiple of 16. */
  constructor(step: number) {
    this.#step = step;
  }

  /** Allocated bytes, used or not. */
  get bytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + (slab?.bytes.length ?? 0), 0);
  }

  /** Stores a text and returns its id. */
  put(text: string): number {
    const id = this.#take(text.length);
    if (this.#write(id, text)) return id;
    this.free(id);
    const longer = this.#take(Buffer.byteLength(text));
    this.#write(longer, text);
    return longer;
  }

  /** Replaces a text and returns the new id, which may be the same. */
  replace(id: number, text: string): number {
    if (this.#slab(id).slotBytes === this.#slotFor(text.length) && this.#write(id, text)) return id;
    this.free(id);
    return this.put(text);
  }

  read(id: number): string {
    const { bytes, heads, slotBytes } = this.#slab(id);
    const begin = slotOf(id) * slotBytes;
    const head = heads[begin >>> 2]!;
    const from = begin + headBytes;
    return head >= 0
      ? bytes.toString("latin1", from, from + head)
      : bytes.toString("utf8", from, from + ~head);
  }

  /** Whether the stored text equals this one. */
  is(id: number, text: string): boolean {
    const { bytes, heads, slotBytes } = this.#slab(id);
    const begin = slotOf(id) * slotBytes;
    const head = heads[begin >>> 2]!;
    if (head < 0) return this.read(id) === text;
    if (head !== text.length) return false;
    for (let index = 0; index < head; index++) {
      if (bytes[begin + headBytes + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  /** Deletes a text; its id may be reused. */
  free(id: number): void {
    const place = placeOf(id);
    const slab = this.#slab(id);
    const open = this.#openFor(slab.slotBytes);
    if (slab.used === slab.slots) open.push(place);
    slab.free(slotOf(id));
    // One slab with free slots is kept, or deleting and storing a text could allocate a slab each time.
    if (slab.used > 0 || (open.length === 1 && slab.slots > 1)) return;
    open.splice(open.indexOf(place), 1);
    this.#slabs[place] = undefined;
    this.#vacant.push(place);
  }

  /** Returns false if the slot is too small. */
  #write(id: number, text: string): boolean {
    const { bytes, heads, slotBytes } = this.#slab(id);
    const begin = slotOf(id) * slotBytes;
    const { read, written } = encoder.encodeInto(text, bytes.subarray(begin + headBytes, begin + slotBytes));
    if (read < text.length) return false;
    heads[begin >>> 2] = written === text.length ? written : ~written;
    return true;
  }

  /** Takes a slot for a text of this length in bytes. */
  #take(bytes: number): number {
    const slotBytes = this.#slotFor(bytes);
    const open = this.#openFor(slotBytes);
    const place = open.at(-1) ?? this.#add(slotBytes, open);
    const slab = this.#slabs[place]!;
    const id = place * maxSlots + slab.take();
    if (slab.used === slab.slots) open.pop();
    return id;
  }

  #slotFor(bytes: number): number {
    return Math.ceil((bytes + headBytes) / this.#step) * this.#step;
  }

  #openFor(slotBytes: number): number[] {
    let open = this.#open.get(slotBytes);
    if (open === undefined) this.#open.set(slotBytes, open = []);
    return open;
  }

  #add(slotBytes: number, open: number[]): number {
    const place = this.#vacant.pop() ?? this.#slabs.length;
    const slots = slotBytes > maxSlot ? 1 : Math.floor(slabBytes / slotBytes);
    this.#slabs[place] = new Slab(slotBytes, slots);
    open.push(place);
    return place;
  }

  #slab(id: number): Slab {
    return this.#slabs[placeOf(id)]!;
  }
}

function placeOf(id: number): number {
  return Math.floor(id / maxSlots);
}

function slotOf(id: number): number {
  return id % maxSlots;
}
