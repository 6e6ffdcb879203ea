// Decompresses gzip as gzip(1) does: member after member, ignoring trailing garbage. node's own `createGunzip` cannot: it
// hangs on zeros after a member, and loses data before any other trailing bytes.
import { crc32, createInflateRaw } from "node:zlib";

/** Bytes decompressed at a time: they can expand a thousandfold. */
const compressedChunk = 16 << 10;
/** Bytes of a decompressed chunk. */
const decompressedChunk = 64 << 10;

/** Invalid gzip data, with node's codes of zlib. */
class Unreadable extends Error {
  constructor(readonly code: "Z_BUF_ERROR" | "Z_DATA_ERROR", message: string) {
    super(message);
  }
}

const cutShort = () => new Unreadable("Z_BUF_ERROR", "unexpected end of file");
const damaged = (how: string) => new Unreadable("Z_DATA_ERROR", how);

/**
 * Yields the decompressed blocks. Zeros after the last member are padding; for anything else `onGarbage` is called, and it
 * is ignored. What precedes an error is yielded before it is thrown.
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

/** Skips the rest of a member's header, after its first two bytes (RFC 1952, 2.3). */
async function skipHeader(input: Input): Promise<void> {
  const [method, flags] = await input.take(8) as unknown as [number, number];
  if (method !== 8) throw damaged("unknown compression method");
  if ((flags & 0xe0) !== 0) throw damaged("unknown header flags set");
  if ((flags & 4) !== 0) await input.skip(new DataView((await input.take(2)).buffer).getUint16(0, true));
  if ((flags & 8) !== 0) await input.skipText();
  if ((flags & 16) !== 0) await input.skipText();
  if ((flags & 2) !== 0) await input.skip(2);
}

/** The decompressed data of one member. */
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
        inflate.write(piece, () => resolve()); // which is not called at the end of the member
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

/** Reads exact numbers of bytes from blocks of any size. A block is valid until the next read. */
class Input implements AsyncDisposable {
  readonly #blocks: AsyncIterator<Uint8Array>;
  #block: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(blocks: AsyncIterable<Uint8Array>) {
    this.#blocks = blocks[Symbol.asyncIterator]();
  }

  /** One to `max` bytes; undefined at the end. */
  async some(max: number): Promise<Uint8Array | undefined> {
    while (this.#at === this.#block.length) {
      const { done, value } = await this.#blocks.next();
      if (done) return undefined;
      this.#block = value;
      this.#at = 0;
    }
    const start = this.#at;
    this.#at = Math.min(this.#block.length, start + max);
    return this.#block.subarray(start, this.#at);
  }

  /** Unreads the last bytes that `some` returned. */
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

  /** Exactly `count` bytes, copied. @throws {Unreadable} */
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

  /** Skips a zero-terminated text. @throws {Unreadable} */
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
