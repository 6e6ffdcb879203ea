// All settings read into one plan; opens nothing.
import { groupSettings } from "../detection/groups/settings.ts";
import type { GroupThresholds } from "../detection/groups/thresholds.ts";
import { complete, type Input, readSettings } from "../lib/settings/setting.ts";
import type { SinkAdapter } from "../sinks/adapter.ts";
import type { Source, SourceContext } from "../sources/source.ts";
import type { State } from "../state/settings.ts";
import {
  heartbeatConflicts,
  type HeartbeatSettings,
  heartbeatSettings,
} from "../status/heartbeat/settings.ts";
import { type ListenSettings, listenSettings } from "../status/listen.ts";
import { chooseSource } from "./adapters.ts";
import { type AlertPlan, planAlerts } from "./alert_plan.ts";
import { stateSettings } from "./settings.ts";

/** The program, ready to be opened. */
export interface Plan extends AlertPlan {
  readonly state: State;
  /** When people get loops as one message; undefined if they get each loop. */
  readonly groups: GroupThresholds | undefined;
  readonly status: ListenSettings;
  readonly heartbeat: HeartbeatSettings;
  readonly source: string;
  /** It reads files, and then the input ends. */
  readonly readsFiles: boolean;
  readonly openSource: (context: SourceContext) => Source | Promise<Source>;
}

/** Reads all settings, with the adapters of the chosen `sinks`, so that every wrong one is in `input.problems`; then there is no plan. */
export function plan(
  input: Input,
  files: readonly string[],
  sinks: readonly SinkAdapter[],
): Plan | undefined {
  const source = chooseSource(input, files);
  const read = complete({
    source,
    openSource: source?.prepare(input),
    alerts: planAlerts(input, source?.type, sinks),
    kept: readSettings(stateSettings, input),
    groups: readSettings(groupSettings, input),
    status: readSettings(listenSettings, input),
    heartbeat: readSettings(heartbeatSettings, input),
  });
  input.problems.push(...heartbeatConflicts(input));
  if (read === undefined) return undefined;
  const { openSource, alerts, kept, groups, status, heartbeat } = read;
  return {
    ...alerts,
    state: kept.state,
    groups: groups.groupBy === "none"
      ? undefined
      : { wait: groups.groupWait, digestAbove: groups.digestAbove },
    status,
    heartbeat,
    source: read.source.type,
    readsFiles: files.length > 0,
    openSource,
  };
}
