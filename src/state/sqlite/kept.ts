// What the file kept, read row by row at a start.
import type { StatementSync } from "node:sqlite";
import type { Kept } from "../store.ts";
import { readJson, readName } from "./codec.ts";
import { type NotifiedRow, type RecordRow, type RestartRow, rows, type Statements } from "./statements.ts";

/** What the file of these statements kept. */
export function keptIn(statements: Statements): Kept {
  const { selectRestarts, selectNotified, selectRecords, selectFewRecords } = statements;
  return {
    *restarts() {
      for (const { name, time, identity, leaves, arrival } of rows<RestartRow>(selectRestarts)) {
        yield [readName(name), {
          time,
          identity: Number(identity),
          leavesAt: leaves,
          arrival: Number(arrival),
        }];
      }
    },
    *notified() {
      for (const { name, notified_at, id, repeats, last_event } of rows<NotifiedRow>(selectNotified)) {
        yield [readName(name), {
          notifiedAt: notified_at,
          id,
          repeats: Number(repeats),
          lastEvent: last_event,
        }];
      }
    },
    entries: (table) => records(table === "streaks" ? selectRecords : selectFewRecords, table),
    checkpoint: () => new Map(records<string>(selectFewRecords, "checkpoints")),
    remembered: () => records<string>(selectFewRecords, "loops"),
  };
}

function* records<Value>(select: StatementSync, table: string): Iterable<readonly [string, Value]> {
  for (const { key, value } of rows<RecordRow>(select, table)) yield [readName(key), readJson<Value>(value)];
}
