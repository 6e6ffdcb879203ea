// Collects texts and writes those of one turn of the event loop in one go: a hundred lines cost one system call.

/** Writes bytes; yields how many it took. */
export type Write = (bytes: Uint8Array) => number;

const utf8 = new TextEncoder();

/** A writer of texts that waits for the end of the turn. */
export class TurnWriter {
  readonly #write: Write;
  #waiting = "";

  constructor(write: Write) {
    this.#write = write;
  }

  write(text: string): void {
    if (this.#waiting === "") queueMicrotask(() => this.flush());
    this.#waiting += text;
  }

  /** Writes what waits: to be called before the process ends. What cannot be written is lost, as nobody reads it. */
  flush(): void {
    let bytes = utf8.encode(this.#waiting);
    this.#waiting = "";
    try {
      while (bytes.length > 0) bytes = bytes.subarray(this.#write(bytes));
    } catch {
      // There is no other place to say so.
    }
  }
}
