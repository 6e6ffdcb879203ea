// A source whose batches a test hands in, and what became of them.
import type { Batch, Hold, Source } from "../../src/sources/source.ts";

/** A batch by itself. `acknowledged` is called when it is. */
export function batchOf(
  messages: readonly string[],
  acknowledged: () => void = () => {},
  hold?: Hold,
): Batch & { readonly rejected: number[] } {
  const encoder = new TextEncoder();
  const rejected: number[] = [];
  return {
    hold,
    bodies: messages.map((message) => encoder.encode(message)),
    place: (index) => `message ${index}`,
    reject: (index) => void rejected.push(index),
    acknowledge: acknowledged,
    rejected,
  };
}

/** A source that yields what is put into it, until it is ended or stopped. */
export class TestSource implements Source {
  /** Numbers of the batches that were acknowledged, in that order. */
  readonly acknowledged: number[] = [];
  readonly batch: ReturnType<typeof batchOf>[] = [];
  /** Called at the moment of an acknowledgement. */
  onAcknowledge: (number: number) => void = () => {};
  maxUnacknowledged: number | undefined;
  #next = 0;
  #ended = false;
  #wake = () => {};

  constructor(readonly mode: Source["mode"]) {}

  /** Puts in a batch. */
  put(...messages: string[]): void {
    const number = this.batch.length;
    this.batch.push(batchOf(messages, () => {
      this.acknowledged.push(number);
      this.onAcknowledge(number);
    }));
    this.#wake();
  }

  /** Ends the input. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *batches(stop: AbortSignal): AsyncIterable<Batch> {
    stop.addEventListener("abort", () => this.#wake());
    while (true) {
      if (this.#next < this.batch.length) yield this.batch[this.#next++]!;
      else if (this.#ended || stop.aborted) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  check(): Promise<string> {
    return Promise.resolve("a test's");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
