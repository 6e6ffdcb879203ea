// Counts messages and events by the reason of their decision.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Decision } from "../detection/rule.ts";

/** The totals of a run; every message is one of `events`, `others` and `malformed`. */
export interface Totals {
  /** Restarts, or failed runs: what the rule counts. */
  events: number;
  others: number;
  malformed: number;
  /** Events that were not counted: seen before, too old, or requested. */
  duplicates: number;
  outsideWindow: number;
  requested: number;
  alerts: number;
}

/** The counts of one run of the program. */
export class Counters {
  others = 0;
  malformed = 0;
  /** Events by the reason of the decision; `noted`, `resolved` and `gave-up` count as others. */
  readonly events: Record<Exclude<Decision["reason"], "noted" | "resolved" | "gave-up">, number> = {
    "duplicate": 0,
    "outside-window": 0,
    "requested": 0,
    "below-threshold": 0,
    "already-notified": 0,
    "catching-up": 0,
    "first": 0,
    "repeat": 0,
    "muted": 0,
  };
  readonly alerts: Record<Alert["reason"], number> = {
    first: 0,
    repeat: 0,
    update: 0,
    resolved: 0,
    "gave-up": 0,
  };
  /** Alerts about groups, which people get in place of those about loops. */
  readonly groups: Record<Alert["reason"], number> = {
    first: 0,
    repeat: 0,
    update: 0,
    resolved: 0,
    "gave-up": 0,
  };
  /** The time of the newest event of any kind, limited to now. */
  newest: Nanoseconds | undefined;

  /** Alerts for any reason. */
  get notified(): number {
    return this.alerts.first + this.alerts.repeat + this.alerts.resolved + this.alerts["gave-up"];
  }

  /** Alerts for any reason, those about groups too. */
  get sent(): number {
    return Object.values(this.groups).reduce((sum, count) => sum + count, this.notified);
  }

  totals(): Totals {
    const { others, malformed, notified, events } = this;
    return {
      events: Object.values(events).reduce((sum, count) => sum + count),
      others,
      malformed,
      duplicates: events.duplicate,
      outsideWindow: events["outside-window"],
      requested: events.requested,
      alerts: notified,
    };
  }
}
