// A file of lines that rotates by size, compressed if its name ends in .gz. It can be read at any moment, up to the last
// second.
import { basename, dirname, join } from "node:path";
import { constants, createGzip } from "node:zlib";
import { Fault } from "../../lib/errors.ts";
import { ownersAlone } from "../../lib/files.ts";
import { quoted } from "../../lib/settings/redact.ts";

/** Where a recording goes. */
export interface RecordTo {
  readonly path: string;
  /** Bytes at which the file rotates. */
  readonly rotateAt: number;
  /** Rotated files to keep. */
  readonly keep: number;
}

/** Bytes that may be pending before they are written. */
const maxPending = 256 << 10;
const lineFeed = new TextEncoder().encode("\n");

/** A recording in progress. Disposing it writes pending lines and closes it. */
export class RecordFile implements AsyncDisposable {
  /** Bytes and files written so far. */
  bytes = 0;
  files = 1;
  readonly #to: RecordTo;
  #file: Deno.FsFile;
  #encoder: Encoder;
  /** Bytes of the current file. */
  #size = 0;
  /** The time in the name of the file that rotated last: no later one may have an earlier time. */
  #rotatedAt = 0;
  #pending: Uint8Array[] = [];
  #pendingSize = 0;
  /** The last of the operations that run one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #fault: Fault | undefined;
  readonly #failed = Promise.withResolvers<never>();

  private constructor(to: RecordTo, file: Deno.FsFile) {
    this.#to = to;
    this.#file = file;
    this.#encoder = encoderOf(to.path);
    this.#failed.promise.catch(() => {});
  }

  /** Opens it. A file of that name that is not empty rotates first. @throws {Fault} */
  static async open(to: RecordTo): Promise<RecordFile> {
    try {
      const found = await Deno.stat(to.path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      });
      if (found?.isFile === false) throw new Error(found.isDirectory ? "it is a directory" : "it is no file");
      if ((found?.size ?? 0) > 0) await rotate(to, (found!.mtime ?? new Date()).getTime());
      return new RecordFile(to, await create(to.path));
    } catch (error) {
      throw unwritable(to.path, error);
    }
  }

  /** Rejects with the fault when it can no longer be written. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Takes a line; resolves when more can be taken. @throws {Fault} */
  async write(line: Uint8Array): Promise<void> {
    this.#pending.push(line, lineFeed);
    this.#pendingSize += line.length + 1;
    if (this.#pendingSize >= Math.min(maxPending, this.#to.rotateAt)) await this.flush();
  }

  /** Writes pending lines; resolves when the system has them. @throws {Fault} */
  flush(): Promise<void> {
    return this.#tail = this.#tail.then(() => this.#guard(() => this.#flush()));
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await work();
    } catch (error) {
      // Half a piece is cut off again, so that the file ends with a whole line.
      await this.#file.truncate(this.#size).catch(() => {});
      this.#fault = unwritable(this.#to.path, error);
      this.#failed.reject(this.#fault);
      throw this.#fault;
    }
  }

  async #flush(): Promise<void> {
    if (this.#pendingSize === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingSize = 0;
    await this.#put(await this.#encoder.encode(lines));
    if (this.#size < this.#to.rotateAt) return;
    await this.#end();
    this.#rotatedAt = await rotate(this.#to, Math.max(Date.now(), this.#rotatedAt + 1));
    this.#file = await create(this.#to.path);
    this.#encoder = encoderOf(this.#to.path);
    this.#size = 0;
    this.files++;
  }

  async #end(): Promise<void> {
    await this.#put(await this.#encoder.end());
    this.#file.close();
  }

  async #put(parts: readonly Uint8Array[]): Promise<void> {
    let size = 0;
    for (const part of parts) {
      for (let rest = part; rest.length > 0;) rest = rest.subarray(await this.#file.write(rest));
      size += part.length;
    }
    this.#size += size;
    this.bytes += size;
  }

  /** @throws {Fault} if pending lines cannot be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.flush();
      await this.#guard(() => this.#end());
    } catch (error) {
      this.#encoder.destroy();
      try {
        this.#file.close();
      } catch {
        // it is closed
      }
      throw error;
    }
  }
}

function create(path: string): Promise<Deno.FsFile> {
  return Deno.open(path, { write: true, create: true, truncate: true, mode: ownersAlone });
}

/** Renames `updates.ndjson.gz` to `updates-20261124T034313.123Z.ndjson.gz`, so that the order of names is that of time, and
 * deletes what is too old. Returns the time in the name, in milliseconds; it is a later one if the name is taken. */
async function rotate({ path, keep }: RecordTo, at: number): Promise<number> {
  const { folder, before, after } = partsOf(path);
  const nameAt = (time: number) =>
    `${before}-${new Date(time).toISOString().replaceAll(/[-:]/g, "")}${after}`;
  let time = at;
  while (await exists(join(folder, nameAt(time)))) time++;
  await Deno.rename(path, join(folder, nameAt(time)));
  const old: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    const stamp = name.startsWith(`${before}-`) && name.endsWith(after)
      ? name.slice(before.length + 1, name.length - after.length)
      : "";
    if (isFile && /^\d{8}T\d{6}\.\d{3}Z$/.test(stamp)) old.push(name);
  }
  for (const name of old.sort().slice(0, Math.max(0, old.length - keep))) {
    await Deno.remove(join(folder, name));
  }
  return time;
}

function partsOf(path: string): { folder: string; before: string; after: string } {
  const name = basename(path);
  const dot = name.indexOf(".", 1);
  return {
    folder: dirname(path),
    before: dot < 0 ? name : name.slice(0, dot),
    after: dot < 0 ? "" : name.slice(dot),
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

function unwritable(path: string, error: unknown): Fault {
  const { NotFound, PermissionDenied, NotCapable } = Deno.errors;
  const reason = error instanceof NotFound
    ? "its directory does not exist"
    : error instanceof PermissionDenied || error instanceof NotCapable
    ? "writing it is not permitted"
    : (error as Error).message.replace(/: \w+ '.*/s, "");
  return new Fault(
    `cannot write ${quoted(path)}: ${reason}; what was recorded before is kept`,
    "config",
  );
}

/** Encodes lines as the bytes of the file. */
interface Encoder {
  /** The bytes with which these lines, and all before, can be read. */
  encode(lines: readonly Uint8Array[]): Promise<Uint8Array[]>;
  end(): Promise<Uint8Array[]>;
  destroy(): void;
}

function encoderOf(path: string): Encoder {
  return path.endsWith(".gz") ? new GzipEncoder() : plainEncoder;
}

const plainEncoder: Encoder = {
  encode: (lines) => Promise.resolve([...lines]),
  end: () => Promise.resolve([]),
  destroy: () => {},
};

/** After each piece everything so far can be decompressed. */
class GzipEncoder implements Encoder {
  readonly #gzip = createGzip({ chunkSize: 256 << 10 });
  #out: Uint8Array[] = [];

  constructor() {
    this.#gzip.on("data", (part) => void this.#out.push(part));
  }

  async encode(lines: readonly Uint8Array[]): Promise<Uint8Array[]> {
    for (const line of lines) this.#gzip.write(line);
    await new Promise<void>((resolve) => this.#gzip.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    return this.#take();
  }

  async end(): Promise<Uint8Array[]> {
    await new Promise<void>((resolve) => this.#gzip.once("end", resolve).end());
    return this.#take();
  }

  destroy(): void {
    this.#gzip.destroy();
  }

  #take(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}
