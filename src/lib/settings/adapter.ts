// An adapter: its name, the settings it needs and how one is opened. The entries of the tables in commands/adapters.ts.
import { type Input, readSettings, type Settings, type SettingsGroup, type Values } from "./setting.ts";

/** One kind of source or of sink, its settings' types hidden so that kinds fit in one table. */
export interface Adapter<Context, Opened> {
  /** The word that selects it, in `SOURCE_TYPE` or `SINK_TYPE`. */
  readonly type: string;
  /** Other words for it. */
  readonly aliases: readonly string[];
  readonly group: SettingsGroup;
  /** Whether the settings of this source are given, so that it needs not be named; false for one that must be. */
  isConfigured(input: Input): boolean;
  /** Reads its settings; undefined, with the reasons in `input.problems`, where one is wrong. */
  prepare(input: Input): ((context: Context) => Opened) | undefined;
}

/** Makes a kind from its settings and from the function that opens one with their values. */
export function defineAdapter<Context, Opened, S extends Settings>(declared: {
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly settings: S;
  /** See `Adapter`. */
  isConfigured?(input: Input): boolean;
  /** What is wrong with values that are right one by one, a line each. */
  conflicts?(values: Values<S>): readonly string[];
  open(values: Values<S>, context: Context): Opened;
}): Adapter<Context, Opened> {
  return {
    type: declared.type,
    aliases: declared.aliases ?? [],
    group: { title: declared.title, settings: declared.settings },
    isConfigured: (input) => declared.isConfigured?.(input) ?? false,
    prepare(input) {
      const values = readSettings(declared.settings, input);
      const conflicts = values && declared.conflicts?.(values) || [];
      input.problems.push(...conflicts);
      return values && conflicts.length === 0 ? (context) => declared.open(values, context) : undefined;
    },
  };
}

/** The kind that a word selects. */
export function findAdapter<K extends { type: string; aliases: readonly string[] }>(
  kinds: readonly K[],
  word: string,
): K | undefined {
  return kinds.find(({ type, aliases }) => type === word || aliases.includes(word));
}

/** Every word that selects one of the kinds. */
export function words(kinds: readonly { type: string; aliases: readonly string[] }[]): string[] {
  return kinds.flatMap(({ type, aliases }) => [type, ...aliases]);
}
