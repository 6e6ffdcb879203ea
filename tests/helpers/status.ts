// A status server of a test: the rule and the history in the test's hand, everything else as if it just started.
import { CommitStats } from "../../src/pipeline/acknowledger.ts";
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import type { SinkStats } from "../../src/pipeline/sink_worker.ts";
import { Histogram } from "../../src/lib/histogram.ts";
import type { LoopMemory } from "../../src/state/store.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import type { Rule } from "../../src/detection/rule.ts";
import { Health } from "../../src/lib/health.ts";
import type { LoopSources, RuntimeInfo } from "../../src/status/runtime_info.ts";
import { LoopHistory } from "../../src/status/history/history.ts";
import type { Bounds } from "../../src/status/history/loop.ts";
import type { Address } from "../../src/status/listen.ts";
import { type Overrides, StatusServer } from "../../src/status/server/server.ts";
import { Counters } from "../../src/pipeline/counters.ts";
import { hour } from "../../src/lib/duration.ts";
import { noopState } from "./listen.ts";

/** Two restarts in an hour are a loop, which repeats every hour. */
export function restartsRule(notifyResolved = false): Rule {
  return new RestartsRule(
    { restartCount: 2, restartInterval: hour, notificationInterval: hour, notifyResolved },
    noopState,
  );
}

/** Two consecutive failed runs are a loop, which repeats every hour. */
export function loopsRule(): Rule {
  const thresholds = { restartCount: 2, stableAfter: hour / 6n, notificationInterval: hour };
  return new FailuresRule({ ...thresholds, notifyResolved: true }, noopState);
}

/** A sink to which nothing was sent yet. */
export function lane(differs: Partial<SinkStats> = {}): SinkStats {
  return {
    name: "stdout",
    health: new Health(),
    unconfirmed: 0,
    oldest: undefined,
    attempts: { confirmed: 0, failed: 0, rejected: 0 },
    seconds: new Histogram([0.1, 1]),
    ...differs,
  };
}

/** The runtime info of a program that just started. */
export function runtimeInfo(differs: Partial<RuntimeInfo> = {}): RuntimeInfo {
  const commits = new CommitStats();
  commits.health.up();
  return {
    version: "1.2.3",
    startedAt: 1_795_491_774_000_000_000n,
    mode: "batch",
    rule: restartsRule(),
    ruleView: {
      type: "restarts",
      counts: "restart",
      threshold: 2,
      interval: "1h",
      notificationInterval: "1h",
    },
    counters: new Counters(),
    source: { type: "amqp", health: new Health() },
    state: { type: "memory", commits },
    sinks: [lane()],
    log: { dropped: 0 },
    ...differs,
  };
}

/** A rule with its history, that hears of updates. */
export class Watched {
  readonly history: LoopHistory;

  constructor(readonly rule: Rule, bounds?: Bounds, memory?: LoopMemory, sources?: LoopSources) {
    rule.restore({ restarts: () => [], notified: () => [], entries: () => [] }, undefined);
    this.history = new LoopHistory(rule, bounds, memory, sources);
  }

  /** Lets both hear of updates, on the clock of the events. */
  hear(...updates: readonly string[]): void {
    for (const update of updates) {
      const event = this.rule.decode(new TextEncoder().encode(update));
      if (event.kind === "malformed" || event.kind === "other") continue;
      this.history.recorded(event, this.rule.record(event, event.time), event.time);
    }
  }

  /** Lets time go by. */
  wait(until: bigint): void {
    for (const decision of this.rule.due(until, 1000)) this.history.decided(decision, until);
  }
}

/** A server on a port of its own, and where it is. Disposing it closes it. */
export async function statusServer(
  {
    address = { hostname: "127.0.0.1", port: 0 },
    token,
    watched = new Watched(restartsRule()),
    limits,
    times,
    ...differs
  }: { address?: Address; token?: string; watched?: Watched } & Overrides & Partial<RuntimeInfo> = {},
): Promise<StatusServer & { readonly watched: Watched }> {
  const all = runtimeInfo({ rule: watched.rule, ...differs });
  const server = await StatusServer.listen(address, token, all, watched.history, { limits, times });
  return Object.assign(server, { watched });
}
