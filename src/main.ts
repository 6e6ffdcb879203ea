// The process: arguments, environment, streams and signals go into run(). The only exit.
import { settingsGroups } from "./app.ts";
import { run } from "./cli.ts";
import { recordSettings } from "./record_settings.ts";
import { variablesOf } from "./settings.ts";
import { TurnWriter } from "./turn_writer.ts";

const stop = new AbortController();

/** The first signal asks to finish, the second ends at once. */
function onSignal(signal: "SIGINT" | "SIGTERM", code: number): void {
  Deno.addSignalListener(signal, () => stop.signal.aborted ? Deno.exit(code) : stop.abort());
}
onSignal("SIGINT", 130);
if (Deno.build.os !== "windows") onSignal("SIGTERM", 143);

/** The variables of the settings and no others, since the program may not read the rest of the environment. */
const settings = [...settingsGroups.map(({ settings }) => settings), recordSettings];
const variables = settings.flatMap((group) => Object.values(group).flatMap(variablesOf));
const env = Object.fromEntries(variables.map((name) => [name, Deno.env.get(name)]));

const stderr = new TurnWriter((bytes) => Deno.stderr.writeSync(bytes));
const write = (text: string) => stderr.write(text);
// Deno.exit and an error that nobody caught come this way, too.
globalThis.addEventListener("unload", () => stderr.flush());
const isDumb = Deno.env.get("TERM") === "dumb";
Deno.exit(
  await run({
    args: Deno.args,
    env,
    stop: stop.signal,
    files: [],
    stdin: Deno.stdin,
    stdout: Deno.stdout,
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    colored: !Deno.noColor && !isDumb,
    stderr: { write },
    canvas: Deno.stderr.isTerminal() && !isDumb ? { write, now: () => performance.now() } : undefined,
  }),
);
