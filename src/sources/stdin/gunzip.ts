// gzip unpacked as gzip(1) unpacks it: member after member, up to what is no member. node's own `createGunzip` cannot:
// it never comes back from zeros behind a member, and of text there it keeps not even what stood before.
import { crc32, createInflateRaw } from "node:zlib";

/** Bytes of gzip that are unpacked at one time: they can become a thousand times as many. */
const compressedChunk = 16 << 10;
/** Bytes that come out at one time. */
const decompressedChunk = 64 << 10;

/** Why gzip cannot be read any further, by node's codes of zlib. */
class Unreadable extends Error {
  constructor(readonly code: "Z_BUF_ERROR" | "Z_DATA_ERROR", message: string) {
    super(message);
  }
}

const cutShort = () => new Unreadable("Z_BUF_ERROR", "unexpected end of file");
const damaged = (how: string) => new Unreadable("Z_DATA_ERROR", how);

/**
 * The blocks unpacked. They begin with a member; zeros behind the last one are padding, and for anything else there
 * `onGarbage` is called, and it is not read. What comes before a fault is yielded before it is thrown.
 */
export async function* gunzip(
  blocks: AsyncIterable<Uint8Array>,
  onGarbage: () => void,
): AsyncGenerator<Uint8Array> {
  await using input = new Input(blocks);
  await input.skip(2);
  do {
    await skipHeader(input);
    const sum = { crc: 0, length: 0 };
    for await (const part of inflated(input)) {
      sum.crc = crc32(part, sum.crc);
      sum.length += part.length;
      yield part;
    }
    const trailer = new DataView((await input.take(8)).buffer);
    if (trailer.getUint32(0, true) !== sum.crc) throw damaged("incorrect data check");
    if (trailer.getUint32(4, true) !== sum.length % 2 ** 32) throw damaged("incorrect length check");
  } while (await followsMember(input, onGarbage));
}

async function followsMember(input: Input, onGarbage: () => void): Promise<boolean> {
  let first = await input.byte();
  if (first === 0x1f) {
    const second = await input.byte();
    if (second === undefined) throw cutShort();
    if (second === 0x8b) return true;
  }
  while (first === 0) first = await input.nonZero();
  if (first !== undefined) onGarbage();
  return false;
}

/** Skips what stands before what is packed, but for the first two bytes, which are read (RFC 1952, 2.3). */
async function skipHeader(input: Input): Promise<void> {
  const [method, flags] = await input.take(8) as unknown as [number, number];
  if (method !== 8) throw damaged("unknown compression method");
  if ((flags & 0xe0) !== 0) throw damaged("unknown header flags set");
  if ((flags & 4) !== 0) await input.skip(new DataView((await input.take(2)).buffer).getUint16(0, true));
  if ((flags & 8) !== 0) await input.skipText();
  if ((flags & 16) !== 0) await input.skipText();
  if ((flags & 2) !== 0) await input.skip(2);
}

/** What is packed in one member. */
async function* inflated(input: Input): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: decompressedChunk });
  let out: Uint8Array[] = [];
  let fault: Error | undefined;
  let ended = false;
  let wake = () => {};
  inflate.on("data", (part) => void out.push(part));
  inflate.once("end", () => {
    ended = true;
    wake();
  });
  inflate.once("error", (error) => {
    fault = error;
    wake();
  });
  try {
    while (!ended) {
      const piece = await input.some(compressedChunk);
      if (piece === undefined) throw cutShort();
      const before = inflate.bytesWritten;
      await new Promise<void>((resolve) => {
        wake = resolve;
        inflate.write(piece, () => resolve()); // which is not called at the end of what is packed
      });
      yield* out;
      out = [];
      if (fault !== undefined) throw fault;
      if (ended) input.giveBack(piece.length - (inflate.bytesWritten - before));
    }
  } finally {
    inflate.destroy();
  }
}

/** Bytes by number, out of blocks that come as they come. A block is good until the next is asked for. */
class Input implements AsyncDisposable {
  readonly #blocks: AsyncIterator<Uint8Array>;
  #block: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(blocks: AsyncIterable<Uint8Array>) {
    this.#blocks = blocks[Symbol.asyncIterator]();
  }

  /** At least one byte and at most so many; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#at === this.#block.length) {
      const { done, value } = await this.#blocks.next();
      if (done) return undefined;
      this.#block = value;
      this.#at = 0;
    }
    const start = this.#at;
    this.#at = Math.min(this.#block.length, start + most);
    return this.#block.subarray(start, this.#at);
  }

  /** Lets the last bytes of what `some` yielded come again. */
  giveBack(count: number): void {
    this.#at -= count;
  }

  async byte(): Promise<number | undefined> {
    return (await this.some(1))?.[0];
  }

  /** The next byte that is not 0. */
  async nonZero(): Promise<number | undefined> {
    for (let some; (some = await this.some(compressedChunk)) !== undefined;) {
      const found = some.find((byte) => byte !== 0);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Exactly so many, in memory of their own. @throws {Unreadable} */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = new Uint8Array(count);
    for (let length = 0; length < count;) {
      const some = await this.some(count - length);
      if (some === undefined) throw cutShort();
      taken.set(some, length);
      length += some.length;
    }
    return taken;
  }

  /** @throws {Unreadable} */
  async skip(count: number): Promise<void> {
    await this.take(count);
  }

  /** A text that ends with 0. @throws {Unreadable} */
  async skipText(): Promise<void> {
    for (let some; (some = await this.some(compressedChunk)) !== undefined;) {
      const end = some.indexOf(0);
      if (end >= 0) return this.giveBack(some.length - end - 1);
    }
    throw cutShort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks.return?.();
  }
}
