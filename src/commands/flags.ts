// Settings as flags of Commander: one option for each, and the texts that were typed.
import { type Command, Option } from "commander";
import { fileOf, flagOf, type Setting, type SettingsGroup } from "../lib/settings/setting.ts";

/** Adds the flags of a group under its heading; those for files and the negations are not shown. */
export function addFlags(command: Command, { title, settings }: SettingsGroup): void {
  for (const setting of Object.values(settings)) {
    command.addOption(optionOf(setting).helpGroup(`${title}:`));
    if (setting.secret) command.addOption(new Option(`${flagOf(fileOf(setting))} <path>`).hideHelp());
    if (setting.toggle) command.addOption(new Option(`--no-${flagOf(setting).slice(2)}`).hideHelp());
  }
}

/** The option of a setting, with all that help says of it. */
export function optionOf(setting: Setting<unknown>): Option {
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

/** The flags that were typed, with their texts. */
export function flagsOf(command: Command): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const option of command.options) {
    if (command.getOptionValueSource(option.attributeName()) !== "cli") continue;
    flags[option.long!.replace(/^--no-/, "--")] = String(command.getOptionValue(option.attributeName()));
  }
  return flags;
}
