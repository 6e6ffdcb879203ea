// The commands: what a person types and reads. Exit codes: 0 done, 1 something is wrong, 2 the command is.
import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError, Option } from "commander";
import config from "../../deno.json" with { type: "json" };
import { check } from "./check.ts";
import { detect } from "./detect.ts";
import { plan as planDetection } from "./plan.ts";
import { planned as plannedOf, type ProcessContext } from "./process_context.ts";
import { planRecord, record } from "./record/record.ts";
import { recordSettings } from "./record/settings.ts";
import { planReplay, replay } from "./replay/replay.ts";
import { namedSinks, settingsGroupsWith } from "./settings.ts";
import { fileOf, flagOf, type Input, type Setting } from "../lib/settings/setting.ts";
import { testAlert } from "./test_alert.ts";
import { withoutPasswords } from "../lib/settings/redact.ts";

const name = "nomad-crashloop-detector";

const replayHelp =
  `All flags of the rule apply. With several values for one of --restart-count, --restart-interval,
--stable-after and --notification-interval, as in --restart-count 3,5,10, it prints what each
combination would have notified, and how that differs from the settings in force: the variables and
the defaults. The rule is loops for recordings of Nomad and restarts for those of nomad-firehose,
unless --rule says otherwise.`;

/** Does what the arguments say. Yields the exit code. */
export async function command(process: ProcessContext): Promise<number> {
  let said: Promise<unknown> = Promise.resolve();
  const say = (text: string) => said = said.then(() => write(process, text));
  let code = 0;
  const program = createCommand(process, say);
  const planned = <P>(make: (input: Input) => P | undefined, flags = {}): P | undefined => {
    const plan = plannedOf(process, { ...flagsOf(program), ...flags }, make);
    if (plan === undefined) code = 1;
    return plan;
  };
  program.action(async (files: string[]) => {
    if (await isMistyped(files[0])) program.unknownCommand();
    const plan = planned((input) => planDetection(input, files));
    if (plan) code = await detect(plan, { ...process, files }, process.stop);
  });
  program.command("check").argument("[files...]", "files to read, for the source stdin")
    .description("try the settings, the state file, the source and every sink; consume and send nothing")
    .action(async (files: string[]) => {
      const plan = planned((input) => planDetection(input, files));
      if (plan) code = await check(plan, { ...process, files }, (line) => say(`${line}\n`), process.stop);
    });
  program.command("test-alert").argument("[files...]", "files to read, for the source stdin")
    .description("send an alert that says it is a test, and its end, through every sink; consume nothing")
    .action(async (files: string[]) => {
      const plan = planned((input) => planDetection(input, files));
      if (plan) code = await testAlert(plan, { ...process, files }, (line) => say(`${line}\n`), process.stop);
    });
  program.command("replay").argument("[files...]", "recordings, plain or gzip; - or none is standard input")
    .description("say what would have been told of recordings, with one rule or with a grid of thresholds")
    .option("--json", "print one object of JSON; as --output json")
    .addHelpText("after", `\n${replayHelp}`)
    .action(async (files: string[], { json }: { json?: boolean }) => {
      const output = json ? { "--output": "json" } : {};
      const plan = planned(planReplay, output);
      if (plan) code = await replay(plan, { ...process, files }, say, process.stop);
    });
  const recording = program.command("record").argument("[files...]", "files to read, for the source stdin")
    .description("write what the source delivers to a file, to be replayed; queues in use are left alone")
    .addHelpText("after", "\nAll flags of the source apply.")
    .action(async (files: string[]) => {
      const plan = planned((input) => planRecord(input, files), flagsOf(recording));
      if (plan) code = await record(plan, { ...process, files }, process.stop);
    });
  for (const setting of Object.values(recordSettings)) recording.addOption(optionOf(setting));
  const { commands } = tab(program, { completionCommandName: "completions" });
  for (const command of ["check", "test-alert", "replay", "record"]) {
    for (const { long, hidden, required, description } of program.options) {
      if (hidden || long === "--version") continue;
      const [name, noValues] = [long!.slice(2), () => {}];
      if (required) commands.get(command)!.option(name, description, noValues);
      else commands.get(command)!.option(name, description);
    }
  }
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(process.args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 2;
  }
  await said;
  return code;
}

