// A connection of a client: a stream of Node over a connection of Deno, as node:http takes it. It knows since when it
// waits for its client; how long it may, its owner decides.
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** Bytes that are read at one time: a head, mostly. */
const portion = 4 << 10;
/** Chunks that are longer together are written one by one, since joining them copies them. */
const joined = 64 << 10;

type Done = (error?: Error | null) => void;

/** A connection. Errors of it end it, and are nobody's business. */
export class Wire extends Duplex {
  /** Requests that are not answered. */
  open = 0;
  /** Has answered one. */
  hasAnswered = false;
  /** Since when it waits for a request, as `performance.now()` has it. */
  idleSince: number | undefined = performance.now();
  /** Since when its client takes nothing of what is written. */
  unreadSince: number | undefined;
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(portion);

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
    this.#write(length > joined ? parts : [Buffer.concat(parts)]).then(() => done(), done);
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

  /** Node's own time for what its owner decides here. */
  setTimeout(): this {
    return this;
  }
}
