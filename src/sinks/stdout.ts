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

  constructor(context: SinkContext) {
    this.#context = context;
  }

  async connect(): Promise<void> {}

  async send(alert: Alert): Promise<void> {
    const { stdout, readable, json } = this.#context;
    let bytes = new TextEncoder().encode((readable ? alertText(alert) : json(alert)) + "\n");
    try {
      while (bytes.length > 0) bytes = bytes.subarray(await stdout.write(bytes));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new Fault("the reader of stdout went away", "over");
      throw asFault(error);
    }
  }

  check(): Promise<string> {
    return Promise.resolve("writes one alert a line to stdout");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
