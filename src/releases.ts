// When batches that wait for sinks are acknowledged all the same: before their queue drops or dead-letters them. Their
// alerts wait on in the outbox, and then only there.
import { formatDuration } from "./duration.ts";
import type { Log } from "./log.ts";
import type { Hold } from "./source.ts";

/** The releases of batches that wait. */
export class Releases {
  readonly #log: Log;
  readonly #release: () => number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The hold that the timer runs for. */
  #running: Hold | undefined;
  #warned = false;

  /** `release` acknowledges up to the last batch that has a hold, and yields how many alerts still wait then. */
  constructor(log: Log, release: () => number | undefined) {
    this.#log = log;
    this.#release = release;
  }

  /** A batch waits that its queue drops in the end. Those that come while the timer runs leave with it. */
  watch(hold: Hold): void {
    this.#warn(hold);
    if (this.#running !== undefined && this.#running.milliseconds <= hold.milliseconds) return;
    clearTimeout(this.#timer);
    this.#running = hold;
    this.#timer = setTimeout(() => this.#end(hold), hold.milliseconds);
  }

  /** Every alert is confirmed: the next hold is news. */
  confirmed(): void {
    this.#warned = false;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #end({ where }: Hold): void {
    this.#running = undefined;
    const alerts = this.#release();
    if (alerts === undefined) return;
    this.#log.warning(
      "{where}: acknowledged what waited for a sink, before the delivery-limit takes it; {alerts} unconfirmed alerts " +
        "wait in memory: they are sent when the sink works again, and lost if the program ends before that",
      { where, alerts },
    );
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
