// Splits the bytes of one input into numbered lines, block by block. Lines that the prefilter knows to be irrelevant are
// counted instead of copied.
import { Buffer } from "node:buffer";
import type { Nanoseconds } from "../../lib/duration.ts";
import { Fault } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { latestEventTime } from "../../lib/time.ts";
import { beforeAll, capacity, LinesToParse } from "../../detection/decode/prefilter/prefilter.ts";
import type { Skipped, SourceContext } from "../source.ts";
import { explainGzipError } from "./decompress.ts";
import { titleOf } from "./files.ts";

/** Maximum bytes of a line: RabbitMQ's own limit for a message. */
const maxLineLength = 128 << 20;
/** Marks the end of a truncated line, which makes it invalid JSON. */
const cut = new TextEncoder().encode("…");

const carriageReturn = 13;

/** The lines of one block, and the number of each. */
export interface Block {
  readonly bodies: (Uint8Array | Skipped)[];
  readonly numbers: number[];
  /** The only line is the last one, without a line feed. */
  readonly unended?: boolean;
}

/** The lines of one input, block by block. */
export class Lines {
  readonly #name: string;
  readonly #log: Log;
  readonly #restartsOnly: boolean;
  readonly #skipUntil: () => Nanoseconds | undefined;
  /** The beginning of a line whose end has not arrived. */
  #rest: Uint8Array[] = [];
  #restLength = 0;
  #number = 0;

  /** `name` is empty for standard input. `skipUntil` returns up to which time updates may be skipped. */
  constructor(
    name: string,
    { log, restartsOnly }: Pick<SourceContext, "log" | "restartsOnly">,
    skipUntil: () => Nanoseconds | undefined = () => undefined,
  ) {
    this.#name = name;
    this.#log = log;
    this.#restartsOnly = restartsOnly;
    this.#skipUntil = skipUntil;
  }

  /** The location of a line, in words. */
  place(number: number): string {
    return `line ${number}${this.#name && ` of ${this.#name}`}`;
  }

  /** Yields the lines of these bytes, copied. @throws {Fault} */
  async *blocks(bytes: AsyncIterable<Uint8Array>, stop: AbortSignal): AsyncIterable<Block> {
    try {
      for await (const block of bytes) {
        for (let start = 0; start < block.length; start += capacity) {
          const lines = this.#split(block.subarray(start, start + capacity));
          if (lines.bodies.length > 0) yield lines;
        }
      }
    } catch (error) {
      if (stop.aborted) return; // which cuts gzip short
      const what = titleOf(this.#name);
      const reason = explainGzipError(error as Error) ?? (error as Error).message;
      throw new Fault(`cannot read ${what}: ${reason}`, "config");
    }
    const last = this.#takeLine(new Uint8Array());
    if (last.length > 0 && !stop.aborted) {
      yield { bodies: [last], numbers: [this.#number], unended: true };
    }
  }

  #split(block: Uint8Array): Block {
    const lines: Block = { bodies: [], numbers: [] };
    const latest = this.#restartsOnly ? this.#skipUntil() ?? latestEventTime() : beforeAll;
    const toParse = new LinesToParse(block);
    // A line that began in another block must be complete to be classified.
    while (toParse.next(this.#restLength > 0 ? beforeAll : latest)) {
      this.#skip(lines, toParse);
      this.#take(lines, block.slice(toParse.start, toParse.end));
    }
    this.#skip(lines, toParse);
    this.#keep(block.slice(toParse.start));
    return lines;
  }

  /** Blank lines are counted and left out. */
  #take({ bodies, numbers }: Block, end: Uint8Array): void {
    const line = this.#takeLine(end);
    if (line.length === 0) return;
    bodies.push(line);
    numbers.push(this.#number);
  }

  #skip({ bodies, numbers }: Block, { skipped, newest }: LinesToParse): void {
    if (skipped === 0) return;
    bodies.push({ count: skipped, newest });
    numbers.push(this.#number + 1);
    this.#number += skipped;
  }

  /** Of a line that is too long only two parts are kept, more than a log line shows. */
  #keep(part: Uint8Array): void {
    this.#restLength += part.length;
    if (part.length > 0) this.#rest.push(part);
    if (this.#restLength > maxLineLength) this.#rest.splice(2);
  }

  /** The line that ends with this part, without a carriage return; truncated if it is too long. */
  #takeLine(end: Uint8Array): Uint8Array {
    this.#number++;
    let line = end;
    if (this.#rest.length > 0) {
      this.#keep(end);
      if (this.#restLength > maxLineLength) {
        this.#log.warning("{place} is longer than the maximum of 128 MiB", {
          place: this.place(this.#number),
        });
        this.#rest.push(cut);
      }
      line = new Uint8Array(Buffer.concat(this.#rest));
      this.#rest = [];
      this.#restLength = 0;
    }
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
  }
}
