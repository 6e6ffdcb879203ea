// Carries out the decisions of the rule: logs each from its reason, and puts alerts into the outboxes.
import type { Alert } from "../detection/alert/alert.ts";
import { detailsOf } from "../detection/alert/details_of.ts";
import type { Decision } from "../detection/rule.ts";
import type { Log } from "../lib/log.ts";
import type { StateStore } from "../state/store.ts";
import type { Counters } from "./counters.ts";

/** Logs, counts and enqueues notifications. */
export class Notifier {
  readonly #store: Pick<StateStore, "enqueue">;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #counts: string;

  /** `counts` is what the rule counts, in the singular. */
  constructor(store: Pick<StateStore, "enqueue">, counters: Counters, log: Log, counts: string) {
    this.#store = store;
    this.#counters = counters;
    this.#log = log;
    this.#counts = counts;
  }

  /** Carries out a decision about the key `name`; a decision with a name of its own is about that. */
  act(decision: Decision, name: string): void {
    switch (decision.reason) {
      case "first":
      case "repeat":
        this.#log.info(sentences[isFlapping(decision.alert) ? "flaps" : decision.reason], {
          ...notificationFields(decision.alert),
          counts: this.#counts,
        });
        return this.#notify(decision.alert);
      case "muted":
        return this.#log.info("{name}: crash loop, {count} {counts}s; muted {muted}", {
          ...notificationFields(decision.alert),
          counts: this.#counts,
          muted: detailsOf(decision.alert).Muted,
        });
      case "resolved":
        this.#log.info("{name}: resolved: {cause}", { name: decision.name, cause: decision.cause });
        return this.#notify(decision.alert);
      case "gave-up":
        this.#log.info("{name}: given up by Nomad: {cause}", { name: decision.name, cause: decision.cause });
        return this.#notify(decision.alert);
      case "noted":
        return;
      default:
        if (!this.#log.detailed) return;
        this.#log.debug("{name}: {counts}, {reason}", { name, counts: this.#counts, ...decision });
    }
  }

  #notify(alert: Alert | undefined): void {
    if (alert === undefined) return;
    this.#counters.alerts[alert.reason]++;
    if (this.#store.enqueue(alert)) return;
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
