// One call of the program with arguments: what every command needs of it, and the exit code that it ends with.
import { type Command, CommanderError } from "commander";
import type { Input } from "../lib/settings/setting.ts";
import { flagsOf } from "./flags.ts";
import { planned, type ProcessContext } from "./process_context.ts";

/** The exit codes: done, something is wrong, the command line is. */
const [done, failed, misused] = [0, 1, 2];

/** A call of the program. */
export class Invocation {
  readonly process: ProcessContext;
  readonly #program: Command;
  #exitCode = done;
  #printed: Promise<void> = Promise.resolve();

  constructor(process: ProcessContext, program: Command) {
    this.process = process;
    this.#program = program;
  }

  /** Plans a command from the settings and executes it; prints what is wrong with them instead. `flags` are those that
   * only this command has. */
  async run<P>(
    plan: (input: Input) => P | undefined,
    execute: (plan: P) => Promise<number>,
    flags: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const made = planned(this.process, { ...flagsOf(this.#program), ...flags }, plan);
    this.#exitCode = made === undefined ? failed : await execute(made);
  }

  /** Prints on standard output, behind what is printed already. Resolves when it is written. */
  print(text: string): Promise<void> {
    return this.#printed = this.#printed.then(() => write(this.process, text));
  }

  /** Parses the arguments and does what they say. Returns the exit code. */
  async execute(): Promise<number> {
    try {
      await this.#program.parseAsync(this.process.args, { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      this.#exitCode = error.exitCode === 0 ? done : misused;
    }
    await this.#printed;
    return this.#exitCode;
  }
}

/** Writes all of a text to standard output, whose reader may go away. */
async function write({ stdout }: ProcessContext, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await stdout.write(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
