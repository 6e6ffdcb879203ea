// Builds the response of /api/v1/status.
import type { Health } from "../../lib/health.ts";
import { formatTime, wallClock } from "../../lib/time.ts";
import { nowOf, type RuntimeInfo } from "../runtime_info.ts";
import type { ComponentView, StatusView } from "../view.ts";

/** `GET /api/v1/status`. */
export function statusView(runtime: RuntimeInfo): StatusView {
  const { counters, rule, source, sinks } = runtime;
  const { events, others, malformed, duplicates, outsideWindow, requested, alerts: notifications } = counters
    .totals();
  return {
    version: runtime.version,
    startedAt: formatTime(runtime.startedAt),
    wallNow: formatTime(wallClock()),
    mode: runtime.mode,
    now: formatTime(nowOf(runtime)),
    rule: runtime.ruleView,
    source: { ...componentView(source.type, source.health), ended: source.health.ended },
    sinks: sinks.map(({ name, health, unconfirmed, oldest }) => ({
      ...componentView(name, health),
      pending: unconfirmed,
      oldestPendingAt: oldest === undefined ? null : formatTime(oldest),
    })),
    messages: { events, others, malformed, duplicates, outsideWindow, requested },
    notifications,
    trackedKeys: rule.names,
    activeLoops: rule.looping,
    lastEventAt: counters.newest === undefined ? null : formatTime(counters.newest),
  };
}

function componentView(type: string, { isUp: up, since, problem }: Health): ComponentView {
  return { type, up, since: formatTime(since), problem: problem ?? null };
}
