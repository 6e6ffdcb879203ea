// The sink `stdout`: one alert a line, JSON for programs and a sentence for a terminal.
import { Buffer } from "node:buffer";
import type { Alert } from "../detection/alert/alert.ts";
import { alertText } from "../detection/alert/text.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

/** The adapter of the sink `stdout`. */
export const stdout = defineSink({
  type: "stdout",
  settings: {},
  open: (_, context) => new StdoutSink(context),
});

/** A line in flight. */
interface Line {
  /** Of its alert. */
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly written: PromiseWithResolvers<void>;
}

const utf8 = new TextEncoder();
const nothing = new Uint8Array();

class StdoutSink implements Sink {
  /** What is sent while a write goes on is written together. */
  readonly concurrency = 100;
  readonly #context: SinkContext;
  #lines: Line[] = [];
  #writing = false;
  /** The line that a fault interrupted, and what is left to write of it: the next one would be spoilt without. */
  #begun: { readonly id: string; rest: Uint8Array } | undefined;

  constructor(context: SinkContext) {
    this.#context = context;
  }

  async connect(): Promise<void> {}

  send(alert: Alert): Promise<void> {
    const { readable, colored, json } = this.#context;
    const text = () => (readable ? alertText(alert, colored) : json(alert)) + "\n";
    const line: Line = {
      id: alert.id,
      bytes: this.#begun?.id === alert.id ? nothing : utf8.encode(text()),
      written: Promise.withResolvers<void>(),
    };
    this.#lines.push(line);
    if (!this.#writing) this.#write();
    return line.written.promise;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      const rest = this.#begun?.rest ?? nothing;
      const bytes = Buffer.concat([rest, ...lines.map(({ bytes }) => bytes)]);
      let count = 0;
      try {
        while (count < bytes.length) count += await this.#context.stdout.write(bytes.subarray(count));
        this.#settle(rest, lines, count);
      } catch (error) {
        const fault = faultOf(error);
        this.#settle(rest, lines, count, fault);
        for (const line of this.#lines.splice(0)) line.written.reject(fault);
      }
    }
    this.#writing = false;
  }

  /** So many bytes are written, of what a fault had left and of the lines. */
  #settle(rest: Uint8Array, lines: readonly Line[], count: number, fault?: Fault): void {
    if (this.#begun !== undefined) this.#begun.rest = rest.subarray(count);
    let end = rest.length;
    for (const { id, bytes, written } of lines) {
      const begin = end;
      end += bytes.length;
      if (end <= count) written.resolve();
      else {
        if (begin < count) this.#begun = { id, rest: bytes.subarray(count - begin) };
        written.reject(fault);
      }
    }
  }

  check(): Promise<string> {
    return Promise.resolve("writes one alert a line to stdout");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function faultOf(error: unknown): Fault {
  return error instanceof Deno.errors.BrokenPipe
    ? new Fault("the reader of stdout went away", "closed")
    : asFault(error);
}
