// The ledger in a file of SQLite: what is committed outlives the process, and the machine's power.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Notified } from "../detection/restarts/state.ts";
import type { Kept, StateStore, StoreContext } from "./store.ts";
import { type Outbox, ShelvedOutbox } from "./outbox.ts";
import type { FailureStreak } from "../detection/failures/streak.ts";
import type { Counted } from "../detection/restarts/windows.ts";
import { explain, openFile } from "./sqlite_file.ts";

/** The row of an alert in the table `outbox`. */
type Seq = number;

/** A ledger that keeps everything in one file, which no other process may open meanwhile. */
export class SqliteStore implements StateStore {
  readonly durable = true;
  readonly #path: string;
  readonly #file: DatabaseSync;
  readonly #statements: Record<keyof typeof statements, StatementSync>;
  readonly #outboxes: ReadonlyMap<string, ShelvedOutbox<Seq>>;
  readonly #newerReplaces: boolean;
  #seq: Seq = 0;
  // Reported since the last commit.
  #restarts: Reported[] = [];
  readonly #notified = new Map<string, Notified | undefined>();
  readonly #rows = new Map<string, FailureStreak | undefined>();
  readonly #checkpoint = new Map<string, string | undefined>();
  readonly #remembered = new Map<string, string | undefined>();
  #alerts: Alert[] = [];
  #removed: Seq[] = [];

