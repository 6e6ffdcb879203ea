// Interns names: each gets a row, the number under which columns store its data. A hash table outside of V8's heap with
// linear hashing: it grows by one bucket at a time, so growth causes no pause.
import { blockRows, ChunkedColumns, within } from "./chunked_columns.ts";
import { StringPool } from "./string_pool.ts";

/** Names by row and rows by name. All operations but `rows` are O(1). */
export class Interner {
  /** The number of names. */
  size = 0;
  readonly #texts = new StringPool(16);
  readonly #rows = new ChunkedColumns(() => ({
    /** Id of the name in the string pool; -1 in a free row. */
    texts: new Float64Array(blockRows).fill(-1),
    hashes: new Int32Array(blockRows),
    /** The next row of the bucket; in a free row, the next free one. */
    next: new Int32Array(blockRows),
  }));
  /** The first row of each bucket, or -1. */
  readonly #heads = new ChunkedColumns(() => new Int32Array(blockRows).fill(-1));
  /** Names of a bucket that does not exist yet are in the one whose number has a bit less. */
  #buckets = 1;
  #mask = 0;
  #free = -1;
  /** Rows from here on were never used. */
  #fresh = 0;

  /** The row of a name; -1 if it has none. */
  find(name: string): number {
    const hash = hashOf(name);
    const bucket = this.#bucketOf(hash);
    let row = this.#heads.of(bucket)[within(bucket)]!;
    while (row >= 0) {
      const { texts, hashes, next } = this.#rows.of(row);
      const at = within(row);
      if (hashes[at] === hash && this.#texts.is(texts[at]!, name)) return row;
      row = next[at]!;
    }
    return -1;
  }

  /** Adds a name that has no row, and returns its row. */
  add(name: string): number {
    if (this.size++ >= this.#buckets) this.#split();
    const row = this.#free >= 0 ? this.#free : this.#fresh++;
    const { texts, hashes, next } = this.#rows.of(row);
    const at = within(row);
    if (row === this.#free) this.#free = next[at]!;
    texts[at] = this.#texts.put(name);
    hashes[at] = hashOf(name);
    this.#link(row);
    return row;
  }

  /** The name of a row. */
  name(row: number): string {
    return this.#texts.read(this.#rows.of(row).texts[within(row)]!);
  }

  /** Deletes the name of a row, which may then be reused. */
  delete(row: number): void {
    this.#unlink(row);
    const { texts, next } = this.#rows.of(row);
    const at = within(row);
    this.#texts.free(texts[at]!);
    texts[at] = -1;
    next[at] = this.#free;
    this.#free = row;
    this.size--;
  }

  /** All rows in use. */
  *rows(): Iterable<number> {
    for (let row = 0; row < this.#fresh; row++) {
      if (this.#rows.of(row).texts[within(row)]! >= 0) yield row;
    }
  }

  #bucketOf(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#buckets ? bucket : bucket & this.#mask >>> 1;
  }

  #link(row: number): void {
    const { hashes, next } = this.#rows.of(row);
    const bucket = this.#bucketOf(hashes[within(row)]!);
    const heads = this.#heads.of(bucket);
    next[within(row)] = heads[within(bucket)]!;
    heads[within(bucket)] = row;
  }

  #unlink(row: number): void {
    const { hashes, next } = this.#rows.of(row);
    const bucket = this.#bucketOf(hashes[within(row)]!);
    const after = next[within(row)]!;
    const heads = this.#heads.of(bucket);
    let before = heads[within(bucket)]!;
    if (before === row) heads[within(bucket)] = after;
    else {
      for (let beyond; (beyond = this.#next(before)) !== row;) before = beyond;
      this.#rows.of(before).next[within(before)] = after;
    }
  }

  /** Adds a bucket, with the names of another bucket that belong there. */
  #split(): void {
    const added = this.#buckets++;
    if (added > this.#mask) this.#mask = 2 * this.#mask + 1;
    const old = added & this.#mask >>> 1;
    const heads = this.#heads.of(old);
    let row = heads[within(old)]!;
    heads[within(old)] = -1;
    while (row >= 0) {
      const next = this.#next(row);
      this.#link(row);
      row = next;
    }
  }

  #next(row: number): number {
    return this.#rows.of(row).next[within(row)]!;
  }
}

/** FNV-1a, its high bits folded into the low ones. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash ^ hash >>> 15;
}
