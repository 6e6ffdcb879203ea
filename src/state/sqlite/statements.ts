// The SQL that the store runs, prepared once.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Nanoseconds } from "../../lib/duration.ts";

const statements = {
  replaceRestart: "REPLACE INTO restarts (leaves, name, time, identity, arrival) VALUES (?, ?, ?, ?, ?)",
  deleteRestart: "DELETE FROM restarts WHERE leaves = ? AND name = ? AND time = ? AND identity = ?",
  forgetRestarts: "DELETE FROM restarts WHERE leaves <= ?",
  selectRestarts: "SELECT leaves, name, time, identity, arrival FROM restarts ORDER BY arrival",
  replaceNotified:
    "REPLACE INTO notified (name, notified_at, id, repeats, last_event) VALUES (?, ?, ?, ?, ?)",
  deleteNotified: "DELETE FROM notified WHERE name = ?",
  selectNotified: "SELECT name, notified_at, id, repeats, last_event FROM notified",
  replaceRecord: "REPLACE INTO records (kind, key, value) VALUES (?, ?, ?)",
  deleteRecord: "DELETE FROM records WHERE kind = ? AND key = ?",
  // Both in the order in which they were written. Almost all records are of one kind, the rule's: `+` keeps their query
  // off the index, so that a million of them need no sorting. The few others are found by the index.
  selectRecords: "SELECT key, value FROM records WHERE +kind = ? ORDER BY rowid",
  selectFewRecords: "SELECT key, value FROM records WHERE kind = ? ORDER BY rowid",
  insertAlert: "INSERT INTO outbox (seq, sink, name, alert) VALUES (?, ?, ?, ?)",
  updateAlert: "UPDATE outbox SET alert = ? WHERE seq = ?",
  deleteAlert: "DELETE FROM outbox WHERE seq = ?",
  selectAlert: "SELECT alert FROM outbox WHERE seq = ?",
  selectOutbox: "SELECT seq, sink, name FROM outbox ORDER BY seq",
};

/** The prepared statements, by name. */
export type Statements = Readonly<Record<keyof typeof statements, StatementSync>>;

/** Prepares all of them. They read integers as bigints. @throws {Error} of SQLite if a table is missing */
export function prepareAll(file: DatabaseSync): Statements {
  const prepared = Object.entries(statements).map(([name, text]) => {
    const statement = file.prepare(text);
    statement.setReadBigInts(true);
    return [name, statement];
  });
  return Object.fromEntries(prepared);
}

/** A row of `restarts`. */
export interface RestartRow {
  readonly leaves: Nanoseconds;
  readonly name: string;
  readonly time: Nanoseconds;
  readonly identity: bigint;
  readonly arrival: bigint;
}

/** A row of `notified`. */
export interface NotifiedRow {
  readonly name: string;
  readonly notified_at: Nanoseconds;
  readonly id: string;
  readonly repeats: bigint;
  readonly last_event: string;
}

/** A row of `records`. */
export interface RecordRow {
  readonly key: string;
  readonly value: string;
}

/** A row of `outbox`. */
export interface OutboxRow {
  readonly seq: bigint;
  readonly sink: string;
  readonly name: string;
}

/** The rows one by one: all at once, those of a million keys take more than a gigabyte. */
export function rows<Row>(statement: StatementSync, ...parameters: string[]): Iterable<Row> {
  return statement.iterate(...parameters) as Iterable<Row>;
}
