// The files of a recording: one is written, by lines, packed where its name ends in .gz, and set aside under a name
// with the time when it is large enough. What stands in it can be read at any moment, up to the last second.
import { basename, dirname, join } from "node:path";
import { constants, createGzip } from "node:zlib";
import { Fault } from "../../lib/errors.ts";
import { ownersAlone } from "../../lib/files.ts";
import { quoted } from "../../lib/settings/redact.ts";

/** Where a recording goes. */
export interface RecordTo {
  readonly path: string;
  /** Bytes at which a file is set aside. */
  readonly rotateAt: number;
  /** How many files are kept that were set aside. */
  readonly keep: number;
}

/** Bytes that are written at one time. */
const maxPending = 256 << 10;
const lineFeed = new TextEncoder().encode("\n");

/** A recording that is written. Disposing it writes what is left and closes it. */
export class RecordFile implements AsyncDisposable {
  /** Bytes and files that were written so far. */
  bytes = 0;
  files = 1;
  readonly #to: RecordTo;
  #file: Deno.FsFile;
  #packer: Packer;
  /** Bytes of the file that is written. */
  #size = 0;
  /** The time in the name of the file that was set aside last: no later one may have an earlier time. */
  #rotateAt = 0;
  #pending: Uint8Array[] = [];
  #pendingSize = 0;
  /** What is done one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #fault: Fault | undefined;
  readonly #over = Promise.withResolvers<never>();

  private constructor(to: RecordTo, file: Deno.FsFile) {
    this.#to = to;
    this.#file = file;
    this.#packer = packerOf(to.path);
    this.#over.promise.catch(() => {});
  }

  /** Opens it. A file of that name that holds something is set aside, as if it had been large enough. @throws {Fault} */
  static async open(to: RecordTo): Promise<RecordFile> {
    try {
      const found = await Deno.stat(to.path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      });
      if (found?.isFile === false) throw new Error(found.isDirectory ? "it is a directory" : "it is no file");
      if ((found?.size ?? 0) > 0) await setAside(to, (found!.mtime ?? new Date()).getTime());
      return new RecordFile(to, await create(to.path));
    } catch (error) {
      throw unwritable(to.path, error);
    }
  }

  /** Rejects with a fault when it cannot be written any more. */
  get over(): Promise<never> {
    return this.#over.promise;
  }

  /** Takes a line; resolves when more can be taken. @throws {Fault} */
  async write(line: Uint8Array): Promise<void> {
    this.#pending.push(line, lineFeed);
    this.#pendingSize += line.length + 1;
    if (this.#pendingSize >= Math.min(maxPending, this.#to.rotateAt)) await this.flush();
  }

  /** Writes what was taken; resolves when the system has it. @throws {Fault} */
  flush(): Promise<void> {
    return this.#tail = this.#tail.then(() => this.#guard(() => this.#flush()));
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await work();
    } catch (error) {
      // What is written of a piece is cut off again, so that the file ends with a line.
      await this.#file.truncate(this.#size).catch(() => {});
      this.#fault = unwritable(this.#to.path, error);
      this.#over.reject(this.#fault);
      throw this.#fault;
    }
  }

  async #flush(): Promise<void> {
    if (this.#pendingSize === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingSize = 0;
    await this.#put(await this.#packer.pack(lines));
    if (this.#size < this.#to.rotateAt) return;
    await this.#end();
    this.#rotateAt = await setAside(this.#to, Math.max(Date.now(), this.#rotateAt + 1));
    this.#file = await create(this.#to.path);
    this.#packer = packerOf(this.#to.path);
    this.#size = 0;
    this.files++;
  }

  async #end(): Promise<void> {
    await this.#put(await this.#packer.end());
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

  /** @throws {Fault} where what is left cannot be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.flush();
      await this.#guard(() => this.#end());
    } catch (error) {
      this.#packer.destroy();
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

/** `updates.ndjson.gz` → `updates-20261124T034313.123Z.ndjson.gz`: by name, the files are in the order of
 * time. Yields the time in the name, in milliseconds: it is a later one where the name is taken. */
async function setAside({ path, keep }: RecordTo, at: number): Promise<number> {
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

/** Makes of lines what stands in the file. */
interface Packer {
  /** The bytes that are due when these lines are to be on disk. */
  pack(lines: readonly Uint8Array[]): Promise<Uint8Array[]>;
  end(): Promise<Uint8Array[]>;
  destroy(): void;
}

function packerOf(path: string): Packer {
  return path.endsWith(".gz") ? new GzipPacker() : plainPacker;
}

const plainPacker: Packer = {
  pack: (lines) => Promise.resolve([...lines]),
  end: () => Promise.resolve([]),
  destroy: () => {},
};

/** After each piece all that was packed can be unpacked. */
class GzipPacker implements Packer {
  readonly #gzip = createGzip({ chunkSize: 256 << 10 });
  #out: Uint8Array[] = [];

  constructor() {
    this.#gzip.on("data", (part) => void this.#out.push(part));
  }

  async pack(lines: readonly Uint8Array[]): Promise<Uint8Array[]> {
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
