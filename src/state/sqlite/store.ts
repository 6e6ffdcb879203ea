// The state in an SQLite file: what is committed survives the process, and a loss of power.
import type { DatabaseSync } from "node:sqlite";
import type { Alert } from "../../detection/alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Notified } from "../../detection/restarts/state.ts";
import type { Kept, StateStore, StoreContext } from "../store.ts";
import { type Outbox, ShelvedOutbox } from "../outbox.ts";
import type { Counted } from "../../detection/restarts/windows.ts";
import { readJson, readName, writeJson, writeName } from "./codec.ts";
import { explain } from "./faults.ts";
import { openFile } from "./file.ts";
import { keptIn } from "./kept.ts";
import { type OutboxRow, prepareAll, rows, type Statements } from "./statements.ts";

/** The row of an alert in the table `outbox`. */
type Seq = number;

/** A store that keeps everything in one file, which it locks. */
export class SqliteStore implements StateStore {
  readonly durable = true;
  readonly #path: string;
  readonly #file: DatabaseSync;
  readonly #statements: Statements;
  readonly #accepts: (sink: string, alert: Alert) => boolean;
  readonly #outboxes: ReadonlyMap<string, ShelvedOutbox<Seq>>;
  readonly #newerReplaces: boolean;
  #seq: Seq = 0;
  // What was reported since the last commit.
  #restarts: Reported[] = [];
  readonly #notified = new Map<string, Notified | undefined>();
  /** By table and key. */
  readonly #records = new Map<string, Map<string, unknown>>();
  #alerts: { readonly alert: Alert; readonly sinks: readonly string[] }[] = [];
  #removed: Seq[] = [];

  /** @throws {Fault} if the file cannot be used as it is */
  constructor(path: string, { sinks, accepts = () => true, newerReplaces }: StoreContext) {
    this.#path = path;
    this.#newerReplaces = newerReplaces;
    const shelf = {
      read: (seq: Seq) => this.#read(seq),
      removed: (seq: Seq) => this.#remove(seq),
    };
    this.#accepts = accepts;
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
    return keptIn(this.#statements);
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

  put(table: string, key: string, value: unknown): void {
    this.#table(table).set(key, value);
  }

  saveCheckpoint(key: string, value: string | undefined): void {
    this.put("checkpoints", key, value);
  }

  /** What is reported last comes last. */
  remember(loop: string, text: string | undefined): void {
    this.#table("loops").delete(loop);
    this.put("loops", loop, text);
  }

  enqueue(alert: Alert, sinks?: ReadonlySet<string>): boolean {
    const accepting = this.#outboxes.keys()
      .filter((sink) => sinks?.has(sink) !== false && this.#accepts(sink, alert)).toArray();
    if (accepting.length === 0) return false;
    this.#alerts.push({ alert, sinks: accepting });
    return true;
  }

  commit(now: Nanoseconds): void {
    if (this.#isClean()) return;
    let added: Added[];
    try {
      this.#file.exec("BEGIN");
      this.#writeRestarts(now);
      this.#writeNotified();
      this.#writeRecords();
      added = this.#writeAlerts();
      this.#file.exec("COMMIT");
    } catch (error) {
      if (this.#file.isTransaction) this.#file.exec("ROLLBACK");
      throw explain(error, this.#path);
    }
    this.#restarts = [];
    this.#notified.clear();
    this.#records.clear();
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
    return this.#restarts.length + this.#notified.size + this.#records.size + this.#alerts.length +
        this.#removed.length === 0;
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

  #table(table: string): Map<string, unknown> {
    let records = this.#records.get(table);
    if (records === undefined) this.#records.set(table, records = new Map());
    return records;
  }

  #writeNotified(): void {
    const { replaceNotified, deleteNotified } = this.#statements;
    for (const [name, notified] of this.#notified) {
      if (notified === undefined) {
        deleteNotified.run(writeName(name));
        continue;
      }
      const { notifiedAt, id, repeats, lastEvent } = notified;
      replaceNotified.run(writeName(name), notifiedAt, id, repeats, lastEvent);
    }
  }

  #writeRecords(): void {
    const { replaceRecord, deleteRecord } = this.#statements;
    for (const [table, records] of this.#records) {
      for (const [key, value] of records) {
        if (value === undefined) deleteRecord.run(table, writeName(key));
        else replaceRecord.run(table, writeName(key), writeJson(value));
      }
    }
  }

  /** Returns what is to be added to the outboxes once it is committed. */
  #writeAlerts(): Added[] {
    const { insertAlert, updateAlert, deleteAlert } = this.#statements;
    const added: Added[] = [];
    for (const seq of this.#removed) deleteAlert.run(seq);
    // Written once for all sinks.
    const texts = new Map<Alert, string>();
    for (const [sink, outbox] of this.#outboxes) {
      const accepted = this.#alerts.filter(({ sinks }) => sinks.includes(sink));
      for (const alert of this.#newest(accepted.map(({ alert }) => alert))) {
        const text = texts.get(alert) ?? writeJson(alert);
        texts.set(alert, text);
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

  /** Where newer alerts replace, the last one about each name. */
  #newest(alerts: readonly Alert[]): Iterable<Alert> {
    if (!this.#newerReplaces) return alerts;
    return new Map(alerts.map((alert) => [alert.name, alert])).values();
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

/** A restart that entered its window, or was dropped from it. Their order matters: the same restart can do both. */
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
