// The settings of alerts read into one plan: what they say, and the sinks that get them. Opens nothing.
import type { Alert } from "../detection/alert/alert.ts";
import { alertJson } from "../detection/alert/json.ts";
import { messageOf, type Surroundings } from "../detection/alert/message.ts";
import { planRule, type RulePlan } from "../detection/settings.ts";
import { complete, type Input, readSettings, type Values } from "../lib/settings/setting.ts";
import type { Audience, PreparedSink, SinkAdapter } from "../sinks/adapter.ts";
import type { PlannedSink, SinkListener, SinkRecords } from "../sinks/sink.ts";
import { sinkChoice } from "./adapters.ts";
import type { ProcessContext } from "./process_context.ts";
import { outputSettings, processSettings, surroundingSettings } from "./settings.ts";

/** What alerts need. */
export interface AlertPlan {
  readonly rule: RulePlan;
  readonly output: "json" | "text" | undefined;
  readonly surroundings: Surroundings;
  readonly sinks: readonly { readonly name: string; readonly prepared: PreparedSink }[];
  readonly process: Values<typeof processSettings>;
}

/** Reads the settings of alerts, with the adapters of the chosen `sinks`, so that every wrong one is in `input.problems`; then there is no plan. */
export function planAlerts(
  input: Input,
  source: string | undefined,
  sinks: readonly SinkAdapter[],
): AlertPlan | undefined {
  const chosen = readSettings(sinkChoice, input)?.sinks
    .map((name) => sinks.find(({ type }) => type === name)!);
  // The problems of sinks come after those of the rule, which depends on what the sinks need.
  const problems: string[] = [];
  const prepared = chosen?.map((adapter) => adapter.prepare({ ...input, problems }));
  const rule = planRule(input, source, prepared?.some((sink) => sink?.needsEnds));
  input.problems.push(...problems);
  const read = complete({
    chosen,
    prepared: prepared && complete(prepared),
    rule,
    out: readSettings({ ...outputSettings, ...surroundingSettings }, input),
    process: readSettings(processSettings, input),
  });
  if (read === undefined) return undefined;
  const { out, process } = read;
  return {
    rule: read.rule,
    output: out.output,
    surroundings: { cluster: out.clusterName, nomadUi: out.nomadUi, page: out.externalUrl },
    sinks: read.prepared.map((prepared, index) => ({ name: read.chosen[index]!.type, prepared })),
    process,
  };
}

/** The sinks of the plan, ready to be opened. `isActive` asks the rule, if one runs. */
export function sinksOf(
  { output, rule, surroundings, sinks }: AlertPlan,
  context: ProcessContext,
  isActive: (name: string) => boolean = () => true,
): PlannedSink[] {
  const { stdout, stdoutIsTerminal } = context;
  const shared = {
    stdout,
    cluster: surroundings.cluster,
    readable: output === undefined ? stdoutIsTerminal : output === "text",
    colored: stdoutIsTerminal && context.colored === true,
    json: (alert: Alert) => alertJson(alert, rule.payload, surroundings.cluster),
    message: (alert: Alert) => messageOf(alert, surroundings),
    isActive,
  };
  return sinks.map(({ name, prepared }) => {
    const getsEnds = rule.notifyResolved || prepared.needsEnds;
    return {
      name,
      getsEnds,
      accepts: (alert) =>
        (getsEnds || !isEnd(alert)) && isFor(name, prepared.audience, alert) && prepared.accepts(alert),
      open: (listener, records) => prepared.open({ ...shared, listener, records }),
    };
  });
}

/** What is about the detector goes to people, and what is about a sink to the others. */
function isFor(sink: string, audience: Audience, { notice }: Alert): boolean {
  return notice === undefined || (audience === "people" && notice.component !== `sink ${sink}`);
}

function isEnd({ reason }: Alert): boolean {
  return reason === "resolved" || reason === "gave-up";
}

/** What a sink is opened with outside of detection: nobody listens, and it remembers until it is closed. */
export function alone(): [SinkListener, SinkRecords] {
  const records = new Map<string, unknown>();
  return [{ lost() {}, blocked() {}, part() {} }, {
    entries: <Value>() => [...records] as [string, Value][],
    put: (key, value) => void (value === undefined ? records.delete(key) : records.set(key, value)),
  }];
}
