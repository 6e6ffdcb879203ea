// The bytes of an input in large blocks, unpacked where it is gzip. What a line is, it does not know.
import type { Bytes, OpenFile } from "../source.ts";
import { gunzip } from "./gunzip.ts";

/** Bytes that are read at one time. */
const blockSize = 1 << 20;

/** What is logged where what stands behind gzip is none, and is not read. */
export const garbageIgnored = "{what}: what follows its gzip is not gzip, and is ignored";

/** Why a gzip that cannot be read any further cannot; undefined where something else went wrong. */
export function explainGzipError({ code, message }: Error & { code?: string }): string | undefined {
  if (code === "Z_BUF_ERROR") return "its gzip is cut short";
  return code === "Z_DATA_ERROR" ? `its gzip is damaged: ${message}` : undefined;
}

/** The blocks of an input, through gunzip where they begin as gzip does. A block is good until the next is asked for.
 * On `stop` it ends. `onGarbage` is called where what stands behind gzip is none, and is not read; `onRead` with the
 * bytes of each block as they were before. */
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
  /** The next block, good until the one after it is asked for; undefined at the end. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  /** Ends it; a read that is under way finds the end. */
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

/** Reads one block while another is worked on, into the same two pieces of memory: new memory costs as much as reading.
 * A stream of the file would do neither. */
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

/** A block long enough to tell gzip by, where the input is: pipes may bring a byte at a time. */
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
