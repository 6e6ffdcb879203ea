// A private Kinesis (kinesalite, in memory) for a test. Run as a program, this file is that server, under Deno.

import { join } from "node:path";
import { stdout } from "node:process";
import { waitFor } from "./wait_for.ts";

/** A Kinesis server of a test's own. It takes any credentials and any region. */
export interface Kinesis extends AsyncDisposable {
  /** The endpoint, http://127.0.0.1:port. */
  readonly url: string;
}

/** Starts a Kinesis server in a process of its own and resolves when it listens. */
export async function startKinesis(): Promise<Kinesis> {
  const lock = `--lock=${join(import.meta.dirname!, "kinesalite.lock")}`;
  const args = ["run", "--allow-all", "--quiet", "--no-config", lock, "--frozen", import.meta.filename!];
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const dispose = async () => {
    await child.stdin.close();
    await child.status;
    await output.cancel();
  };
  try {
    const { value } = await waitFor("kinesalite to listen", () => output.read(), { timeoutMs: 60_000 });
    if (!value) throw new Error("kinesalite ended while starting; its reason is printed above");
    return { url: value.trim(), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What this file uses of kinesalite, which has no types. */
interface Kinesalite {
  (options: { createStreamMs: number; updateStreamMs: number; deleteStreamMs: number }): {
    listen(port: number, host: string, listening: () => void): void;
    address(): { port: number };
  };
}

// Not a literal, so that it is no dependency of the project: it would be downloaded with it and compiled into it.
const specifier = "npm:kinesalite@3.3.3";

async function serve(): Promise<void> {
  const kinesalite: Kinesalite = (await import(specifier)).default;
  const server = kinesalite({ createStreamMs: 10, updateStreamMs: 10, deleteStreamMs: 10 });
  server.listen(0, "127.0.0.1", () => stdout.write(`http://127.0.0.1:${server.address().port}\n`));
  // Standard input ends when the test is done with the server, or is gone itself.
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

if (import.meta.main) await serve();
