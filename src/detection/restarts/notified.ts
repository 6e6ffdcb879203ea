// What was told about which name, by the name's row. No clock, no I/O.
import { blockRows, ChunkedColumns, within } from "../../lib/offheap/chunked_columns.ts";
import type { Notified } from "./state.ts";
import { StringPool } from "../../lib/offheap/string_pool.ts";

/** The names that were notified. */
export class NotifiedTable {
  /** How many there are. */
  size = 0;
  readonly #texts = new StringPool(64);
  readonly #ids = new StringPool(16);
  readonly #rows = new ChunkedColumns(() => ({
    notifiedAt: new BigInt64Array(blockRows),
    /** The first alert and its repeats; 0 where nothing was told. */
    alerts: new Int32Array(blockRows),
    /** Numbers of the texts. */
    ids: new Float64Array(blockRows),
    events: new Float64Array(blockRows),
  }));

  /** Whether something was told about a row. */
  has(row: number): boolean {
    return (this.#rows.existing(row)?.alerts[within(row)] ?? 0) > 0;
  }

  /** Only for a row of which something was told. */
  get(row: number): Notified {
    return this.#with(row, this.#texts.read(this.#rows.of(row).events[within(row)]!));
  }

  /** Something was told about a row of which nothing was. */
  add(row: number, { notifiedAt, id, repeats, lastEvent }: Notified): void {
    const rows = this.#rows.of(row);
    const at = within(row);
    rows.notifiedAt[at] = notifiedAt;
    rows.alerts[at] = repeats + 1;
    rows.ids[at] = this.#ids.put(id);
    rows.events[at] = this.#texts.put(lastEvent);
    this.size++;
  }

  /** The same was told again. */
  repeat(row: number, { notifiedAt, repeats }: Notified): void {
    const rows = this.#rows.of(row);
    rows.notifiedAt[within(row)] = notifiedAt;
    rows.alerts[within(row)] = repeats + 1;
  }

  /** A row of which something was told restarted again, with this update; yields what was told. */
  happened(row: number, update: string): Notified {
    const { events } = this.#rows.of(row);
    events[within(row)] = this.#texts.replace(events[within(row)]!, update);
    return this.#with(row, update);
  }

  /** What was told about a row counts no longer. */
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
