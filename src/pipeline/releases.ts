// When batches that wait for sinks are acknowledged all the same: before their queue drops or dead-letters them. Their
// alerts wait on in the outbox, and then only there.
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import type { Hold } from "../sources/source.ts";

/** What a look at the batches that wait came to. */
export interface Released {
  /** Alerts that still wait, where batches were released. */
  readonly alerts: number | undefined;
  /** When the next one is due; infinite where none is. */
  readonly next: number;
}

/** What is due within so many milliseconds is released with what is due now, and told in one line. */
const slack = 1_000;

/** The releases of batches that wait. Times are in milliseconds, by `Date.now()`. */
export class Releases {
  readonly #log: Log;
  readonly #release: (until: number) => Released;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends. */
  #at = Infinity;
  #warned = false;

  /** `release` acknowledges up to the last batch that is due until then. */
  constructor(log: Log, release: (until: number) => Released) {
    this.#log = log;
    this.#release = release;
  }

  /** When a batch that is committed now is due. */
  static due(hold: Hold | undefined): number {
    return hold === undefined ? Infinity : Date.now() + hold.milliseconds;
  }

  /** A batch waits that its queue drops in the end. */
  watch(hold: Hold): void {
    if (hold.deliveries > 0) this.#warn(hold);
    this.#schedule(Releases.due(hold), hold);
  }

  /** Every alert is confirmed: the next hold is news. */
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
    // However the clock was set meanwhile, it looks again in time.
    const pause = Math.min(Math.max(at - Date.now(), 0), hold.milliseconds);
    this.#timer = setTimeout(() => this.#end(hold), pause);
  }

  #end(hold: Hold): void {
    this.#at = Infinity;
    const { alerts, next } = this.#release(Date.now() + slack);
    if (alerts !== undefined) {
      this.#log.warning(
        "{where}: acknowledged what waited for a sink, before the delivery-limit takes it; {alerts} unconfirmed alerts " +
          "wait in memory: they are sent when the sink works again, and lost if the program ends before that",
        { where: hold.where, alerts },
      );
    }
    this.#schedule(next, { ...hold, milliseconds: Math.max(hold.milliseconds, slack) });
  }

  #warn({ where, deliveries, milliseconds }: Hold): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warning(
      "{where}: gives out again (x-delivery-count {deliveries}) what waits for a sink; at its delivery-limit, 20 by " +
        "default since RabbitMQ 4, it would drop or dead-letter it, so it is acknowledged {when}. " +
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
