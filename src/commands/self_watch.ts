// How others learn that the detector itself does not work: alerts to people, and the heartbeat that stops. Each is loaded
// only where it is used.
import type { Alert } from "../detection/alert/alert.ts";
import type { Visibility } from "../detection/visibility.ts";
import type { Health } from "../lib/health.ts";
import type { Log } from "../lib/log.ts";
import type { Delivery } from "../pipeline/delivery.ts";
import type { OwnAlerts } from "../pipeline/own_alerts.ts";
import type { StateStore } from "../state/store.ts";
import type { Plan } from "./plan.ts";

/** What is watched, and what is used for it. */
export interface SelfWatchParts {
  readonly plan: Plan;
  readonly health: Health;
  readonly visibility: Visibility;
  readonly state: Health;
  readonly delivery: Delivery;
  readonly store: StateStore;
  readonly accepts: (sink: string, alert: Alert) => boolean;
  readonly log: Log;
}

/** Watches until it is disposed. */
export interface SelfWatch extends Disposable {
  /** To be started by the pipeline, where somebody gets them. */
  readonly ownAlerts: OwnAlerts | undefined;
}

/** Opens what the plan asks for, for a live source; undefined where that is nothing. */
export async function openSelfWatch(parts: SelfWatchParts): Promise<SelfWatch | undefined> {
  const { plan, health, visibility, state, delivery, log } = parts;
  const { url, failUrl } = plan.heartbeat;
  const toPeople = plan.sinks.some(({ prepared }) => prepared.audience === "people");
  if (url === undefined && !toPeople) return undefined;
  const { Troubles } = await import("../pipeline/troubles.ts");
  using opened = new DisposableStack();
  const source = { type: plan.source, health };
  const troubles = opened.use(new Troubles({ source, visibility, state, sinks: delivery.stats }));
  const ownAlerts = toPeople ? opened.use(await openOwnAlerts(parts, troubles)) : undefined;
  if (url !== undefined) {
    const { Heartbeat } = await import("../status/heartbeat/heartbeat.ts");
    opened.use(new Heartbeat({ settings: { url, failUrl }, troubles, log }));
  }
  const all = opened.move();
  return { ownAlerts, [Symbol.dispose]: () => all.dispose() };
}

async function openOwnAlerts(
  { plan: { rule }, ...context }: SelfWatchParts,
  troubles: import("../pipeline/troubles.ts").Troubles,
): Promise<OwnAlerts> {
  const { OwnAlerts } = await import("../pipeline/own_alerts.ts");
  return new OwnAlerts({
    ...context,
    troubles,
    interval: rule.thresholds.notificationInterval,
    rule: rule.type,
  });
}
