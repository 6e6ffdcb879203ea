// Columns of numbers that grow block by block. Nothing is copied, so growth causes no pause.

const blockBits = 12;
/** Rows in a block. */
export const blockRows = 1 << blockBits;

/** The index of a row in its block. */
export function within(row: number): number {
  return row & (blockRows - 1);
}

/** Blocks of columns. Each is created on first use of one of its rows. */
export class ChunkedColumns<Block> {
  readonly #create: () => Block;
  readonly #blocks: (Block | undefined)[] = [];

  constructor(create: () => Block) {
    this.#create = create;
  }

  /** The block of a row. */
  of(row: number): Block {
    return this.#blocks[row >>> blockBits] ?? this.#add(row >>> blockBits);
  }

  /** The block of a row, if it exists. */
  existing(row: number): Block | undefined {
    return this.#blocks[row >>> blockBits];
  }

  #add(index: number): Block {
    while (this.#blocks.length < index) this.#blocks.push(undefined);
    return this.#blocks[index] = this.#create();
  }
}
