// The sink `stdout`: one alert a line, JSON for programs and a sentence for a terminal.
import { type Alert, alertText } from "../alert.ts";
import { asFault, Fault } from "../fault.ts";
import { kind } from "../kind.ts";
import type { Sink, SinkContext } from "../sink.ts";

/** The row of the sink `stdout`. */
export const stdout = kind({
  type: "stdout",
  title: "Sink stdout",
  settings: {},
  open: (_, context: SinkContext): Sink => new StdoutSink(context),
});

class StdoutSink implements Sink {
  readonly type = "stdout";
  readonly concurrency = 1;
  readonly #context: SinkContext;
  /** The line that a fault interrupted, and what is left to write of it. */
  #begun: { readonly id: string; rest: Uint8Array } | undefined;

  constructor(context: SinkContext) {
    this.#context = context;
  }

  async connect(): Promise<void> {}

  /** A line that is begun is ended before anything else is written: the next one would be spoilt. */
  async send(alert: Alert): Promise<void> {
    const begun = this.#begun?.id;
    await this.#finish();
    if (begun === alert.id) return;
    const { readable, colored, json } = this.#context;
    const line = (readable ? alertText(alert, colored) : json(alert)) + "\n";
    this.#begun = { id: alert.id, rest: new TextEncoder().encode(line) };
    await this.#finish();
  }

  async #finish(): Promise<void> {
    const line = this.#begun;
    try {
      while (line && line.rest.length > 0) {
        line.rest = line.rest.subarray(await this.#context.stdout.write(line.rest));
      }
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new Fault("the reader of stdout went away", "over");
      throw asFault(error);
    }
    this.#begun = undefined;
  }

  check(): Promise<string> {
    return Promise.resolve("writes one alert a line to stdout");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
