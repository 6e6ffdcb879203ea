// The active loops of the rule `restarts`: the last notification of each, by the row of its key. No clock, no I/O.
import { blockRows, ChunkedColumns, within } from "../../lib/offheap/chunked_columns.ts";
import type { Notified } from "./state.ts";
import { StringPool } from "../../lib/offheap/string_pool.ts";

/** The keys whose loops are active. */
export class NotifiedTable {
  /** How many there are. */
  size = 0;
  readonly #texts = new StringPool(64);
  readonly #ids = new StringPool(16);
  readonly #rows = new ChunkedColumns(() => ({
    notifiedAt: new BigInt64Array(blockRows),
    /** The first alert and its repeats; 0 if the row has no active loop. */
    alerts: new Int32Array(blockRows),
    /** Numbers of the texts. */
    ids: new Float64Array(blockRows),
    events: new Float64Array(blockRows),
  }));

  /** Whether a row has an active loop. */
  has(row: number): boolean {
    return (this.#rows.existing(row)?.alerts[within(row)] ?? 0) > 0;
  }

  /** Only for a row that has an active loop. */
  get(row: number): Notified {
    return this.#with(row, this.#texts.read(this.#rows.of(row).events[within(row)]!));
  }

  /** The first notification about a row. */
  add(row: number, { notifiedAt, id, repeats, lastEvent }: Notified): void {
    const rows = this.#rows.of(row);
    const at = within(row);
    rows.notifiedAt[at] = notifiedAt;
    rows.alerts[at] = repeats + 1;
    rows.ids[at] = this.#ids.put(id);
    rows.events[at] = this.#texts.put(lastEvent);
    this.size++;
  }

  /** A repeat. */
  repeat(row: number, { notifiedAt, repeats }: Notified): void {
    const rows = this.#rows.of(row);
    rows.notifiedAt[within(row)] = notifiedAt;
    rows.alerts[within(row)] = repeats + 1;
  }

  /** Replaces the last event of a row that has an active loop. Returns its notification. */
  setLastEvent(row: number, update: string): Notified {
    const { events } = this.#rows.of(row);
    events[within(row)] = this.#texts.replace(events[within(row)]!, update);
    return this.#with(row, update);
  }

  /** The loop of a row is resolved. */
  delete(row: number): void {
    const { alerts, ids, events } = this.#rows.of(row);
    const at = within(row);
    alerts[at] = 0;
    this.#ids.free(ids[at]!);
    this.#texts.free(events[at]!);
    this.size--;
  }

  #with(row: number, lastEvent: string): Notified {
    const { notifiedAt, alerts, ids } = this.#rows.of(row);
    const at = within(row);
    return { notifiedAt: notifiedAt[at]!, id: this.#ids.read(ids[at]!), repeats: alerts[at]! - 1, lastEvent };
  }
}
