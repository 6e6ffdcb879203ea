// The program of a private SQS and SNS: fauxqs, in memory, under Deno. It has a lock file of its own, so that fauxqs is
// no part of the tool. It prints its address, and ends with its standard input.
import { stdout } from "node:process";

/** What this file uses of fauxqs. */
interface Fauxqs {
  startFauxqs(options: { port: number; host: string; logger: boolean }): Promise<{ port: number }>;
}

// Not a literal, so that it is no dependency of the project: it would be downloaded with it and compiled into it.
const specifier = "npm:fauxqs@2.4.1";

async function serve(): Promise<void> {
  const { startFauxqs }: Fauxqs = await import(specifier);
  const { port } = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  stdout.write(`http://127.0.0.1:${port}\n`);
  // Standard input ends when the test is done with the server, or is gone itself.
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

if (import.meta.main) await serve();
