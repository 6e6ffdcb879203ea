// The program of a private Kinesis: kinesalite, in memory, under Deno. It has a lock file of its own, so that
// kinesalite is no part of the tool. It says its address, and ends with its standard input.
import { stdout } from "node:process";

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
  // It throws where a client goes away in the middle of a request.
  addEventListener("error", (event) => {
    if (event.error?.message === "aborted") event.preventDefault();
  });
  const server = kinesalite({ createStreamMs: 10, updateStreamMs: 10, deleteStreamMs: 10 });
  server.listen(0, "127.0.0.1", () => stdout.write(`http://127.0.0.1:${server.address().port}\n`));
  // Standard input ends when the test is done with the server, or is gone itself.
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

if (import.meta.main) await serve();
