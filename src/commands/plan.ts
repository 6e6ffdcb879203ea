// All settings read into one plan; opens nothing.
import { planRule, type RulePlan } from "../detection/settings.ts";
import type { Alert } from "../detection/alert/alert.ts";
import { alertJson } from "../detection/alert/json.ts";
import { findAdapter } from "../lib/settings/adapter.ts";
import { type Input, readSettings, type Values } from "../lib/settings/setting.ts";
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
  /** Files are read, and then the input ends. */
  readonly readsFiles: boolean;
  readonly output: "json" | "text" | undefined;
  readonly openSource: (context: SourceContext) => Source | Promise<Source>;
  readonly openSinks: readonly ((context: SinkContext) => Sink)[];
}

/** Reads all settings. What is wrong with them stands in `input.problems`, and then there is no plan. */
export function plan(input: Input, files: readonly string[]): Plan | undefined {
  const source = chooseSource(input, files);
  const openSource = source?.prepare(input);
  const rule = planRule(input, source?.type);
  const kept = readSettings(stateSettings, input);
  const chosen = readSettings(sinkChoice, input);
  const out = readSettings(outputSettings, input);
  const sinkAdapters = new Set(chosen?.sinkTypes.map((word) => findAdapter(sinks, word)!));
  const openSinks = [...sinkAdapters].map((kind) => kind.prepare(input));
  const status = readSettings(listenSettings, input);
  const processes = readSettings(processSettings, input);
  if (!source || !openSource || !rule || !kept || !chosen || !out || !status || !processes) return undefined;
  if (!openSinks.every((open) => open !== undefined)) return undefined;
  return {
    rule,
    process: processes,
    state: kept.state,
    status,
    source: source.type,
    readsFiles: files.length > 0,
    output: out.output,
    openSource,
    openSinks,
  };
}

/** Opens every sink of the plan. */
export function openSinks(plan: Plan, context: ProcessContext): Sink[] {
  const readable = plan.output === undefined ? context.stdoutIsTerminal : plan.output === "text";
  const json = (alert: Alert) => alertJson(alert, plan.rule.payload);
  const colored = context.stdoutIsTerminal && context.colored === true;
  return plan.openSinks.map((open) => open({ stdout: context.stdout, readable, colored, json }));
}
