// A recording: lines of a file or of standard input, recognised by how it begins, and read as the updates that
// detection would make of it. Faults are logged, and everything else is read.
import type { Nanoseconds } from "../../lib/duration.ts";
import { Fault } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { isObject } from "../../detection/decode/fields.ts";
import type { Bytes, Skipped } from "../../sources/source.ts";
import { openFile, titleOf } from "../../sources/stdin/files.ts";
import { type Block, Lines } from "../../sources/stdin/lines.ts";
import { decompressed, explainGzipError, garbageIgnored } from "../../sources/stdin/decompress.ts";
import type { RecordedStream } from "../../sources/nomad/recorded_stream.ts";

/** What a recording holds: nomad-firehose's updates, those that the source `nomad` makes, or the lines of Nomad's
 * event stream. */
export type Format = "firehose" | "nomad" | "event stream";

/** Some updates of a recording. */
export interface Piece {
  readonly bodies: readonly (Uint8Array | Skipped)[];
  /** The number of lines that they come from. */
  readonly lines: number;
  /** The location of an update: `line 12 of updates.ndjson`. */
  place(index: number): string;
}

/** The context in which recordings are read. */
export interface Reading {
  readonly log: Log;
  readonly stdin: Bytes;
  readonly stop: AbortSignal;
  /** Called with the bytes of the input as they are read. */
  onRead(bytes: number): void;
  /** Takes a line that cannot be read. */
  rejections(place: string, body: Uint8Array, reason: string): void;
}

/** Names standard input in place of a file. */
export const standardInput = "-";

/** Bytes by which the format is recognised. */
const maxPeeked = 1 << 20;

/** A recording that is open. */
export class Recording implements AsyncDisposable {
  readonly format: Format;
  /** Up to which time the prefilter may skip updates. */
  skipUntil: Nanoseconds | undefined;
  readonly #name: string;
  readonly #bytes: AsyncGenerator<Uint8Array>;
  readonly #first: readonly Uint8Array[];
  readonly #reading: Reading;
  readonly #cut: { isCut: boolean };

  private constructor(
    name: string,
    reading: Reading,
    cut: { isCut: boolean },
    bytes: AsyncGenerator<Uint8Array>,
    first: readonly Uint8Array[],
    format: Format,
  ) {
    this.#name = name;
    this.#reading = reading;
    this.#cut = cut;
    this.#bytes = bytes;
    this.#first = first;
    this.format = format;
  }

  /** Opens a file, or standard input, and recognises its format. @throws {Fault} */
  static async open(file: string, reading: Reading): Promise<Recording> {
    const name = file === standardInput ? "" : file;
    const input = name === "" ? reading.stdin : await openFile(name);
    const { stop, log } = reading;
    const cut = { isCut: false };
    const sayGarbage = () => log.warning(garbageIgnored, { what: titleOf(name) });
    const bytes = upToFault(decompressed(input, stop, sayGarbage, reading.onRead), (reason) => {
      cut.isCut = true;
      if (stop.aborted) return; // which cuts gzip short
      log.warning("{what}: {reason}; it is replayed up to there", { what: titleOf(name), reason });
    });
    const first: Uint8Array[] = [];
    const decoder = new TextDecoder();
    let text = "";
    let format: Format | undefined;
    try {
      while (format === undefined && text.length < maxPeeked) {
        const { done, value } = await bytes.next();
        if (!done) first.push(value.slice());
        text += done ? decoder.decode() : decoder.decode(value, { stream: true });
        format = recognise(text.slice(0, maxPeeked), done ?? false);
        if (done) break;
      }
    } catch (error) {
      throw new Fault(`cannot read ${titleOf(name)}: ${(error as Error).message}`, "config");
    }
    return new Recording(name, reading, cut, bytes, first, format ?? "firehose");
  }

  /** Its name in messages. */
  get title(): string {
    return titleOf(this.#name);
  }

  /** Its updates. `allocations` tracks those of Nomad over all recordings of one replay. */
  async *pieces(restartsOnly: boolean, allocations: RecordedStream): AsyncGenerator<Piece> {
    const { stop, log } = this.#reading;
    const lines = new Lines(this.#name, {
      log,
      restartsOnly: restartsOnly && this.format !== "event stream",
    }, () => this.skipUntil);
    for await (const block of lines.blocks(withFirst(this.#first, this.#bytes), stop)) {
      if (block.unended && !isJson(block.bodies[0] as Uint8Array)) this.#sayBreaksOff();
      else if (this.format === "event stream") yield this.#convert(block, lines, allocations);
      else yield pieceOf(block.bodies, block.numbers, block, lines);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bytes.return(undefined);
  }

  #convert(block: Block, lines: Lines, allocations: RecordedStream): Piece {
    const bodies: Uint8Array[] = [];
    const numbers: number[] = [];
    for (const [index, line] of (block.bodies as Uint8Array[]).entries()) {
      const number = block.numbers[index]!;
      try {
        for (const body of allocations.take(line)) {
          bodies.push(body);
          numbers.push(number);
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#reading.rejections(lines.place(number), line, error.message);
      }
    }
    return pieceOf(bodies, numbers, block, lines);
  }

  /** If gzip is cut short, that is logged already. */
  #sayBreaksOff(): void {
    if (!this.#cut.isCut) {
      this.#reading.log.warning("{what}: its last line breaks off; it is replayed up to there", {
        what: this.title,
      });
    }
  }
}

const decoder = new TextDecoder();

/** The format, by the first line that shows it; undefined if none does. The last line may break off, so its beginning
 * is enough. */
function recognise(text: string, isWhole: boolean): Format | undefined {
  const lines = text.split("\n");
  const last = lines.pop()!;
  for (const line of lines) {
    const format = formatOf(line);
    if (format !== undefined) return format;
  }
  if (/^\{"Index":[0-9]/.test(last)) return "event stream";
  const format = isWhole || text.length >= maxPeeked ? formatOf(last) : undefined;
  if (format !== undefined) return format;
  return isWhole && lines.some((line) => line.trim() === "{}") ? "event stream" : undefined;
}

function formatOf(line: string): Format | undefined {
  let found: unknown;
  try {
    found = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(found)) return undefined;
  if (typeof found.Index === "number") return "event stream";
  if (!isObject(found.TaskEvent)) return undefined;
  return typeof found.Namespace === "string" ? "nomad" : "firehose";
}

function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(line));
    return true;
  } catch {
    return false;
  }
}

function pieceOf(
  bodies: Piece["bodies"],
  numbers: readonly number[],
  block: Block,
  lines: Lines,
): Piece {
  const count = block.bodies.reduce(
    (count, body) => count + (body instanceof Uint8Array ? 1 : body.count),
    0,
  );
  return {
    bodies,
    lines: count,
    place: (index) => lines.place(numbers[index]!),
  };
}

/** The blocks up to where gzip cannot be decompressed any further, which is reported. */
async function* upToFault(
  blocks: AsyncIterable<Uint8Array>,
  report: (reason: string) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* blocks;
  } catch (error) {
    const reason = explainGzipError(error as Error);
    if (reason === undefined) throw error;
    report(reason);
  }
}

async function* withFirst(
  first: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}
