// Alerts about the detector itself: when it is blind, cannot save its state, or a sink fails for longer than a minute,
// people get one alert, repeats as seldom as those of a loop, and its end.
import type { Alert } from "../detection/alert/alert.ts";
import type { AlertDetails } from "../detection/alert/details.ts";
import { noticeAlert } from "../detection/alert/notice_alert.ts";
import { maxTimer } from "../lib/delay.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import { wallClock } from "../lib/time.ts";
import type { StateStore } from "../state/store.ts";
import type { Delivery } from "./delivery.ts";
import type { Trouble, Troubles } from "./troubles.ts";

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

/** What was notified about a component. */
interface Told extends Pick<Trouble, "kind" | "since" | "problem"> {
  /** When the last alert, its first or a repeat, was made, and how many there were. */
  readonly at: Nanoseconds;
  readonly sent: number;
  /** Its end was not. */
  readonly open: boolean;
}

/** Notifies troubles. What was notified survives a restart with the state. */
export class OwnAlerts implements Disposable {
  readonly #context: OwnAlertsContext;
  readonly #after: Nanoseconds;
  readonly #told: Map<string, Told>;
  #commit: (() => void) | undefined;
  #subscription: Disposable | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(context: OwnAlertsContext) {
    this.#context = context;
    this.#after = context.after ?? minute;
    this.#told = new Map(context.store.kept.entries<Told>(table));
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
    const now = wallClock();
    const troubles = this.#context.troubles.now();
    const works = !troubles.some(({ kind }) => kind === "state");
    let next: Nanoseconds | undefined;
    let any = false;
    for (const trouble of troubles) {
      const due = this.#dueAt(trouble);
      if (due <= now) any = this.#tell(trouble, now, works);
      const again = due <= now ? this.#dueAt(trouble) : due;
      if (next === undefined || again < next) next = again;
    }
    for (const [component, told] of this.#told) {
      if (!told.open || troubles.some((trouble) => trouble.component === component)) continue;
      any = this.#end(component, told, now, works);
    }
    if (any) this.#commit?.();
    if (next === undefined) return;
    const milliseconds = Number((next - now) / 1_000_000n) + 1;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(milliseconds, 0), maxTimer));
    Deno.unrefTimer(this.#timer);
  }

  #dueAt({ component, since }: Trouble): Nanoseconds {
    const told = this.#told.get(component);
    const again = told === undefined ? since : told.at + this.#context.interval;
    if (told?.open) return again;
    return again > since + this.#after ? again : since + this.#after;
  }

  #tell({ kind, component, since, problem }: Trouble, now: Nanoseconds, works: boolean): true {
    const before = this.#told.get(component);
    const begun = before?.open ? before : { since, sent: 0 };
    this.#keep(component, { kind, since: begun.since, problem, at: now, sent: begun.sent + 1, open: true });
    this.#send({ kind, component, since: begun.since, problem, sent: begun.sent }, works);
    return true;
  }

  #end(component: string, told: Told, now: Nanoseconds, works: boolean): true {
    this.#keep(component, { ...told, open: false });
    this.#send({ ...told, component, until: now }, works);
    return true;
  }

  #keep(component: string, told: Told): void {
    this.#told.set(component, told);
    this.#context.store.put(table, component, told);
  }

  /** What the state cannot keep is sent without it. */
  #send(parts: Omit<Parameters<typeof noticeAlert>[0], "rule">, works: boolean): void {
    const { store, delivery, accepts, log, rule } = this.#context;
    const alert = noticeAlert({ ...parts, rule });
    const { component, problem } = parts;
    if (works || !store.durable) {
      if (!store.enqueue(alert)) return;
    } else delivery.sendUnkept(alert, accepts);
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
