// The bytes of an input in large blocks, unpacked where it is gzip. What a line is, it does not know.
import { createGunzip } from "node:zlib";
import type { Bytes, OpenFile } from "../source.ts";

/** Bytes that are read at one time. */
const blockSize = 1 << 20;
/** Bytes of gzip that are unpacked at one time: they can become a thousand times as many. */
const packedAtOnce = 16 << 10;
/** Bytes that come out at one time. */
const unpackedAtOnce = 64 << 10;

/** Why a gzip that cannot be read any further cannot; undefined where something else went wrong. */
export function whyPackedUnreadable({ code, message }: Error & { code?: string }): string | undefined {
  if (code === "Z_BUF_ERROR") return "its gzip is cut short";
  return code === "Z_DATA_ERROR" ? `its gzip is damaged: ${message}` : undefined;
}

/** The blocks of an input, through gunzip where they begin as gzip does. A block is good until the next is asked for.
 * On `stop` it ends. `onRead` is called with the bytes of each as they were before. */
export async function* unpacked(
  input: Bytes,
  stop: AbortSignal,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const reader = "read" in input ? fileReader(input, onRead) : streamReader(input, onRead);
  const cancel = () => void reader.cancel().catch(() => {});
  if (stop.aborted) cancel();
  stop.addEventListener("abort", cancel);
  try {
    const first = await firstBlock(reader);
    const blocks = withFirst(first, reader);
    yield* first[0] === 0x1f && first[1] === 0x8b ? gunzipped(blocks) : blocks;
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

/**
 * `DecompressionStream` stops at the end of the first member; rotated logs have several. What comes before a fault is
 * yielded before it is thrown.
 */
async function* gunzipped(blocks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: unpackedAtOnce });
  let out: Uint8Array[] = [];
  let fault: Error | undefined;
  let wake = () => {};
  gunzip.on("data", (part) => void out.push(part));
  gunzip.once("error", (error) => {
    fault = error;
    wake();
  });
  const done = (begin: (resolve: () => void) => void) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      begin(resolve);
    });
  function* taken() {
    yield* out;
    out = [];
    if (fault !== undefined) throw fault;
  }
  try {
    for await (const block of blocks) {
      for (let start = 0; start < block.length; start += packedAtOnce) {
        await done((resolve) => gunzip.write(block.subarray(start, start + packedAtOnce), () => resolve()));
        yield* taken();
      }
    }
    await done((resolve) => gunzip.once("end", resolve).end());
    yield* taken();
  } finally {
    gunzip.destroy();
  }
}
