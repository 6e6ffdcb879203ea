// All settings read into one plan; opens nothing.
import { planRule, type RulePlan } from "../detection/settings.ts";
import type { Alert } from "../detection/alert/alert.ts";
import { messageOf, type Surroundings } from "../detection/alert/message.ts";
import { alertJson } from "../detection/alert/json.ts";
import { type Input, readSettings, type Values } from "../lib/settings/setting.ts";
import type { PlannedSink } from "../sinks/sink.ts";
import type { PreparedSink, SinkAdapter } from "../sinks/adapter.ts";
import type { Source, SourceContext } from "../sources/source.ts";
import type { State } from "../state/settings.ts";
import { type ListenSettings, listenSettings } from "../status/listen.ts";
import { chooseSource, sinkChoice } from "./adapters.ts";
import type { ProcessContext } from "./process_context.ts";
import { outputSettings, processSettings, stateSettings, surroundingSettings } from "./settings.ts";

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
  readonly surroundings: Surroundings;
  readonly sinks: readonly { readonly adapter: SinkAdapter; readonly prepared: PreparedSink }[];
}

/** Reads all settings. What is wrong with them stands in `input.problems`, and then there is no plan. */
export function plan(input: Input, files: readonly string[]): Plan | undefined {
  const source = chooseSource(input, files);
  const openSource = source?.prepare(input);
  const chosen = readSettings(sinkChoice, input);
  // What is wrong with the sinks is said after what is wrong with the rule, which asks what they need.
  const problems: string[] = [];
  const sinks = chosen?.sinks.map((adapter) => ({
    adapter,
    prepared: adapter.prepare({ ...input, problems })!,
  })) ?? [];
  const rule = planRule(input, source?.type, sinks.some(({ prepared }) => prepared?.needsEnds));
  const kept = readSettings(stateSettings, input);
  const out = readSettings({ ...outputSettings, ...surroundingSettings }, input);
  input.problems.push(...problems);
  const status = readSettings(listenSettings, input);
  const processes = readSettings(processSettings, input);
  if (!source || !openSource || !rule || !kept || !chosen || !out || !status || !processes) return undefined;
  if (sinks.some(({ prepared }) => prepared === undefined)) return undefined;
  return {
    rule,
    process: processes,
    state: kept.state,
    status,
    source: source.type,
    readsFiles: files.length > 0,
    output: out.output,
    openSource,
    surroundings: { cluster: out.clusterName, nomadUi: out.nomadUi, page: out.externalUrl },
    sinks,
  };
}

/** The sinks of the plan, ready to be opened. */
export function planSinks(
  { output, rule, surroundings, sinks }: Plan,
  context: ProcessContext,
): PlannedSink[] {
  const { stdout, stdoutIsTerminal } = context;
  const shared = {
    stdout,
    cluster: surroundings.cluster,
    readable: output === undefined ? stdoutIsTerminal : output === "text",
    colored: stdoutIsTerminal && context.colored === true,
    json: (alert: Alert) => alertJson(alert, rule.payload, surroundings.cluster),
    message: (alert: Alert) => messageOf(alert, surroundings),
  };
  return sinks.map(({ adapter, prepared }) => ({
    name: adapter.type,
    needsEnds: prepared.needsEnds,
    accepts: (alert) =>
      (rule.notifyResolved || prepared.needsEnds || !isEnd(alert)) && prepared.accepts(alert),
    open: (listener, records) => prepared.open({ ...shared, listener, records }),
  }));
}

function isEnd({ reason }: Alert): boolean {
  return reason === "resolved" || reason === "gave-up";
}
