// Settings, and how flags and environment variables become their values. It knows no particular setting: each component
// declares its own, with the parsers of parsers.ts.
import { readText } from "../files.ts";
import { quoted } from "./redact.ts";

/** One setting: declared once, it yields flag, validation, help, README row and redaction. */
export interface Setting<T> {
  /** Name of the environment variable; the flag is made from it: `AMQP_QUEUE`, `--amqp-queue`. */
  readonly env: string;
  /** The flag if it is not made from the variable: for the flags of one command. */
  readonly flag?: string;
  /** Its purpose, as a phrase without a full stop. */
  readonly help: string;
  /** What is accepted, after "expected". */
  readonly accepts: string;
  /** A value that works, shown in help and errors. */
  readonly example: string;
  /** The text that is used when none is given. */
  readonly default?: string;
  /** Shown in help in place of the default if that depends on something. */
  readonly defaultNote?: string;
  /** Without a default: whether its absence is fine (the value is then undefined) or an error. */
  readonly optional?: boolean;
  /** Its value holds a password: errors do not show it, and a file can hold it, whose path is given by `fileOf`. */
  readonly secret?: boolean;
  /** The flag takes no value. */
  readonly toggle?: boolean;
  /** The accepted words, if they are few: for help and completions. */
  readonly choices?: readonly string[];
  /** `path` is the file that holds the text. @throws {Error} with the reason why the text is not accepted, empty if
   * `accepts` says it all. */
  parse(text: string, path?: string): T;
}

/** Settings by the name that code uses for them. */
// deno-lint-ignore no-explicit-any -- the one place where settings of different types are kept together
export type Settings = Readonly<Record<string, Setting<any>>>;

/** The values of `Settings`. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** Settings under one heading of the help and of README's table. */
export interface SettingsGroup {
  readonly title: string;
  readonly settings: Settings;
}

/** The texts of settings, and the problems found in them. */
export interface Input {
  /** By flag, `--amqp-queue`: the text given on the command line. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line for each wrong setting. */
  readonly problems: string[];
}

/** The names of a setting. */
export type Named = Pick<Setting<unknown>, "env" | "flag">;

/** The flag of a setting: `--amqp-queue` for `AMQP_QUEUE`. */
export function flagOf({ env, flag }: Named): string {
  return flag ?? `--${env.toLowerCase().replaceAll("_", "-")}`;
}

/** Both names of a setting, as errors begin: `AMQP_QUEUE (--amqp-queue)`. */
export function namesOf(setting: Named): string {
  return `${setting.env} (${flagOf(setting)})`;
}

/** The names for the file of a secret: `AMQP_CONNECTION_FILE`, as container platforms mount secrets. */
export function fileOf({ env }: Named): Named {
  return { env: `${env}_FILE` };
}

/** The environment variables that can set it. */
export function variablesOf(setting: Setting<unknown>): string[] {
  return waysToSet(setting).map(({ env }) => env);
}

/** Whether a flag or a variable sets it, rightly or wrongly; its default does not count. */
export function isSet(setting: Setting<unknown>, input: Input): boolean {
  return waysToSet(setting).some((way) => (byFlag(way, input) ?? byVariable(way, input)) !== undefined);
}

/** Itself, and the file of a secret. */
function waysToSet(setting: Setting<unknown>): Named[] {
  return setting.secret ? [setting, fileOf(setting)] : [setting];
}

function byFlag(named: Named, { flags }: Input): string | undefined {
  return flags[flagOf(named)];
}

/** An empty variable is as good as none. */
function byVariable({ env: name }: Named, { env }: Input): string | undefined {
  return env[name] || undefined;
}

/** Reads all settings of a group, flag before environment; an empty variable is as good as none. */
export function readSettings<S extends Settings>(settings: S, input: Input): Values<S> | undefined {
  const before = input.problems.length;
  const entries = Object.entries(settings).map(([name, setting]) => [name, readSetting(setting, input)]);
  return input.problems.length === before ? Object.fromEntries(entries) as Values<S> : undefined;
}

/** The parts, if none is missing: each is undefined whose settings are wrong. */
export function complete<P extends object>(
  parts: P,
): { readonly [K in keyof P]: Exclude<P[K], undefined> } | undefined {
  return Object.values(parts).includes(undefined)
    ? undefined
    : parts as { readonly [K in keyof P]: Exclude<P[K], undefined> };
}

/** The unparsed text of a setting, which flag and variable gave it, and the file it was read from. */
interface RawValue {
  readonly text: string;
  readonly names: string;
  readonly path?: string;
}

function readSetting<T>(setting: Setting<T>, input: Input): T | undefined {
  const { problems } = input;
  let raw: RawValue | undefined;
  try {
    raw = rawValue(setting, input);
  } catch (error) {
    problems.push((error as Error).message);
    return undefined;
  }
  if (raw === undefined) {
    if (!setting.optional) {
      problems.push(`Missing ${namesOf(setting)}: ${setting.help}, such as ${setting.example}`);
    }
    return undefined;
  }
  try {
    return setting.parse(raw.text, raw.path);
  } catch (error) {
    const reason = (error as Error).message;
    const place = raw.path === undefined ? "" : ` in ${quoted(raw.path)}`;
    const found = setting.secret ? `a value${place} that is not shown here` : quoted(raw.text);
    problems.push(
      `${raw.names}: found ${found}${reason && `, ${reason}`}; expected ${setting.accepts}, ` +
        `such as ${setting.example}`,
    );
    return undefined;
  }
}

/** @throws {Error} with the problem's line, if there are two texts or a file cannot be read. */
function rawValue(setting: Setting<unknown>, input: Input): RawValue | undefined {
  for (const [find, name] of [[byFlag, flagOf], [byVariable, ({ env }: Named) => env]] as const) {
    const text = find(setting, input);
    const path = setting.secret ? find(fileOf(setting), input) : undefined;
    if (text !== undefined && path !== undefined) {
      throw new Error(`${name(setting)} and ${name(fileOf(setting))}: found both; give one of them`);
    }
    if (text !== undefined) return { text, names: namesOf(setting) };
    if (path !== undefined) return readSecret(setting, path);
  }
  return setting.default === undefined ? undefined : { text: setting.default, names: namesOf(setting) };
}

function readSecret(setting: Setting<unknown>, path: string): RawValue {
  const names = namesOf(fileOf(setting));
  let text: string;
  try {
    text = readText(path).replace(/[\r\n]+$/, "");
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `${names}: cannot read ${quoted(path)}: ${reason}; name a file that holds the value of ${setting.env}`,
    );
  }
  if (text === "") {
    throw new Error(`${names}: ${quoted(path)} is empty; let it hold the value of ${setting.env}`);
  }
  return { text, names, path };
}
