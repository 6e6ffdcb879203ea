// Collects texts and writes those of one turn of the event loop together: a hundred lines cost one system call. The
// writer never waits for its reader: while too much is pending, texts are dropped and counted.
import { Listeners } from "./listeners.ts";

/** Writes bytes and returns how many it took. Must not block. */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Where lines of text go. */
export interface LineOutput {
  write(line: string): void;
  /** Lines dropped because nobody read them. */
  readonly dropped?: number;
  /** Calls the listener when lines are read again, with the number that was dropped meanwhile. */
  onDropped?(listener: (count: number) => void): Disposable;
}

/** Maximum pending characters while nobody reads. */
const maxPending = 4 << 20;

const utf8 = new TextEncoder();

/** A writer that waits for the end of the turn, and for the previous write. */
export class CoalescingWriter implements LineOutput {
  dropped = 0;
  readonly #write: Write;
  readonly #maxPending: number;
  readonly #onDropped = new Listeners<[count: number]>();
  #pending = "";
  #pendingTexts = 0;
  /** How many of the dropped texts `onDropped` was notified of. */
  #reported = 0;
  #writing: Promise<void> | undefined;
  /** The last write succeeded. */
  #isRead = false;

  constructor(write: Write, limit = maxPending) {
    this.#write = write;
    this.#maxPending = limit;
  }

  onDropped(listener: (count: number) => void): Disposable {
    return this.#onDropped.add(listener);
  }

  write(text: string): void {
    if (this.#pending.length + text.length > this.#maxPending) {
      this.dropped++;
      return;
    }
    this.#pending += text;
    this.#pendingTexts++;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written, or after these milliseconds; call it before the process ends. */
  async end(milliseconds: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, milliseconds);
    await Promise.race([this.#writing, late.promise]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (true) {
      let bytes = utf8.encode(this.#pending);
      const texts = this.#pendingTexts;
      this.#pending = "";
      this.#pendingTexts = 0;
      // After the texts that came before the gap.
      if (this.#isRead) this.#reportDropped();
      if (bytes.length === 0 && this.#pending === "") break;
      try {
        while (bytes.length > 0) bytes = bytes.subarray(await this.#write(bytes));
        this.#isRead = true;
      } catch {
        // The reader is gone, and there is no other place to report it.
        this.#isRead = false;
        this.dropped += texts;
      }
    }
    this.#writing = undefined;
  }

  #reportDropped(): void {
    const count = this.dropped - this.#reported;
    this.#reported = this.dropped;
    if (count > 0) this.#onDropped.call(count);
  }
}
