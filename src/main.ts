// The process: arguments, environment, streams and signals go into run(). The only exit.
import { run } from "./cli.ts";

const stop = new AbortController();

/** The first signal asks to finish, the second ends at once. */
function onSignal(signal: "SIGINT" | "SIGTERM", code: number): void {
  Deno.addSignalListener(signal, () => stop.signal.aborted ? Deno.exit(code) : stop.abort());
}
onSignal("SIGINT", 130);
if (Deno.build.os !== "windows") onSignal("SIGTERM", 143);

const stderr = new TextEncoder();
Deno.exit(
  await run({
    args: Deno.args,
    env: Deno.env.toObject(),
    stop: stop.signal,
    files: [],
    stdin: Deno.stdin.readable,
    stdout: Deno.stdout,
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderr: { write: (line) => void Deno.stderr.writeSync(stderr.encode(line)) },
  }),
);
