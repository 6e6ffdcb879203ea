// The command line in this process, with the streams of a fake one.
import { loadSinks } from "../../src/commands/adapters.ts";
import { run } from "../../src/commands/run.ts";
import type { ProcessContext } from "../../src/commands/process_context.ts";

/** What it printed and how it ended; of the log without the times. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs from a process without terminal, environment and input. */
export type Differs = Partial<Omit<ProcessContext, "stdin">> & {
  readonly stdin?: string | Uint8Array;
  /** In the place of `stdin`. */
  readonly stream?: ReadableStream<Uint8Array>;
};

/** Runs a command. */
export async function ran(
  args: readonly string[],
  { stdin = "", stream, ...differs }: Differs = {},
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await run({
    args,
    env: {},
    sinks: await loadSinks(args, undefined),
    stop: new AbortController().signal,
    files: [],
    stdin: stream ?? new Blob([stdin as BlobPart]).stream(),
    stdout: {
      write(bytes) {
        stdout += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    },
    stdoutIsTerminal: false,
    stderr: { write: (line) => void (stderr += line.replace(/^\d{4}-\S+Z (?=\w+ )/, "")) },
    ...differs,
  });
  return { code, stdout, stderr };
}

/** A folder of a test's own, by whose end it is gone. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
