// A progress bar on one line of a terminal, erased at the end. It measures nothing itself.
import { formatSize } from "../../lib/size.ts";

/** Bytes of an input; a shorter one is read before anybody looks. */
const minTotal = 8_000_000;
/** Milliseconds between two drawings. */
const period = 100;
const width = 24;

/** What a bar draws with. */
export interface Canvas {
  write(text: string): void;
  /** Resolves when everything written is on the terminal, or nobody reads it. */
  flush(): Promise<void>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/** The progress through an input. Without a canvas nothing is drawn. */
export class Progress implements Disposable {
  readonly #total: number | undefined;
  readonly #canvas: Canvas | undefined;
  readonly #beganAt: number;
  #done = 0;
  #drawnAt = -Infinity;

  /** `total` is the length of the input in bytes, undefined if it is unknown. */
  constructor(total: number | undefined, canvas: Canvas | undefined) {
    this.#total = total;
    this.#canvas = total !== undefined && total >= minTotal ? canvas : undefined;
    this.#beganAt = canvas?.now() ?? 0;
  }

  /** Adds bytes that are read. */
  add(bytes: number): void {
    this.#done += bytes;
    const canvas = this.#canvas;
    if (canvas === undefined) return;
    const now = canvas.now();
    if (now - this.#drawnAt < period) return;
    this.#drawnAt = now;
    canvas.write(`\r${bar(this.#done, this.#total!, now - this.#beganAt)}\x1b[K`);
  }

  /** Erases the bar, so that something else can be written; the next `add` draws it again. */
  erase(): void {
    if (this.#drawnAt > -Infinity) this.#canvas?.write("\r\x1b[K");
    this.#drawnAt = -Infinity;
  }

  /** Erases the bar for good. It resolves when that is on the terminal, so that output to another stream comes after. */
  async end(): Promise<void> {
    this.erase();
    await this.#canvas?.flush();
  }

  [Symbol.dispose](): void {
    this.erase();
  }
}

/** `██████░░░░░░  50 %  512 MB of 1.02 GB  310 MB/s`; files that grow meanwhile are not read beyond 100 %. */
function bar(done: number, total: number, milliseconds: number): string {
  const share = Math.min(1, done / total);
  const filled = Math.floor(share * width);
  const speed = milliseconds > 0 ? `  ${formatSize(Math.round(done / milliseconds * 1000))}/s` : "";
  return "█".repeat(filled) + "░".repeat(width - filled) +
    `  ${Math.floor(share * 100)} %  ${formatSize(done)} of ${formatSize(total)}${speed}`;
}
