// Texts outside of V8's heap, each under a number: a million strings would be marked and moved by the garbage
// collector, and held in a heap that is larger than they are. They stand in slots of slabs, as UTF-8.
import { Buffer } from "node:buffer";

const slabBytes = 1 << 18;
/** Longer texts have a slab of their own. */
const largestSlot = 1 << 12;
const smallestSlot = 16;
const slotsAtMost = slabBytes / smallestSlot;
/** Bytes before each text. */
const headBytes = 4;

const encoder = new TextEncoder();

/** Slots of one size. */
class Slab {
  readonly bytes: Buffer;
  /** At the head of each slot: the bytes of its text, `~` of them where it is not ASCII; the next free slot. */
  readonly heads: Int32Array;
  readonly slotBytes: number;
  readonly slots: number;
  used = 0;
  #free = -1;
  /** All from here on were never used. */
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

/** Texts by number. They are well-formed: half a surrogate pair would not come back as it was. */
export class StringPool {
  readonly #step: number;
  readonly #slabs: (Slab | undefined)[] = [];
  /** Places in `#slabs` that are free again. */
  readonly #vacant: number[] = [];
  /** Places of the slabs that have free slots, by the size of these. */
  readonly #open = new Map<number, number[]>();

  /** Sizes of slots are multiples of `step`, itself one of 16. */
  constructor(step: number) {
    this.#step = step;
  }

  /** How many bytes are held for texts, used or not. */
  get bytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + (slab?.bytes.length ?? 0), 0);
  }

  /** Keeps a text; yields its number. */
  put(text: string): number {
    const id = this.#take(text.length);
    if (this.#write(id, text)) return id;
    this.free(id);
    const longer = this.#take(Buffer.byteLength(text));
    this.#write(longer, text);
    return longer;
  }

  /** Keeps a text in the place of another; yields its number, which may be the same. */
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

  /** Whether it is this text. */
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

  /** Its number may be given to another text afterwards. */
  free(id: number): void {
    const place = placeOf(id);
    const slab = this.#slab(id);
    const open = this.#openFor(slab.slotBytes);
    if (slab.used === slab.slots) open.push(place);
    slab.free(slotOf(id));
    // One with free slots stays, or the next text might bring back what was given away.
    if (slab.used > 0 || (open.length === 1 && slab.slots > 1)) return;
    open.splice(open.indexOf(place), 1);
    this.#slabs[place] = undefined;
    this.#vacant.push(place);
  }

  /** Yields false where there is no room for it in the slot. */
  #write(id: number, text: string): boolean {
    const { bytes, heads, slotBytes } = this.#slab(id);
    const begin = slotOf(id) * slotBytes;
    const { read, written } = encoder.encodeInto(text, bytes.subarray(begin + headBytes, begin + slotBytes));
    if (read < text.length) return false;
    heads[begin >>> 2] = written === text.length ? written : ~written;
    return true;
  }

  /** A slot for a text of so many bytes. */
  #take(bytes: number): number {
    const slotBytes = this.#slotFor(bytes);
    const open = this.#openFor(slotBytes);
    const place = open.at(-1) ?? this.#add(slotBytes, open);
    const slab = this.#slabs[place]!;
    const id = place * slotsAtMost + slab.take();
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
    const slots = slotBytes > largestSlot ? 1 : Math.floor(slabBytes / slotBytes);
    this.#slabs[place] = new Slab(slotBytes, slots);
    open.push(place);
    return place;
  }

  #slab(id: number): Slab {
    return this.#slabs[placeOf(id)]!;
  }
}

function placeOf(id: number): number {
  return Math.floor(id / slotsAtMost);
}

function slotOf(id: number): number {
  return id % slotsAtMost;
}
