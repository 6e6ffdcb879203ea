// A journal in memory that a test can stop and resume: uncommitted changes are lost.
import type { KeptRestarts, Notified, RestartsState } from "../../src/detection/restarts/state.ts";
import type { Counted } from "../../src/detection/restarts/windows.ts";
import { Tables } from "./tables.ts";

/** A journal, and what is kept of it. */
export class TestJournal implements RestartsState {
  #restarts: (readonly [name: string, restart: Counted])[] = [];
  readonly #notified = new Map<string, Notified>();
  readonly #tables = new Tables();
  #reported: (() => void)[] = [];

  counted(name: string, restart: Counted): void {
    this.#reported.push(() => this.#restarts.push([name, { ...restart }]));
  }

  dropped(name: string, { time, identity, leavesAt }: Counted): void {
    this.#reported.push(() => {
      this.#restarts = this.#restarts.filter(([other, restart]) =>
        !(other === name && restart.time === time && restart.identity === identity &&
          restart.leavesAt === leavesAt)
      );
    });
  }

  notified(name: string, notified: Notified | undefined): void {
    const copy = notified && { ...notified };
    this.#reported.push(() =>
      copy === undefined ? this.#notified.delete(name) : this.#notified.set(name, copy)
    );
  }

  put(table: string, key: string, value: unknown): void {
    this.#reported.push(() => this.#tables.put(table, key, value));
  }

  /** Keeps what was reported, and forgets restarts that left by `now`. */
  commit(now: bigint): void {
    for (const apply of this.#reported) apply();
    this.#reported = [];
    this.#restarts = this.#restarts.filter(([, { leavesAt }]) => leavesAt > now);
  }

  /** Loses what was reported since the last commit, as the end of the process does. */
  lose(): void {
    this.#reported = [];
  }

  /** What the last commits kept. */
  get kept(): KeptRestarts {
    return {
      restarts: () => this.#restarts.toSorted(([, a], [, b]) => a.arrival - b.arrival),
      notified: () => [...this.#notified].map(([name, notified]) => [name, { ...notified }] as const),
      entries: this.#tables.entries,
    };
  }
}
