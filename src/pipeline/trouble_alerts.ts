// Decides when a trouble of the detector itself is notified, repeated and over. No clock, no I/O.
import type { Alert } from "../detection/alert/alert.ts";
import type { AlertDetails } from "../detection/alert/details.ts";
import { noticeAlert } from "../detection/alert/notice_alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Trouble } from "./troubles.ts";

/** What was notified about a component: plain data, for the state. */
export interface Notified extends Pick<Trouble, "kind" | "since" | "problem"> {
  /** When the last alert, the first or a repeat, was made, and how many there were of this trouble. */
  readonly at: Nanoseconds;
  readonly sent: number;
  /** Its end was not notified. */
  readonly open: boolean;
}

/** An alert, and what is to be kept of it. */
export interface TroubleAlert {
  readonly component: string;
  readonly alert: Alert;
  readonly notified: Notified;
}

/** When to notify. */
export interface TroubleTimes {
  /** How long a trouble lasts before it is notified. */
  readonly after: Nanoseconds;
  /** Minimum time between two alerts about one component, ends not counted. */
  readonly interval: Nanoseconds;
}

/** The alerts about all components. */
export class TroubleAlerts {
  readonly #times: TroubleTimes;
  readonly #rule: AlertDetails["Rule"];
  readonly #notified: Map<string, Notified>;

  /** Continues from what was kept. */
  constructor(
    times: TroubleTimes,
    rule: AlertDetails["Rule"],
    kept: Iterable<readonly [component: string, notified: Notified]>,
  ) {
    this.#times = times;
    this.#rule = rule;
    this.#notified = new Map(kept);
  }

  /** The alerts that are due, with these troubles now. */
  take(troubles: readonly Trouble[], now: Nanoseconds): TroubleAlert[] {
    const begun = troubles.filter((trouble) => this.#dueAt(trouble) <= now).map((trouble) =>
      this.#notify(trouble, now)
    );
    const present = new Set(troubles.map(({ component }) => component));
    const over = [...this.#notified].filter(([component, { open }]) => open && !present.has(component));
    return [...begun, ...over.map(([component, notified]) => this.#end(component, notified, now))];
  }

  /** When the next is due if these troubles last; undefined without any. */
  nextDue(troubles: readonly Trouble[]): Nanoseconds | undefined {
    return troubles.map((trouble) => this.#dueAt(trouble))
      .reduce<Nanoseconds | undefined>((a, b) => a === undefined || b < a ? b : a, undefined);
  }

  #dueAt({ component, since }: Trouble): Nanoseconds {
    const { after, interval } = this.#times;
    const notified = this.#notified.get(component);
    if (notified?.open) return notified.at + interval;
    const again = notified === undefined ? since : notified.at + interval;
    return again > since + after ? again : since + after;
  }

  #notify({ kind, component, since, problem }: Trouble, now: Nanoseconds): TroubleAlert {
    const before = this.#notified.get(component);
    // After a restart the trouble began earlier than this process knows.
    const begun = before?.open ? before : { since, sent: 0 };
    const parts = { kind, component, since: begun.since, problem, rule: this.#rule };
    const notified = { kind, since: begun.since, problem, at: now, sent: begun.sent + 1, open: true };
    return this.#made(noticeAlert({ ...parts, sent: begun.sent }), component, notified);
  }

  #end(component: string, notified: Notified, now: Nanoseconds): TroubleAlert {
    const { kind, since, problem, sent } = notified;
    const alert = noticeAlert({ kind, component, since, problem, sent, until: now, rule: this.#rule });
    return this.#made(alert, component, { ...notified, open: false });
  }

  #made(alert: Alert, component: string, notified: Notified): TroubleAlert {
    this.#notified.set(component, notified);
    return { component, alert, notified };
  }
}
