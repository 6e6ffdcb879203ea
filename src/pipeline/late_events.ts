// Warns about nodes whose restarts are too old to count when they arrive, once an hour for each node.
import { inSeconds } from "./clock_warnings.ts";
import { hour, type Nanoseconds } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import { nodeOf } from "../detection/decode/node_of.ts";

/** Late events of a node within an hour that are worth a warning. */
const threshold = 10;
/** Maximum nodes counted in one hour. */
const maxNodes = 10_000;

/** Counts events outside the rule's window by node. */
export class LateEvents {
  readonly #log: Log;
  /** What the rule counts, in the singular. */
  readonly #counts: string;
  readonly #byNode = new Map<string, number>();
  #since: Nanoseconds | undefined;

  constructor(log: Log, counts: string) {
    this.#log = log;
    this.#counts = counts;
  }

  /** Takes an event that arrived at this time. */
  add({ time, update }: { readonly time: Nanoseconds; readonly update: string }, now: Nanoseconds): void {
    if (time > now) return; // from a clock that is ahead
    if (this.#since === undefined || now - this.#since >= hour || now < this.#since) {
      this.#byNode.clear();
      this.#since = now;
    }
    const node = nodeOf(update);
    const count = (this.#byNode.get(node) ?? 0) + 1;
    if (count > 1 || this.#byNode.size < maxNodes) this.#byNode.set(node, count);
    if (count !== threshold) return;
    this.#log.warning(
      "{node}: {count} {counts}s within the hour came too late to count, the last one {late} old: its clock is slow, " +
        "or the updates waited long. Compare its clock, and the length of the queue",
      { node, count, counts: this.#counts, late: inSeconds(now - time) },
    );
  }
}
