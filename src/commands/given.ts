// What the program was given by its process, and the plans that are made of it.
import type { World } from "./app.ts";
import type { Canvas } from "./replay/progress_bar.ts";
import type { Input } from "../lib/settings/setting.ts";

/** What the command line gets from its process. */
export interface Process extends World {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
  /** Where a progress bar may be drawn: standard error, where that is a terminal which can. */
  readonly canvas?: Canvas | undefined;
}

/** The plan that `make` makes of the flags and of the environment; undefined, with the reasons on standard error,
 * where something is wrong with them. */
export function planned<P>(
  { env, stderr }: Process,
  flags: Readonly<Record<string, string>>,
  make: (input: Input) => P | undefined,
): P | undefined {
  const input: Input = { flags, env, problems: [] };
  const plan = make(input);
  if (input.problems.length === 0) return plan;
  for (const problem of new Set(input.problems)) stderr.write(`${problem}\n`);
}
