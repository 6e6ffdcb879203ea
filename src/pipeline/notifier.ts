// Carries out the decisions of the rule: logs each from its reason, and puts alerts into the outboxes.
import type { Alert } from "../detection/alert/alert.ts";
import { detailsOf } from "../detection/alert/details_of.ts";
import type { Decision, Notification } from "../detection/rule.ts";
import type { Log } from "../lib/log.ts";
import type { StateStore } from "../state/store.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Counters } from "./counters.ts";
import type { Grouping } from "./grouping.ts";

/** Logs, counts and enqueues notifications. */
export class Notifier {
  readonly #store: Pick<StateStore, "enqueue">;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #counts: string;
  readonly #grouping: Grouping | undefined;

  /** `counts` is what the rule counts, in the singular. */
  constructor(
    store: Pick<StateStore, "enqueue">,
    counters: Counters,
    log: Log,
    counts: string,
    grouping?: Grouping,
  ) {
    this.#store = store;
    this.#counters = counters;
    this.#log = log;
    this.#counts = counts;
    this.#grouping = grouping;
  }

  /** Carries out a decision about the key `name`; a decision with a name of its own is about that. */
  act(decision: Decision, name: string, now: Nanoseconds): void {
    switch (decision.reason) {
      case "first":
      case "repeat":
        this.#log.info(sentences[isFlapping(decision.alert) ? "flaps" : decision.reason], {
          ...notificationFields(decision.alert),
          counts: this.#counts,
        });
        return this.#notify(decision, now);
      case "muted":
        return this.#log.info("{name}: crash loop, {count} {counts}s; muted {muted}", {
          ...notificationFields(decision.alert),
          counts: this.#counts,
          muted: detailsOf(decision.alert).Muted,
        });
      case "resolved":
        this.#log.info("{name}: resolved: {cause}", { name: decision.name, cause: decision.cause });
        return this.#notify(decision, now);
      case "gave-up":
        this.#log.info("{name}: given up by Nomad: {cause}", { name: decision.name, cause: decision.cause });
        return this.#notify(decision, now);
      case "noted":
        return;
      default:
        if (!this.#log.detailed) return;
        this.#log.debug("{name}: {counts}, {reason}", { name, counts: this.#counts, ...decision });
    }
  }

  #notify(decision: Notification, now: Nanoseconds): void {
    const { alert } = decision;
    if (alert !== undefined) this.#counters.alerts[alert.reason]++;
    const isSent = this.#grouping?.take(decision, now) ?? (alert === undefined || this.#store.enqueue(alert));
    if (alert === undefined || isSent) return;
    this.#log.info("{name}: alert {id} is sent to no sink; the filters of all leave it out", {
      name: alert.name,
      id: alert.id,
    });
  }
}

const sentences = {
  first: "{name}: crash loop, {count} {counts}s; alert {id}",
  repeat: "{name}: still crash-looping, {count} {counts}s; alert {id}",
  flaps: "{name}: flapping, {count} {counts}s; alert {id}",
};

function isFlapping({ details }: Alert): boolean {
  return details?.FlappingSince !== undefined;
}

function notificationFields({ name, id, eventLog, details }: Alert): Record<string, unknown> {
  return { name, id, count: details?.Failures ?? eventLog.length };
}
