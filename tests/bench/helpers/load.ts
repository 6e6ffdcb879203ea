// A steady stream of messages into a queue, from a process of its own, evenly spaced in bursts of a few milliseconds.
// Run as a program: URL, queue, messages per second, share of restarts, names that restart.
import { stdout } from "node:process";
import { Messages } from "./messages.ts";
import { Publisher } from "./publisher.ts";

/** Between two bursts, in milliseconds. */
const everyMs = 5;

/** What flows. */
export interface Flow {
  readonly url: string;
  readonly queue: string;
  readonly perSecond: number;
  readonly restarts: number;
  readonly names: number;
}

/** A running load. Disposing it ends it. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #output: Promise<Deno.CommandOutput>;

  constructor({ url, queue, perSecond, restarts, names }: Flow) {
    const args = ["run", "-A", "--no-check", import.meta.filename!, url, queue];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args, ...[perSecond, restarts, names].map(String)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#output = this.#child.output();
  }

  /** Ends it; yields how many messages per second it published. */
  async end(): Promise<number> {
    await this.#child.stdin.close().catch(() => {});
    return Number(new TextDecoder().decode((await this.#output).stdout));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

async function flow(): Promise<void> {
  const [url, queue, ...numbers] = Deno.args;
  const [perSecond, restarts, names] = numbers.map(Number);
  await using publisher = await Publisher.open(url!, queue!);
  const messages = new Messages({ restarts: restarts!, names: names! });
  // Standard input ends when the bench is done with it, or is gone itself.
  let over = false;
  const ended = Deno.stdin.readable.pipeTo(new WritableStream()).then(() => over = true);
  const started = performance.now();
  let published = 0;
  while (!over) {
    const due = Math.floor((performance.now() - started) / 1000 * perSecond!);
    for (; published < due; published++) await publisher.add(messages.next());
    await publisher.flush();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await ended;
  stdout.write(String(published / (performance.now() - started) * 1000));
}

if (import.meta.main) await flow();
