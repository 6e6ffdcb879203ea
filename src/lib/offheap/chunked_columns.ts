// Columns of numbers that grow block by block: nothing is copied, so growing never holds up what is going on.

/** Rows in a block. */
export const blockRows = 4096;

/** The place of a row in its block. */
export function within(row: number): number {
  return row & (blockRows - 1);
}

/** Blocks of columns, each made when a row in it is first asked for. */
export class ChunkedColumns<Block> {
  readonly #make: () => Block;
  readonly #blocks: (Block | undefined)[] = [];

  constructor(make: () => Block) {
    this.#make = make;
  }

  /** The block of a row. */
  of(row: number): Block {
    return this.#blocks[row >>> 12] ?? this.#add(row >>> 12);
  }

  /** The block of a row, where it is made already. */
  made(row: number): Block | undefined {
    return this.#blocks[row >>> 12];
  }

  #add(index: number): Block {
    while (this.#blocks.length < index) this.#blocks.push(undefined);
    return this.#blocks[index] = this.#make();
  }
}
