// What the status server reads of the program. The parts count by themselves and are read on request.
import type { CommitStats } from "../pipeline/acknowledger.ts";
import type { SinkStats } from "../pipeline/sink_worker.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { AlertContext } from "../detection/alert/details.ts";
import type { AlertGroup } from "../detection/groups/group.ts";
import type { Rule } from "../detection/rule.ts";
import type { Health } from "../lib/health.ts";
import type { Counters } from "../pipeline/counters.ts";
import { wallClock } from "../lib/time.ts";
import type { LineOutput } from "../lib/coalescing_writer.ts";
import type { StatusView } from "./view.ts";

/** The parts of the program that the status server reads. */
export interface RuntimeInfo {
  readonly version: string;
  readonly startedAt: Nanoseconds;
  readonly mode: "live" | "batch";
  readonly rule: Pick<Rule, "names" | "looping" | "loop" | "loops">;
  readonly ruleView: StatusView["rule"];
  readonly counters: Counters;
  /** The group of a loop, by the loop's id, if its cause is a node or a storm. */
  readonly groupOf?: (
    loop: string,
  ) => { readonly cause: AlertGroup["cause"]; readonly id: string; readonly text: string } | undefined;
  readonly source: { readonly type: string; readonly health: Health };
  readonly state: { readonly type: string; readonly commits: CommitStats };
  readonly sinks: readonly SinkStats[];
  /** The output of the log. */
  readonly log: Pick<LineOutput, "dropped">;
  /** What was last found out about a loop, by its id, for its alerts; absent if nothing is asked. */
  readonly context?: (loop: string) => AlertContext | undefined;
}

/** What it knows of a loop beyond the rule. */
export type LoopSources = Pick<RuntimeInfo, "groupOf" | "context">;

/** The time now, by the clock that loops follow. */
export function nowOf({ mode, counters }: RuntimeInfo): Nanoseconds {
  return mode === "live" ? wallClock() : counters.newest ?? wallClock();
}
