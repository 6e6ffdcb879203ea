// The program's view of its process, and plans from its flags and environment.
import type { LineOutput } from "../lib/coalescing_writer.ts";
import type { Input } from "../lib/settings/setting.ts";
import type { SinkAdapter } from "../sinks/adapter.ts";
import type { SinkContext } from "../sinks/sink.ts";
import type { SourceContext } from "../sources/source.ts";
import type { Canvas } from "./replay/progress_bar.ts";

/** Arguments, environment, streams and signals of the process. */
export interface ProcessContext
  extends
    Omit<SourceContext, "log" | "startupDeadline" | "health" | "restartsOnly" | "failing">,
    Pick<SinkContext, "stdout"> {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The adapters of all sinks that `SINK_TYPE` chooses. */
  readonly sinks: readonly SinkAdapter[];
  /** Aborted by SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
  readonly stdoutIsTerminal: boolean;
  /** Alerts on that terminal may have colours. */
  readonly colored?: boolean;
  readonly stderr: LineOutput;
  /** Draws a progress bar on standard error, if that is a terminal which can. */
  readonly canvas?: Canvas | undefined;
}

/** Makes a plan from flags and environment; undefined, with the reasons on standard error, if they are wrong. */
export function planned<P>(
  { env, stderr }: ProcessContext,
  flags: Readonly<Record<string, string>>,
  make: (input: Input) => P | undefined,
): P | undefined {
  const input: Input = { flags, env, problems: [] };
  const plan = make(input);
  if (input.problems.length === 0) return plan;
  for (const problem of new Set(input.problems)) stderr.write(`${problem}\n`);
}
