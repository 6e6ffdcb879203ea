// All settings read into one plan; opens nothing.
import { planRule, type RulePlan } from "../detection/settings.ts";
import type { Alert } from "../detection/alert/alert.ts";
import { alertJson } from "../detection/alert/json.ts";
import { findAdapter } from "../lib/settings/adapter.ts";
import { complete, type Input, readSettings, type Values } from "../lib/settings/setting.ts";
import type { Sink, SinkContext } from "../sinks/sink.ts";
import type { Source, SourceContext } from "../sources/source.ts";
import type { State } from "../state/settings.ts";
import { type ListenSettings, listenSettings } from "../status/listen.ts";
import { chooseSource, sinkChoice, sinks } from "./adapters.ts";
import type { ProcessContext } from "./process_context.ts";
import { outputSettings, processSettings, stateSettings } from "./settings.ts";

/** The program, ready to be opened. */
export interface Plan {
  readonly rule: RulePlan;
  readonly process: Values<typeof processSettings>;
  readonly state: State;
  readonly status: ListenSettings;
  readonly source: string;
  /** It reads files, and then the input ends. */
  readonly readsFiles: boolean;
  readonly output: "json" | "text" | undefined;
  readonly openSource: (context: SourceContext) => Source | Promise<Source>;
  readonly openSinks: readonly ((context: SinkContext) => Sink)[];
}

/** Reads all settings, so that every wrong one is in `input.problems`; then there is no plan. */
export function plan(input: Input, files: readonly string[]): Plan | undefined {
  const source = chooseSource(input, files);
  const read = complete({
    source,
    openSource: source?.prepare(input),
    rule: planRule(input, source?.type),
    kept: readSettings(stateSettings, input),
    out: readSettings(outputSettings, input),
    openSinks: planSinks(input),
    status: readSettings(listenSettings, input),
    process: readSettings(processSettings, input),
  });
  if (read === undefined) return undefined;
  const { openSource, rule, kept, out, openSinks, status, process } = read;
  return {
    rule,
    process,
    state: kept.state,
    status,
    source: read.source.type,
    readsFiles: files.length > 0,
    output: out.output,
    openSource,
    openSinks,
  };
}

/** The sinks that the settings choose, each once. */
function planSinks(input: Input): readonly ((context: SinkContext) => Sink)[] | undefined {
  const chosen = readSettings(sinkChoice, input);
  const adapters = new Set(chosen?.sinkTypes.map((word) => findAdapter(sinks, word)!));
  const prepared = complete([...adapters].map((adapter) => adapter.prepare(input)));
  return chosen && prepared;
}

/** Opens every sink of the plan. */
export function openSinks(plan: Plan, context: ProcessContext): Sink[] {
  const readable = plan.output === undefined ? context.stdoutIsTerminal : plan.output === "text";
  const json = (alert: Alert) => alertJson(alert, plan.rule.payload);
  const colored = context.stdoutIsTerminal && context.colored === true;
  return plan.openSinks.map((open) => open({ stdout: context.stdout, readable, colored, json }));
}
