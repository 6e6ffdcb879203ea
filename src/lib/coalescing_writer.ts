// Collects texts and writes those of one turn of the event loop in one go: a hundred lines cost one system call. It
// never waits for who reads them: what comes while too much is pending is dropped, and counted.

/** Writes bytes; yields how many it took. Must not block. */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Where lines of text go. */
export interface LineOutput {
  write(line: string): void;
  /** Lines that were dropped since nobody read them. */
  readonly dropped?: number;
  /** Is called when lines are read again, with how many were dropped meanwhile. */
  onRead?: ((dropped: number) => void) | undefined;
}

/** Characters that may be pending while nobody reads. */
const maxPending = 4 << 20;

const utf8 = new TextEncoder();

/** A writer of texts that waits for the end of the turn, and for the write before. */
export class CoalescingWriter implements LineOutput {
  dropped = 0;
  onRead: ((dropped: number) => void) | undefined;
  readonly #write: Write;
  readonly #maxPending: number;
  #pending = "";
  #pendingTexts = 0;
  /** Of those that were dropped, as many as `onRead` was told. */
  #reported = 0;
  #writing: Promise<void> | undefined;
  /** The last write was taken. */
  #isRead = false;

  constructor(write: Write, most = maxPending) {
    this.#write = write;
    this.#maxPending = most;
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

  /** Resolves when all is written, or after so many milliseconds: to be called before the process ends. */
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
      // Behind what came before the gap.
      if (this.#isRead) this.#reportDropped();
      if (bytes.length === 0 && this.#pending === "") break;
      try {
        while (bytes.length > 0) bytes = bytes.subarray(await this.#write(bytes));
        this.#isRead = true;
      } catch {
        // The reader went away; there is no other place to say so.
        this.#isRead = false;
        this.dropped += texts;
      }
    }
    this.#writing = undefined;
  }

  #reportDropped(): void {
    const news = this.dropped - this.#reported;
    this.#reported = this.dropped;
    if (news > 0) this.onRead?.(news);
  }
}
