// Acknowledges batches although their alerts are pending, before their queue drops or dead-letters them. The alerts stay
// in the outbox, and then only there.
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import type { Hold } from "../sources/source.ts";

/** The result of a release. */
export interface Released {
  /** Pending alerts; undefined if no batch was released. */
  readonly alerts: number | undefined;
  /** When the next batch is due; infinite if none is. */
  readonly next: number;
}

/** Batches due within these milliseconds are released together, and logged in one line. */
const slack = 1_000;

/** Schedules the releases. Times are in milliseconds, by `Date.now()`. */
export class Releases {
  readonly #log: Log;
  readonly #release: (until: number) => Released;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends. */
  #at = Infinity;
  #warned = false;

  /** `release` acknowledges up to the last batch that is due by then. */
  constructor(log: Log, release: (until: number) => Released) {
    this.#log = log;
    this.#release = release;
  }

  /** When a batch that is committed now will be due. */
  static due(hold: Hold | undefined): number {
    return hold === undefined ? Infinity : Date.now() + hold.milliseconds;
  }

  /** Schedules the release of a batch that its queue would drop in the end. */
  watch(hold: Hold): void {
    if (hold.deliveries > 0) this.#warn(hold);
    this.#schedule(Releases.due(hold), hold);
  }

  /** All alerts are confirmed: the next hold is logged again. */
  confirmed(): void {
    this.#warned = false;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(at: number, hold: Hold): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    // The pause never exceeds the hold, even if the clock is set meanwhile.
    const pause = Math.min(Math.max(at - Date.now(), 0), hold.milliseconds);
    this.#timer = setTimeout(() => this.#end(hold), pause);
  }

  #end(hold: Hold): void {
    this.#at = Infinity;
    const { alerts, next } = this.#release(Date.now() + slack);
    if (alerts !== undefined) {
      this.#log.warning(
        "{where}: acknowledged messages with pending alerts, before the delivery-limit drops them; {alerts} alerts are " +
          "pending in memory only: they are sent when the sink recovers, and lost if the program ends before that",
        { where: hold.where, alerts },
      );
    }
    this.#schedule(next, { ...hold, milliseconds: Math.max(hold.milliseconds, slack) });
  }

  #warn({ where, deliveries, milliseconds }: Hold): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warning(
      "{where}: redelivers messages with pending alerts (x-delivery-count {deliveries}); at its delivery-limit, 20 by " +
        "default since RabbitMQ 4, it would drop or dead-letter them, so they are acknowledged {when}. " +
        "Set STATE=sqlite:<file>, which keeps alerts on disk and holds no message back",
      {
        where,
        deliveries,
        when: milliseconds === 0
          ? "at once"
          : `in ${formatDuration(BigInt(milliseconds) * 1_000_000n)} at the latest`,
      },
    );
  }
}
