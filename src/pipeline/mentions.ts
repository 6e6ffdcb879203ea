// Which loops changed without people having heard of it: batches that show these changes are held, if the state is only
// in memory.
import type { PendingAlerts } from "./acknowledger.ts";

/** Follows changes of loops from when they happen until the group's alert that mentions them is confirmed. */
export class Mentions {
  readonly #delivery: Pick<PendingAlerts, "isPending">;
  readonly #settled: (loop: string) => void;
  /** The number of each loop's last change that is not settled. */
  readonly #changes = new Map<string, number>();
  /** By the name of a group: the changes that its alerts in the outboxes mention. */
  readonly #pending = new Map<string, Map<string, number>>();
  /** The loops that no alert mentions yet. */
  readonly #unmentioned = new Set<string>();
  #last = 0;

  /** `settled` is called with each loop that people have heard of. */
  constructor(delivery: Pick<PendingAlerts, "isPending">, settled: (loop: string) => void) {
    this.#delivery = delivery;
    this.#settled = settled;
  }

  /** Whether people have yet to hear of the loop's last change. */
  isHeld(loop: string): boolean {
    return this.#changes.has(loop);
  }

  /** How many loops no alert mentions yet. */
  get waiting(): number {
    return this.#unmentioned.size;
  }

  changed(loop: string): void {
    this.#changes.set(loop, ++this.#last);
    this.#unmentioned.add(loop);
  }

  /** The loop's last change is none that an alert will mention, unless one does already. */
  unmentionable(loop: string): void {
    if (this.#unmentioned.delete(loop)) this.#release(loop, this.#changes.get(loop)!);
  }

  /** An alert about a group mentions these loops; it is in the outboxes, unless no sink gets it. */
  mentioned(loops: Iterable<string>, group: string): void {
    const changes = this.#pending.get(group) ?? new Map<string, number>();
    for (const loop of loops) {
      this.#unmentioned.delete(loop);
      const change = this.#changes.get(loop);
      if (change !== undefined) changes.set(loop, change);
    }
    if (changes.size === 0) return;
    this.#pending.set(group, changes);
    this.confirmed(group);
  }

  /** An alert of this name was confirmed: its group's changes are settled if no other is pending. */
  confirmed(group: string): void {
    const changes = this.#pending.get(group);
    if (changes === undefined || this.#delivery.isPending(group)) return;
    this.#pending.delete(group);
    for (const [loop, change] of changes) this.#release(loop, change);
  }

  #release(loop: string, change: number): void {
    if (this.#changes.get(loop) !== change) return;
    this.#changes.delete(loop);
    this.#settled(loop);
  }
}
