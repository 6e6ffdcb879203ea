// The ledger in memory: it ends with the process, so messages wait for their acknowledgement until sinks confirm.
import type { Alert } from "../alert.ts";
import type { Ledger, LedgerContext } from "../ledger.ts";
import { type Outbox, ShelvedOutbox } from "../outbox.ts";

/** Alerts about one name that sinks have not confirmed. */
interface Unconfirmed {
  count: number;
  /** Called when there are none any more. */
  readonly done: (() => void)[];
}

/** A ledger whose contents are gone with it. */
export class MemoryLedger implements Ledger {
  readonly durable = false;
  readonly orphans = 0;
  readonly kept = {
    restarts: () => [],
    told: () => [],
    rows: () => [],
    notes: () => new Map<string, string>(),
  };
  readonly #outboxes: ReadonlyMap<string, ShelvedOutbox<Alert>>;
  readonly #unconfirmed = new Map<string, Unconfirmed>();

  constructor({ sinks, newerReplaces }: LedgerContext) {
    const shelf = { read: (alert: Alert) => alert, removed: (name: string) => this.#removed(name) };
    this.#outboxes = new Map(sinks.map((sink) => [sink, new ShelvedOutbox(shelf, newerReplaces)]));
  }

  counted(): void {}
  dropped(): void {}
  told(): void {}
  row(): void {}
  note(): void {}
  commit(): void {}

  tell(alert: Alert): void {
    for (const outbox of this.#outboxes.values()) {
      const older = outbox.replaceable(alert.name);
      if (older !== undefined) older.slot = alert;
      else {
        this.#added(alert.name);
        outbox.add(alert.name, alert);
      }
    }
  }

  awaits(name: string, done: () => void): boolean {
    const unconfirmed = this.#unconfirmed.get(name);
    unconfirmed?.done.push(done);
    return unconfirmed !== undefined;
  }

  outbox(sink: string): Outbox {
    return this.#outboxes.get(sink)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #added(name: string): void {
    const unconfirmed = this.#unconfirmed.get(name);
    if (unconfirmed === undefined) this.#unconfirmed.set(name, { count: 1, done: [] });
    else unconfirmed.count++;
  }

  #removed(name: string): void {
    const unconfirmed = this.#unconfirmed.get(name)!;
    if (--unconfirmed.count > 0) return;
    this.#unconfirmed.delete(name);
    for (const done of unconfirmed.done) done();
  }
}