/** Writes all of a text to standard output. Its reader may have enough of it and go away. */
async function write({ stdout }: ProcessContext, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await stdout.write(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Whether it looks like a command and is no file. */
async function isMistyped(word = ""): Promise<boolean> {
  if (!/^[a-z]+$/i.test(word)) return false;
  return await Deno.stat(word).then(() => false, (error) => error instanceof Deno.errors.NotFound);
}

const { unknownOption, unknownCommand } = Command.prototype as unknown as {
  unknownOption(flag: string): void;
  unknownCommand(): never;
};

/** A command that complains of an unknown flag without the value joined to it, which may be a password. */
class CommandLine extends Command {
  override createCommand(name?: string): Command {
    return new CommandLine(name);
  }

  unknownOption(flag: string): void {
    const [name, value] = flag.split("=", 2);
    const known = (this.parent ?? this).options.some(({ long }) => long === name);
    if (known && value !== undefined) this.error(`error: option '${name}' takes no value`);
    unknownOption.call(this, name!);
  }

  /** A word that is no file either. */
  unknownCommand(): never {
    return unknownCommand.call(this);
  }

  override error(message: string, options?: ErrorOptions): never {
    return super.error(
      message.replace(/^error: unknown command '/, "error: no such file or command '"),
      options,
    );
  }
}

type ErrorOptions = Parameters<Command["error"]>[1];

/** The command with a flag for every setting. */
function createCommand({ args, env, stderr }: ProcessContext, say: (text: string) => void): CommandLine {
  const program = new CommandLine(name)
    .description("Reads the allocation updates of a Nomad cluster, finds crash loops and tells them.")
    .usage("[flags] [command] [files...]")
    .argument("[files...]", "files of updates, one a line, gzip or plain: read instead of a queue")
    .version(`${name} ${config.version}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({
      // Else it looks for colours, which help has not, in a dozen variables that the program may not read.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      writeOut: say,
      writeErr: (text) => stderr.write(withoutPasswords(text)),
    })
    .addHelpText(
      "after",
      `\nEvery flag has an environment variable; the flag wins. Durations are Go's: 300ms, 5m, 1h30m.\n` +
        `Others on this machine see flags: give a password by a variable or by a file.`,
    );
  for (const { title, settings } of settingsGroupsWith(namedSinks(args, env.SINK_TYPE))) {
    for (const setting of Object.values(settings)) {
      program.addOption(optionOf(setting).helpGroup(`${title}:`));
      if (setting.secret) program.addOption(new Option(`${flagOf(fileOf(setting))} <path>`).hideHelp());
      if (setting.toggle) program.addOption(new Option(`--no-${flagOf(setting).slice(2)}`).hideHelp());
    }
  }
  return program;
}

function optionOf(setting: Setting<unknown>): Option {
  const notes = [`env ${setting.env}`];
  const byDefault = setting.defaultNote ?? setting.default;
  if (byDefault !== undefined) notes.push(`default ${byDefault}`);
  else notes.push(setting.optional ? "optional" : "required");
  if (!setting.toggle) notes.push(`such as ${setting.example}`);
  if (setting.secret) {
    notes.push(`or the path of a file that holds it: ${flagOf(fileOf(setting))}, env ${fileOf(setting).env}`);
  }
  const of = setting.choices === undefined ? "" : `: ${setting.choices.join(", ")}`;
  return new Option(
    flagOf(setting) + (setting.toggle ? "" : " <value>"),
    `${setting.help}${of} (${notes.join("; ")})`,
  );
}

/** The flags that were given, as texts. */
function flagsOf(program: Command): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const option of program.options) {
    if (program.getOptionValueSource(option.attributeName()) !== "cli") continue;
    flags[option.long!.replace(/^--no-/, "--")] = String(program.getOptionValue(option.attributeName()));
  }
  return flags;
}
