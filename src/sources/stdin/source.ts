// The source `stdin`: one update a line, from standard input or from files, gzip or plain. Its clock is that of the
// events, so the same input gives the same alerts whenever it is read.
import type { Nanoseconds } from "../../lib/duration.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import { defineAdapter } from "../../lib/settings/adapter.ts";
import type { Batch, Bytes, Source, SourceContext } from "../source.ts";
import { decompressed, garbageIgnored } from "./decompress.ts";
import { openFile, requireFile, titleOf } from "./files.ts";
import { Lines } from "./lines.ts";

/** The adapter `stdin`. */
export const stdinSource = defineAdapter({
  type: "stdin",
  title: "Source stdin",
  settings: {},
  open: (_, context: SourceContext): Source => new LineSource(context),
});

/** Maximum unacknowledged batches before reading pauses. */
const maxInFlight = 16;
class LineSource implements Source {
  readonly mode = "batch";
  readonly #context: SourceContext;
  readonly #inFlight = new Semaphore(maxInFlight);
  #skipUntil: Nanoseconds | undefined;

  constructor(context: SourceContext) {
    this.#context = context;
  }

  async *batches(stop: AbortSignal): AsyncIterable<Batch> {
    try {
      for (const { name, open } of await this.#inputs()) {
        const input = new Lines(name, this.#context, () => this.#skipUntil);
        const bytes = decompressed(
          await open(),
          stop,
          () => this.#context.log.warning(garbageIgnored, { what: titleOf(name) }),
        );
        this.#context.health?.up();
        for await (const { bodies, numbers } of input.blocks(bytes, stop)) {
          yield this.#batch(bodies, (index) => input.place(numbers[index]!));
          await this.#inFlight.available(1, stop);
        }
      }
      if (this.#context.health !== undefined) this.#context.health.ended = !stop.aborted;
    } catch (error) {
      await this.#inFlight.available(maxInFlight, stop); // what was read before the error still counts
      throw error;
    }
  }

  skipUntil(time: Nanoseconds): void {
    this.#skipUntil = time;
  }

  async check(): Promise<string> {
    await this.#inputs();
    const { files } = this.#context;
    return files.length === 0 ? "reads standard input" : `can read ${files.join(", ")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** All files are checked before the first is read, so that a wrong name is reported at once. */
  async #inputs(): Promise<{ name: string; open: () => Promise<Bytes> }[]> {
    const { files, stdin } = this.#context;
    if (files.length === 0) return [{ name: "", open: () => Promise.resolve(stdin) }];
    for (const name of files) await requireFile(name);
    return files.map((name) => ({ name, open: () => openFile(name) }));
  }

  #batch(bodies: Batch["bodies"], place: (index: number) => string): Batch {
    this.#inFlight.take();
    return {
      bodies,
      place,
      reject: () => {},
      acknowledge: () => this.#inFlight.release(),
    };
  }
}
