// Reads an input in large blocks, decompressing gzip. It knows nothing of lines.
import type { Bytes, OpenFile } from "../source.ts";
import { gunzip } from "./gunzip.ts";

/** Bytes of a read. */
const blockSize = 1 << 20;

/** The warning about bytes after gzip data that are not gzip. */
export const garbageIgnored = "{what}: trailing garbage after its gzip data is ignored";

/** Explains an error of gzip data; undefined for any other error. */
export function explainGzipError({ code, message }: Error & { code?: string }): string | undefined {
  if (code === "Z_BUF_ERROR") return "its gzip is cut short";
  return code === "Z_DATA_ERROR" ? `its gzip is damaged: ${message}` : undefined;
}

/** Yields the blocks of an input, decompressed if it begins like gzip. A block is valid until the next read. It ends on
 * `stop`. `onGarbage` is called if bytes after the gzip data are not gzip; they are ignored. `onRead` gets the number of
 * bytes of each block before decompression. */
export async function* decompressed(
  input: Bytes,
  stop: AbortSignal,
  onGarbage: () => void,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const reader = "read" in input ? fileReader(input, onRead) : streamReader(input, onRead);
  const cancel = () => void reader.cancel().catch(() => {});
  if (stop.aborted) cancel();
  stop.addEventListener("abort", cancel);
  try {
    const first = await firstBlock(reader);
    const blocks = withFirst(first, reader);
    yield* first[0] === 0x1f && first[1] === 0x8b ? gunzip(blocks, onGarbage) : blocks;
  } finally {
    stop.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {});
  }
}

interface Reader {
  /** The next block, valid until the next read; undefined at the end. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  /** Closes the input; a pending read returns its end. */
  cancel(): Promise<void>;
}

function streamReader(stream: ReadableStream<Uint8Array>, onRead: (bytes: number) => void): Reader {
  const reader = stream.getReader();
  return {
    async read() {
      const { value } = await reader.read();
      onRead(value?.length ?? 0);
      return { value };
    },
    cancel: () => reader.cancel(),
  };
}

/** Reads a block while the previous one is processed, into two buffers in turn: allocating costs as much as reading. A
 * stream of the file would do neither. */
function fileReader(file: OpenFile, onRead: (bytes: number) => void): Reader {
  let [memory, other] = [new Uint8Array(blockSize), new Uint8Array(blockSize)];
  let closed = false;
  let end = () => {};
  const close = () => {
    if (closed) return;
    closed = true;
    end();
    file.close();
  };
  const next = () =>
    new Promise<number | null>((resolve, reject) => {
      end = () => resolve(null);
      if (closed) end();
      else file.read(memory).then(resolve, reject);
    });
  let ahead: Promise<number | null> | undefined;
  return {
    async read() {
      const length = await (ahead ?? next());
      if (length === null) {
        close();
        return {};
      }
      onRead(length);
      const value = memory.subarray(0, length);
      [memory, other] = [other, memory];
      ahead = next();
      ahead.catch(() => {});
      return { value };
    },
    cancel() {
      close();
      return Promise.resolve();
    },
  };
}

/** A first block of at least two bytes, which identify gzip, if the input has them: a pipe may deliver single bytes. */
async function firstBlock(reader: Reader): Promise<Uint8Array> {
  let block: Uint8Array = new Uint8Array();
  for (let next; block.length < 2 && (next = await reader.read()).value !== undefined;) {
    const isLong = block.length === 0 && next.value.length >= 2;
    block = isLong ? next.value : new Uint8Array([...block, ...next.value]);
  }
  return block;
}

async function* withFirst(
  first: Uint8Array,
  reader: Reader,
): AsyncIterable<Uint8Array> {
  for (let next: Uint8Array | undefined = first; next !== undefined; next = (await reader.read()).value) {
    yield next;
  }
}
