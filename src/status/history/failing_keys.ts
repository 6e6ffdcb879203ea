// The recent failures of keys that do not loop, so that a loop starts with its history.
import type { Nanoseconds } from "../../lib/duration.ts";
import { hour, milliseconds } from "../api/loop_view.ts";
import { TaskHistory } from "./task_history.ts";

/** Events kept of a key that does not loop, and the minimum kept of each loop. */
export const fewEvents = 10;
/** Maximum updates parsed in one second for the message of an event (rule `restarts`). */
const maxReads = 1_000;

/** Keys that failed within the last hour. */
export class FailingKeys {
  readonly #max: number;
  /** In the order of their last failure. */
  readonly #histories = new Map<string, TaskHistory>();
  #reads = { second: 0n, count: 0 };

  constructor(max: number) {
    this.#max = max;
  }

  get(name: string): TaskHistory | undefined {
    return this.#histories.get(name);
  }

  /** The history of a key that failed now. Drops old keys. */
  failed(name: string, now: Nanoseconds): TaskHistory {
    const history = this.take(name);
    this.#histories.set(name, history);
    for (const [oldest, { last }] of this.#histories) {
      const isOld = last > -Infinity && last <= milliseconds(now) - hour;
      if (oldest === name || (!isOld && this.#histories.size <= this.#max)) break;
      this.#histories.delete(oldest);
    }
    return history;
  }

  /** Removes and returns the history of a key; a new one if it has none. */
  take(name: string): TaskHistory {
    const history = this.#histories.get(name) ?? new TaskHistory();
    this.#histories.delete(name);
    return history;
  }

  /** Whether an update may be parsed, which takes as long as everything else that is done with it. */
  mayRead(time: Nanoseconds): boolean {
    const second = time / 1_000_000_000n;
    if (second !== this.#reads.second) this.#reads = { second, count: 0 };
    return this.#reads.count++ < maxReads;
  }
}
