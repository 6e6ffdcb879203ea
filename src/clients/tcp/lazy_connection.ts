// One connection that is opened when it is needed and there is none that works.
import { Fault } from "../../lib/errors.ts";

/** What is opened, and can be lost. */
export interface Closable {
  /** False as soon as it is lost or closed. */
  readonly usable: boolean;
  /** Ends it at once. */
  close(): void;
}

/** Holds at most one. Disposing it closes that, or ends the opening. */
export class LazyConnection<C extends Closable> implements Disposable {
  readonly #connect: (closed: AbortSignal) => Promise<C>;
  readonly #closed = new AbortController();
  /** The last one, usable or not. */
  #open: C | undefined;
  #opening: Promise<C> | undefined;

  /** `connect` opens one; the signal says that it is not wanted any more. */
  constructor(connect: (closed: AbortSignal) => Promise<C>) {
    this.#connect = connect;
  }

  /** The open connection. Whoever asks while it is being opened waits for the same. @throws {Fault} */
  async get(): Promise<C> {
    if (this.#closed.signal.aborted) throw new Fault("closed");
    if (this.#open?.usable) return this.#open;
    return await (this.#opening ??= this.#reopen().finally(() => this.#opening = undefined));
  }

  async #reopen(): Promise<C> {
    const open = await this.#connect(this.#closed.signal);
    if (this.#closed.signal.aborted) {
      open.close();
      throw new Fault("closed");
    }
    return this.#open = open;
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#open?.close();
  }
}
