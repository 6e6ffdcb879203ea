// The settings of alerts read into one plan: what they say, and the sinks that get them. Opens nothing.
import type { Alert } from "../detection/alert/alert.ts";
import { alertJson } from "../detection/alert/json.ts";
import { messageOf, type Surroundings } from "../detection/alert/message.ts";
import { planRule, type RulePlan } from "../detection/settings.ts";
import { complete, type Input, readSettings, type Values } from "../lib/settings/setting.ts";
import type { Audience, PreparedSink, SinkAdapter } from "../sinks/adapter.ts";
import type { PlannedSink, SinkListener, SinkRecords } from "../sinks/sink.ts";
import { findSink } from "../sinks/adapter.ts";
import type { Log } from "../lib/log.ts";
import { quoted } from "../lib/settings/redact.ts";
import { sinkChoice, sinks as sinkTypes } from "./adapters.ts";
import type { ProcessContext } from "./process_context.ts";
import { contextSettings, outputSettings, processSettings, surroundingSettings } from "./settings.ts";

/** What alerts need. */
export interface AlertPlan {
  readonly rule: RulePlan;
  readonly output: "json" | "text" | undefined;
  readonly surroundings: Surroundings;
  /** Whose alerts wait for what the source knows of their loops. */
  readonly context: "people" | "all" | "none";
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
    out: readSettings({ ...outputSettings, ...contextSettings, ...surroundingSettings }, input),
    process: readSettings(processSettings, input),
  });
  if (read === undefined) return undefined;
  const { out, process } = read;
  return {
    rule: read.rule,
    output: out.output,
    surroundings: { cluster: out.clusterName, nomadUi: out.nomadUi, page: out.externalUrl },
    context: out.context,
    sinks: read.prepared.map((prepared, index) => ({ name: read.chosen[index]!.type, prepared })),
    process,
  };
}

/** The sinks of the plan, ready to be opened. `isActive` asks the rule, if one runs. */
export function sinksOf(
  { output, rule, surroundings, context: whose, sinks }: AlertPlan,
  context: ProcessContext,
  isActive: (name: string) => boolean = () => true,
  log?: Pick<Log, "warning">,
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
  const wants = wishesForSinks(sinks.map(({ name }) => name), log);
  return sinks.map(({ name, prepared }) => {
    const getsEnds = rule.notifyResolved || prepared.needsEnds;
    return {
      name,
      getsEnds,
      // Programs see what is in the payload, and the original's two fields have no place for it.
      showsContexts: whose !== "none" && prepared.audience === "people" ||
        whose === "all" && rule.payload === "full",
      audience: prepared.audience,
      updates: prepared.updates,
      // Which sinks get a group was decided when its loops began.
      accepts: (alert) =>
        (getsEnds || !isEnd(alert)) &&
        isFor(name, prepared.audience, alert) &&
        (alert.group !== undefined || (wants(alert, name) && prepared.accepts(alert))),
      open: (listener, records) => prepared.open({ ...shared, listener, records }),
    };
  });
}

/** Whether the job of an alert wants it in a sink. A word for no sink in use is warned of once for each loop. */
function wishesForSinks(
  names: readonly string[],
  log: Pick<Log, "warning"> | undefined,
): (alert: Alert, name: string) => boolean {
  const warned = new Set<string>();
  const isMeant = (name: string, word: string) => {
    const sink = findSink(sinkTypes, word);
    return sink !== undefined && (name === sink || name.startsWith(`${sink}:`));
  };
  return ({ name: loop, sinks: words }, name) => {
    if (words === undefined) return true;
    const known = words.filter((word) => names.some((name) => isMeant(name, word)));
    for (const word of words) {
      if (known.includes(word) || warned.has(`${loop}\0${word}`)) continue;
      if (warned.size >= maxWarned) warned.clear();
      warned.add(`${loop}\0${word}`);
      log?.warning(
        "{loop}: crashloop_sinks in the meta of its job: found {word}, which is no sink in use; expected some of " +
          "{sinks}; its alerts go to {others}",
        {
          loop,
          word: quoted(word),
          sinks: names.join(", "),
          others: known.length === 0 ? "all of them" : known.join(" and "),
        },
      );
    }
    return known.length === 0 || known.some((word) => isMeant(name, word));
  };
}

/** Words of loops that are remembered as warned of. */
const maxWarned = 10_000;

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
