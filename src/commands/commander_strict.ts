// Commander with stricter complaints: none repeats a value, which may be a password. Two of the methods that it overrides
// are private to Commander; this is written for version 15.1.0, so read both again when deno.json names another.
import { Command } from "commander";

const { unknownOption, unknownCommand } = Command.prototype as unknown as {
  unknownOption(flag: string): void;
  unknownCommand(): never;
};

type ErrorOptions = Parameters<Command["error"]>[1];

/** A command that leaves the value out when it complains of an unknown `--flag=value`. */
export class StrictCommand extends Command {
  override createCommand(name?: string): Command {
    return new StrictCommand(name);
  }

  /** Private to Commander, which calls it with all that was typed. */
  unknownOption(flag: string): void {
    const [name, value] = flag.split("=", 2);
    const known = (this.parent ?? this).options.some(({ long }) => long === name);
    if (known && value !== undefined) this.error(`error: option '${name}' takes no value`);
    unknownOption.call(this, name!);
  }

  /** Private to Commander; public here for a word that is neither a command nor a file. */
  unknownCommand(): never {
    return unknownCommand.call(this);
  }

  override error(message: string, options?: ErrorOptions): never {
    return super.error(
      message
        .replace(/^error: unknown command '/, "error: no such file or command '")
        .replace(/^(error: too many arguments .* but got \d+): .*$/s, "$1")
        .replace(/^error: command-argument value '.*' is invalid for argument '(\w+)'/s, "error: invalid $1"),
      options,
    );
  }
}
