// The process: arguments, environment, streams and signals go into run(). The only exit.
import { loadSinks } from "./commands/adapters.ts";
import { settingsOf } from "./commands/settings.ts";
import { run } from "./commands/run.ts";
import { recordSettings } from "./commands/record/settings.ts";
import { variablesOf } from "./lib/settings/setting.ts";
import { CoalescingWriter } from "./lib/coalescing_writer.ts";

const stop = new AbortController();
/** Never Deno's synchronous write, which blocks while nobody reads. */
const stderr = new CoalescingWriter((bytes) => Deno.stderr.write(bytes));

/** Milliseconds until the last lines must be read: at the end, and after a second signal. */
const [lastLines, lastLinesInHurry] = [1_000, 100];

async function exit(code: number, milliseconds = lastLines): Promise<never> {
  await stderr.end(milliseconds);
  Deno.exit(code);
}

/** The first signal asks to finish, the second ends at once. */
function onSignal(signal: "SIGINT" | "SIGTERM", code: number): void {
  Deno.addSignalListener(signal, () => stop.signal.aborted ? exit(code, lastLinesInHurry) : stop.abort());
}
onSignal("SIGINT", 130);
if (Deno.build.os !== "windows") onSignal("SIGTERM", 143);

/** Ends the process for an uncaught error. Deno would write it itself, and block. */
function crash(error: unknown): Promise<never> {
  stderr.write(`error: Uncaught ${error instanceof Error ? error.stack : String(error)}\n`);
  return exit(1);
}
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  crash(event.error);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash(event.reason);
});

const sinks = await loadSinks(Deno.args, Deno.env.get("SINK_TYPE"));
/** Only the variables of settings: the program has no permission for the rest of the environment. */
const settings = [...settingsOf(sinks).map(({ settings }) => settings), recordSettings];
const variables = settings.flatMap((group) => Object.values(group).flatMap(variablesOf));
const env = Object.fromEntries(variables.map((name) => [name, Deno.env.get(name)]));

const canvas = {
  write: (text: string) => stderr.write(text),
  flush: () => stderr.end(lastLines),
  now: () => performance.now(),
};
const isDumb = Deno.env.get("TERM") === "dumb";
const code = await run({
  args: Deno.args,
  env,
  sinks,
  stop: stop.signal,
  files: [],
  stdin: Deno.stdin,
  stdout: Deno.stdout,
  stdoutIsTerminal: Deno.stdout.isTerminal(),
  colored: !Deno.noColor && !isDumb,
  stderr,
  canvas: Deno.stderr.isTerminal() && !isDumb ? canvas : undefined,
}).catch(crash);
await exit(code);
