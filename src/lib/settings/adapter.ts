// Adapters, the entries of the tables in commands/adapters.ts: the name, the settings and the opening of a source or sink.
import { type Input, readSettings, type Settings, type SettingsGroup, type Values } from "./setting.ts";

/** A kind of source or sink; it hides the types of its settings, so that all fit in one table. */
export interface Adapter<Context, Opened> {
  /** Its name in `SOURCE_TYPE` or `SINK_TYPE`. */
  readonly type: string;
  /** Other names for it. */
  readonly aliases: readonly string[];
  readonly group: SettingsGroup;
  /** Whether the settings of this source are given, so that it need not be named; false for one that must be. */
  isConfigured(input: Input): boolean;
  /** Reads its settings; undefined, with the reasons in `input.problems`, if one is wrong. */
  prepare(input: Input): ((context: Context) => Opened) | undefined;
}

/** Defines an adapter by its settings and by the function that opens it with their values. */
export function defineAdapter<Context, Opened, S extends Settings>(declared: {
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly settings: S;
  /** See `Adapter`. */
  isConfigured?(input: Input): boolean;
  /** The problems of values that are right one by one, a line each. */
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

/** The adapter that a word selects. */
export function findAdapter<A extends { type: string; aliases: readonly string[] }>(
  adapters: readonly A[],
  word: string,
): A | undefined {
  return adapters.find(({ type, aliases }) => type === word || aliases.includes(word));
}

/** Every word that selects an adapter. */
export function words(adapters: readonly { type: string; aliases: readonly string[] }[]): string[] {
  return adapters.flatMap(({ type, aliases }) => [type, ...aliases]);
}
