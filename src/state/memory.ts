// The state in memory: it is lost on exit, so messages stay unacknowledged until the sinks confirm their alerts.
import type { Alert } from "../detection/alert/alert.ts";
import type { StateStore, StoreContext } from "./store.ts";
import { type Outbox, ShelvedOutbox } from "./outbox.ts";
import { StringPool } from "../lib/offheap/string_pool.ts";

/** An alert in one outbox or several. Its update is by far the largest part, so it is outside of V8's heap. */
interface Shelved {
  readonly alert: Omit<Alert, "lastEvent">;
  readonly lastEvent: number;
  outboxes: number;
}

/** A store whose contents are lost on exit. */
export class MemoryStore implements StateStore {
  readonly durable = false;
  readonly orphans = 0;
  readonly kept = {
    restarts: () => [],
    notified: () => [],
    entries: () => [],
    checkpoint: () => new Map<string, string>(),
    remembered: () => [],
  };
  readonly #accepts: (sink: string, alert: Alert) => boolean;
  readonly #outboxes: ReadonlyMap<string, ShelvedOutbox<Shelved>>;
  readonly #texts = new StringPool(64);

  constructor({ sinks, accepts = () => true, newerReplaces }: StoreContext) {
    const shelf = {
      read: ({ alert, lastEvent }: Shelved) => ({ ...alert, lastEvent: this.#texts.read(lastEvent) }),
      removed: (shelved: Shelved) => this.#release(shelved),
    };
    this.#accepts = accepts;
    this.#outboxes = new Map(sinks.map((sink) => [sink, new ShelvedOutbox(shelf, newerReplaces)]));
  }

  counted(): void {}
  dropped(): void {}
  notified(): void {}
  put(): void {}
  saveCheckpoint(): void {}
  remember(): void {}
  commit(): void {}

  enqueue(alert: Alert, sinks?: ReadonlySet<string>): boolean {
    const outboxes = [...this.#outboxes].filter(([sink]) =>
      sinks?.has(sink) !== false && this.#accepts(sink, alert)
    );
    if (outboxes.length === 0) return false;
    const { lastEvent, ...rest } = alert;
    const shelved = { alert: rest, lastEvent: this.#texts.put(lastEvent), outboxes: outboxes.length };
    for (const [, outbox] of outboxes) {
      const older = outbox.replaceable(alert.name);
      if (older !== undefined) {
        this.#release(older.slot);
        older.slot = shelved;
      } else outbox.add(alert.name, shelved);
    }
    return true;
  }

  outbox(sink: string): Outbox {
    return this.#outboxes.get(sink)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #release(shelved: Shelved): void {
    if (--shelved.outboxes === 0) this.#texts.free(shelved.lastEvent);
  }
}
