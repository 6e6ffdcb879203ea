// Restarts that are too old to count when they come: counted by node, and one warning for each node and hour.
import { inSeconds } from "./clock_warnings.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import { nodeOf } from "../detection/decode/node_of.ts";

/** From so many in an hour on, a node is worth a warning. */
const many = 10;
const hour = 3_600_000_000_000n;
/** Nodes that are counted in one hour. */
const maxNodes = 10_000;

/** Watches the events that the rule found to be outside of its window. */
export class LateEvents {
  readonly #log: Log;
  /** What is counted, in the singular. */
  readonly #counts: string;
  readonly #byNode = new Map<string, number>();
  #since: Nanoseconds | undefined;

  constructor(log: Log, counts: string) {
    this.#log = log;
    this.#counts = counts;
  }

  /** Takes one that was found to be so at this time. */
  add({ time, update }: { readonly time: Nanoseconds; readonly update: string }, now: Nanoseconds): void {
    if (time > now) return; // of a clock that is ahead
    if (this.#since === undefined || now - this.#since >= hour || now < this.#since) {
      this.#byNode.clear();
      this.#since = now;
    }
    const node = nodeOf(update);
    const count = (this.#byNode.get(node) ?? 0) + 1;
    if (count > 1 || this.#byNode.size < maxNodes) this.#byNode.set(node, count);
    if (count !== many) return;
    this.#log.warning(
      "{node}: {count} {counts}s within the hour came too late to count, the last one {late} old: its clock is slow, " +
        "or the updates waited long. Compare its clock, and the length of the queue",
      { node, count, counts: this.#counts, late: inSeconds(now - time) },
    );
  }
}
