// The command line of Commander: the program with a flag for each setting, its commands and their completions.
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import config from "../../deno.json" with { type: "json" };
import { withoutPasswords } from "../lib/settings/redact.ts";
import { registerCheck } from "./check.ts";
import { StrictCommand } from "./commander_strict.ts";
import { registerDetect } from "./detect.ts";
import { addFlags } from "./flags.ts";
import { Invocation } from "./invocation.ts";
import type { ProcessContext } from "./process_context.ts";
import { registerRecord } from "./record/record.ts";
import { registerTestAlert } from "./test_alert.ts";
import { registerReplay } from "./replay/replay.ts";
import { settingsOf } from "./settings.ts";

const name = "nomad-crashloop-detector";

/** Does what the arguments say. Returns the exit code: 0 done, 1 something is wrong, 2 the command line is. */
export async function command(process: ProcessContext): Promise<number> {
  const program = createProgram(process);
  const invocation = new Invocation(process, program);
  program.configureOutput({
    // Else it looks for colours, which help has not, in a dozen variables that the program may not read.
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    writeOut: (text) => invocation.print(text),
    writeErr: (text) => process.stderr.write(withoutPasswords(text)),
  });
  registerDetect(program, invocation);
  registerCheck(program, invocation);
  registerTestAlert(program, invocation);
  registerReplay(program, invocation);
  registerRecord(program, invocation);
  registerCompletions(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return await invocation.execute();
}

/** The program with a flag for every setting. */
function createProgram({ sinks }: ProcessContext): StrictCommand {
  const program = new StrictCommand(name)
    .description("Detects crash-looping tasks of a Nomad cluster and sends an alert for each.")
    .usage("[flags] [command] [files...]")
    .argument("[files...]", "files of updates, one a line, gzip or plain: read instead of a queue")
    .version(`${name} ${config.version}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureHelp({ minWidthToWrap: 20 })
    .addHelpText(
      "after",
      `\nEvery flag has an environment variable; the flag wins. Durations are Go's: 300ms, 5m, 1h30m.\n` +
        `Others on this machine see flags: give a password by a variable or by a file.`,
    );
  for (const group of settingsOf(sinks)) addFlags(program, group);
  return program;
}

/** The command `completions`; each command completes the flags of the program too, since it inherits them. */
function registerCompletions(program: Command): void {
  const inheriting = program.commands.map((command) => command.name());
  const { commands } = tab(program, { completionCommandName: "completions" });
  program.commands.find((command) => command.name() === "completions")!.description(
    "print completions for bash, zsh or fish",
  );
  for (const name of inheriting) {
    const completed = commands.get(name)!;
    for (const { long, hidden, required, description } of program.options) {
      if (hidden || long === "--version") continue;
      const flag = long!.slice(2);
      // A flag that takes a value, for which nothing is suggested.
      if (required) completed.option(flag, description, () => {});
      else completed.option(flag, description);
    }
  }
}
