// Alerts about the detector itself: when it is blind, cannot save its state, or a sink fails for longer than a minute,
// people get one alert, repeats as seldom as those of a loop, and its end.
import type { Alert } from "../detection/alert/alert.ts";
import type { AlertDetails } from "../detection/alert/details.ts";
import { maxTimer } from "../lib/delay.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import { wallClock } from "../lib/time.ts";
import type { StateStore } from "../state/store.ts";
import type { Delivery } from "./delivery.ts";
import { type Notified, TroubleAlerts } from "./trouble_alerts.ts";
import type { Troubles } from "./troubles.ts";

/** What they need. */
export interface OwnAlertsContext {
  readonly troubles: Troubles;
  readonly store: Pick<StateStore, "durable" | "enqueue" | "kept" | "put">;
  readonly delivery: Pick<Delivery, "sendUnkept">;
  /** Whether a sink gets an alert. */
  readonly accepts: (sink: string, alert: Alert) => boolean;
  readonly log: Log;
  /** Minimum time between two alerts about one component, ends not counted. */
  readonly interval: Nanoseconds;
  readonly rule: AlertDetails["Rule"];
  /** How long a trouble lasts before it is notified: a minute, or what a test says. */
  readonly after?: Nanoseconds;
}

const minute = 60_000_000_000n;
/** The table of the state. */
const table = "own alerts";

/** Notifies troubles. What was notified survives a restart with the state. */
export class OwnAlerts implements Disposable {
  readonly #context: OwnAlertsContext;
  readonly #alerts: TroubleAlerts;
  #commit = () => {};
  #subscription: Disposable | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(context: OwnAlertsContext) {
    const { interval, after = minute, rule, store } = context;
    this.#context = context;
    this.#alerts = new TroubleAlerts({ interval, after }, rule, store.kept.entries<Notified>(table));
  }

  /** Begins. `commit` keeps what was put into the store, and looks into the outboxes. */
  start(commit: () => void): void {
    if (this.#closed) return;
    this.#commit = commit;
    this.#subscription = this.#context.troubles.listen(() => this.#look());
    this.#look();
  }

  /** Notifies what is due, and looks again when something will be. */
  #look(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = wallClock();
    const troubles = this.#context.troubles.now();
    const isKept = !this.#context.store.durable || troubles.every(({ kind }) => kind !== "state");
    const due = this.#alerts.take(troubles, now);
    for (const { component, alert, notified } of due) {
      this.#context.store.put(table, component, notified);
      this.#send(alert, isKept);
    }
    const next = this.#alerts.nextDue(troubles);
    if (next !== undefined) {
      const milliseconds = Number((next - now) / 1_000_000n) + 1;
      this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(milliseconds, 0), maxTimer));
      Deno.unrefTimer(this.#timer);
    }
    // A commit that fails is a trouble, so that this is called again before it returns.
    if (due.length > 0) this.#commit();
  }

  /** What the state cannot keep is sent without it. */
  #send(alert: Alert, isKept: boolean): void {
    const { store, delivery, accepts, log } = this.#context;
    if (!isKept) delivery.sendUnkept(alert, accepts);
    else if (!store.enqueue(alert)) return;
    const { component, problem } = alert.notice!;
    if (alert.reason === "resolved") {
      log.info("{component}: works again; alert {id} says so", { component, id: alert.id });
    } else {
      log.warning("{component}: has not worked for a minute or longer: {problem}; alert {id} says so", {
        component,
        problem,
        id: alert.id,
      });
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#subscription?.[Symbol.dispose]();
  }
}