  /** @throws {Fault} where the file cannot be used as it is. */
  constructor(path: string, { sinks, newerReplaces }: StoreContext) {
    this.#path = path;
    this.#newerReplaces = newerReplaces;
    const shelf = {
      read: (seq: Seq) => this.#read(seq),
      removed: (seq: Seq) => this.#remove(seq),
    };
    this.#outboxes = new Map(sinks.map((sink) => [sink, new ShelvedOutbox(shelf, newerReplaces)]));
    this.#file = openFile(path);
    try {
      this.#statements = prepareAll(this.#file);
      for (const { seq, sink, name } of rows<OutboxRow>(this.#statements.selectOutbox)) {
        this.#seq = Number(seq);
        this.#outboxes.get(sink)?.add(readName(name), this.#seq);
      }
    } catch (error) {
      this.#file.close();
      throw explain(error, path, "config");
    }
  }

  get kept(): Kept {
    const { selectRestarts, selectNotified, selectRows, selectNotes, selectLoops } = this.#statements;
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
        for (const { name, told_at, id, repeats, last_event } of rows<NotifiedRow>(selectNotified)) {
          yield [readName(name), {
            notifiedAt: told_at,
            id,
            repeats: Number(repeats),
            lastEvent: last_event,
          }];
        }
      },
      *streaks() {
        for (const { name, row } of rows<RowRow>(selectRows)) {
          yield [readName(name), readJson<FailureStreak>(row)];
        }
      },
      checkpoint: () => new Map([...rows<NoteRow>(selectNotes)].map(({ key, value }) => [key, value])),
      *remembered() {
        for (const { id, remembered } of rows<LoopRow>(selectLoops)) yield [id, remembered];
      },
    };
  }

  get orphans(): number {
    let orphans = 0;
    for (const { sink } of rows<OutboxRow>(this.#statements.selectOutbox)) {
      if (!this.#outboxes.has(sink)) orphans++;
    }
    return orphans;
  }

  counted(name: string, restart: Counted): void {
    this.#restarts.push({ name, restart, dropped: false });
  }

  dropped(name: string, restart: Counted): void {
    this.#restarts.push({ name, restart, dropped: true });
  }

  notified(name: string, notified: Notified | undefined): void {
    this.#notified.set(name, notified);
  }

  streak(name: string, row: FailureStreak | undefined): void {
    this.#rows.set(name, row);
  }

  saveCheckpoint(key: string, value: string | undefined): void {
    this.#checkpoint.set(key, value);
  }

  remember(loop: string, text: string | undefined): void {
    this.#remembered.delete(loop);
    this.#remembered.set(loop, text);
  }

  enqueue(alert: Alert): void {
    this.#alerts.push(alert);
  }

  commit(now: Nanoseconds): void {
    if (this.#isClean()) return;
    let added: Added[];
    try {
      this.#file.exec("BEGIN");
      this.#writeRestarts(now);
      this.#writeNotified();
      this.#writeNotes();
      added = this.#writeAlerts();
      this.#file.exec("COMMIT");
    } catch (error) {
      if (this.#file.isTransaction) this.#file.exec("ROLLBACK");
      throw explain(error, this.#path);
    }
    this.#restarts = [];
    this.#notified.clear();
    this.#rows.clear();
    this.#checkpoint.clear();
    this.#remembered.clear();
    this.#alerts = [];
    this.#removed = [];
    for (const { outbox, name, seq } of added) outbox.add(name, seq);
  }

  outbox(sink: string): Outbox {
    return this.#outboxes.get(sink)!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }

  #isClean(): boolean {
    return this.#restarts.length + this.#notified.size + this.#rows.size + this.#checkpoint.size +
        this.#remembered.size + this.#alerts.length + this.#removed.length === 0;
  }

  #writeRestarts(now: Nanoseconds): void {
    const { replaceRestart, deleteRestart, forgetRestarts } = this.#statements;
    for (const { name, restart, dropped } of this.#restarts) {
      const { leavesAt, time, identity, arrival } = restart;
      if (dropped) deleteRestart.run(leavesAt, writeName(name), time, identity);
      else replaceRestart.run(leavesAt, writeName(name), time, identity, arrival);
    }
    forgetRestarts.run(now);
  }

  #writeNotified(): void {
    const { replaceNotified, deleteNotified, replaceRow, deleteRow } = this.#statements;
    for (const [name, notified] of this.#notified) {
      if (notified === undefined) deleteNotified.run(writeName(name));
      else {replaceNotified.run(
          writeName(name),
          notified.notifiedAt,
          notified.id,
          notified.repeats,
          notified.lastEvent,
        );}
    }
    for (const [name, row] of this.#rows) {
      if (row === undefined) deleteRow.run(writeName(name));
      else replaceRow.run(writeName(name), writeJson(row));
    }
  }

  #writeNotes(): void {
    const { replaceNote, deleteNote, replaceLoop, deleteLoop } = this.#statements;
    for (const [key, value] of this.#checkpoint) {
      if (value === undefined) deleteNote.run(key);
      else replaceNote.run(key, value);
    }
    for (const [id, text] of this.#remembered) {
      if (text === undefined) deleteLoop.run(id);
      else replaceLoop.run(id, text);
    }
  }

  /** Yields what is to be added to the outboxes once it is committed. */
  #writeAlerts(): Added[] {
    const { insertAlert, updateAlert, deleteAlert } = this.#statements;
    const added: Added[] = [];
    for (const seq of this.#removed) deleteAlert.run(seq);
    for (const alert of this.#newestAlerts()) {
      const text = writeJson(alert);
      for (const [sink, outbox] of this.#outboxes) {
        const older = outbox.replaceable(alert.name);
        if (older !== undefined) updateAlert.run(text, older.slot);
        else {
          const seq = ++this.#seq;
          insertAlert.run(seq, sink, writeName(alert.name), text);
          added.push({ outbox, name: alert.name, seq });
        }
      }
    }
    return added;
  }

  #newestAlerts(): Iterable<Alert> {
    if (!this.#newerReplaces) return this.#alerts;
    return new Map(this.#alerts.map((alert) => [alert.name, alert])).values();
  }

  #read(seq: Seq): Alert {
    try {
      return readJson<Alert>(this.#statements.selectAlert.get(seq)!.alert as string);
    } catch (error) {
      throw explain(error, this.#path);
    }
  }

  #remove(seq: Seq): void {
    this.#removed.push(seq);
  }
}

/** A restart that entered its window, or was dropped from it. Their order counts: the same one can do both. */
interface Reported {
  readonly name: string;
  readonly restart: Counted;
  readonly dropped: boolean;
}

interface Added {
  readonly outbox: ShelvedOutbox<Seq>;
  readonly name: string;
  readonly seq: Seq;
}

const statements = {
  replaceRestart: "REPLACE INTO restarts (leaves, name, time, identity, arrival) VALUES (?, ?, ?, ?, ?)",
  deleteRestart: "DELETE FROM restarts WHERE leaves = ? AND name = ? AND time = ? AND identity = ?",
  forgetRestarts: "DELETE FROM restarts WHERE leaves <= ?",
  selectRestarts: "SELECT leaves, name, time, identity, arrival FROM restarts ORDER BY arrival",
  replaceNotified: "REPLACE INTO told (name, told_at, id, repeats, last_event) VALUES (?, ?, ?, ?, ?)",
  deleteNotified: "DELETE FROM told WHERE name = ?",
  selectNotified: "SELECT name, told_at, id, repeats, last_event FROM told",
  replaceRow: "REPLACE INTO rows (name, row) VALUES (?, ?)",
  deleteRow: "DELETE FROM rows WHERE name = ?",
  selectRows: "SELECT name, row FROM rows",
  replaceNote: "REPLACE INTO notes (key, value) VALUES (?, ?)",
  deleteNote: "DELETE FROM notes WHERE key = ?",
  selectNotes: "SELECT key, value FROM notes",
  replaceLoop: "REPLACE INTO loops (id, remembered) VALUES (?, ?)",
  deleteLoop: "DELETE FROM loops WHERE id = ?",
  selectLoops: "SELECT id, remembered FROM loops ORDER BY rowid",
  insertAlert: "INSERT INTO outbox (seq, sink, name, alert) VALUES (?, ?, ?, ?)",
  updateAlert: "UPDATE outbox SET alert = ? WHERE seq = ?",
  deleteAlert: "DELETE FROM outbox WHERE seq = ?",
  selectAlert: "SELECT alert FROM outbox WHERE seq = ?",
  selectOutbox: "SELECT seq, sink, name FROM outbox ORDER BY seq",
};

function prepareAll(file: DatabaseSync): Record<keyof typeof statements, StatementSync> {
  const prepared = Object.entries(statements).map(([name, text]) => {
    const statement = file.prepare(text);
    statement.setReadBigInts(true);
    return [name, statement];
  });
  return Object.fromEntries(prepared);
}

interface RestartRow {
  readonly leaves: Nanoseconds;
  readonly name: string;
  readonly time: Nanoseconds;
  readonly identity: bigint;
  readonly arrival: bigint;
}

interface NotifiedRow {
  readonly name: string;
  readonly told_at: Nanoseconds;
  readonly id: string;
  readonly repeats: bigint;
  readonly last_event: string;
}

interface RowRow {
  readonly name: string;
  readonly row: string;
}

interface NoteRow {
  readonly key: string;
  readonly value: string;
}

interface LoopRow {
  readonly id: string;
  readonly remembered: string;
}

interface OutboxRow {
  readonly seq: bigint;
  readonly sink: string;
  readonly name: string;
}

/** The rows one by one: all at once, those of a million names take more than a gigabyte. */
function rows<FailureStreak>(statement: StatementSync): Iterable<FailureStreak> {
  return statement.iterate() as Iterable<FailureStreak>;
}

/** StringPool that node:sqlite reads end at their first NUL, so names are kept without any. */
function writeName(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

function readName(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped) => escaped === "0" ? "\0" : escaped);
}

/** Plain data as JSON; numbers of 64 bits as objects, since JavaScript's numbers do not hold them. */
function writeJson(data: unknown): string {
  return JSON.stringify(data, (_, value) => typeof value === "bigint" ? { int64: String(value) } : value);
}

function readJson<T>(text: string): T {
  return JSON.parse(text, (_, value) => typeof value?.int64 === "string" ? BigInt(value.int64) : value);
}
