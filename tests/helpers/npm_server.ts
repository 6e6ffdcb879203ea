// A server from npm that is no part of the project: a program of this folder, in a process of its own with a lock file of
// its own. It prints its address, and ends with its standard input.
import { join } from "node:path";
import { waitFor } from "./wait_for.ts";

/** A server that listens. */
export interface NpmServer extends AsyncDisposable {
  /** http://127.0.0.1:port */
  readonly url: string;
}

/** Starts `<name>.ts` with `<name>.lock`, and resolves when it listens. */
export async function startNpmServer(name: string): Promise<NpmServer> {
  const file = (ending: string) => join(import.meta.dirname!, `${name}.${ending}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "--no-config", `--lock=${file("lock")}`, "--frozen", file("ts")],
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
    const { value } = await waitFor(`${name} to listen`, () => output.read(), { timeoutMs: 60_000 });
    if (!value) throw new Error(`${name} ended while starting; its reason is printed above`);
    return { url: value.trim(), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
