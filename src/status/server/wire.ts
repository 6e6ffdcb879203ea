// A connection of a client: a Node stream over a Deno connection, as node:http takes it. It records since when its
// client keeps it waiting; its owner decides how long that may be.
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** Bytes read at one time; a request head mostly fits. */
const readSize = 4 << 10;
/** Up to this length chunks are joined, which copies them, and written at once. */
const maxJoined = 64 << 10;

type Done = (error?: Error | null) => void;

/** A connection. An error closes it and is not reported. */
export class Wire extends Duplex {
  /** Requests that are not answered yet. */
  open = 0;
  /** Whether a request was answered. */
  hasAnswered = false;
  /** Since when there is no open request, by `performance.now()`. */
  idleSince: number | undefined = performance.now();
  /** Since when the client has not read what was written. */
  unreadSince: number | undefined;
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(readSize);

  constructor(connection: Deno.Conn) {
    super();
    this.#connection = connection;
    this.on("error", () => {});
  }

  override _read(): void {
    this.#connection.read(this.#buffer).then(
      (count) => void this.push(count === null ? null : Buffer.from(this.#buffer.subarray(0, count))),
      (error) => void this.destroy(error),
    );
  }

  override _write(bytes: Uint8Array, _: string, done: Done): void {
    this.#write([bytes]).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    const parts = chunks.map(({ chunk }) => chunk);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#write(length > maxJoined ? parts : [Buffer.concat(parts)]).then(() => done(), done);
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    for (let bytes of parts) {
      while (bytes.length > 0) {
        this.unreadSince = performance.now();
        bytes = bytes.subarray(await this.#connection.write(bytes));
      }
    }
    this.unreadSince = undefined;
  }

  override _final(done: Done): void {
    (this.#connection as Deno.TcpConn).closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#connection.close();
    done(error);
  }

  /** node:http calls this after the last answer. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  /** Does nothing: the owner of the connection decides about timeouts. */
  setTimeout(): this {
    return this;
  }
}
