// The alerts that one sink has not confirmed, oldest first. If newer ones replace, at most one about each key is
// pending, so that a sink that was down for a day does not get every loop a hundred times.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { wallClock } from "../lib/time.ts";

/** An alert that was taken from an outbox, to be sent. */
export interface InFlight {
  readonly alert: Alert;
  /** The sink confirmed it: it leaves the outbox. */
  confirm(): void;
  /** It could not be sent: it is pending again in its old place, unless a newer one about its key is. */
  giveBack(): void;
}

/** The outbox as the delivery uses it. */
export interface Outbox {
  /** How many alerts are not confirmed, those that are being sent included. */
  readonly size: number;
  /** Since when the oldest of them is pending, by the wall clock; since this start, if it is of an earlier one. */
  readonly oldest: Nanoseconds | undefined;
  /** Whether an alert about this key is not confirmed. */
  has(name: string): boolean;
  /** Takes the oldest alert that can be sent now. @throws {Fault} if it cannot be read. */
  take(): InFlight | undefined;
}

/** An alert's entry in an outbox. */
export interface Entry<Slot> {
  readonly name: string;
  /** Where the alert is. */
  slot: Slot;
  taken: boolean;
  readonly since: Nanoseconds;
  /** Its place in the order of arrival, and its neighbours there. */
  readonly number: number;
  before: Entry<Slot> | undefined;
  after: Entry<Slot> | undefined;
}

/** The storage of the alerts of an outbox: memory, or a file. */
export interface Shelf<Slot> {
  read(slot: Slot): Alert;
  /** The alert is no longer needed. */
  removed(slot: Slot): void;
}

/** An outbox whose alerts are on a shelf. */
export class ShelvedOutbox<Slot> implements Outbox {
  readonly #shelf: Shelf<Slot>;
  readonly #newerReplaces: boolean;
  /** A list in the order of arrival, so that taking the oldest of a hundred thousand costs no search. */
  #first: Entry<Slot> | undefined;
  #last: Entry<Slot> | undefined;
  #size = 0;
  #added = 0;
  /** All entries before it are taken. */
  #untaken: Entry<Slot> | undefined;
  /** If newer ones replace, by key: the pending entry, and whether one is being sent. */
  readonly #pending = new Map<string, Entry<Slot>>();
  readonly #sending = new Set<string>();
  /** If they do not, by key: how many there are. */
  readonly #counts = new Map<string, number>();

  constructor(shelf: Shelf<Slot>, newerReplaces: boolean) {
    this.#shelf = shelf;
    this.#newerReplaces = newerReplaces;
  }

  get size(): number {
    return this.#size;
  }

  get oldest(): Nanoseconds | undefined {
    return this.#first?.since;
  }

  has(name: string): boolean {
    return this.#newerReplaces ? this.#pending.has(name) || this.#sending.has(name) : this.#counts.has(name);
  }

  /** The entry whose alert a newer one about this key replaces. */
  replaceable(name: string): Entry<Slot> | undefined {
    return this.#pending.get(name);
  }

  /** Adds an alert behind all others. If newer ones replace, an older one about its key leaves. */
  add(name: string, slot: Slot): void {
    const older = this.#pending.get(name);
    if (older !== undefined) this.#remove(older);
    const entry: Entry<Slot> = {
      name,
      slot,
      taken: false,
      since: wallClock(),
      number: this.#added++,
      before: this.#last,
      after: undefined,
    };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#untaken ??= entry;
    this.#size++;
    if (this.#newerReplaces) this.#pending.set(name, entry);
    else this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  take(): InFlight | undefined {
    while (this.#untaken?.taken) this.#untaken = this.#untaken.after;
    for (let entry = this.#untaken; entry !== undefined; entry = entry.after) {
      if (entry.taken || this.#sending.has(entry.name)) continue;
      const alert = this.#shelf.read(entry.slot);
      entry.taken = true;
      if (this.#newerReplaces) {
        this.#pending.delete(entry.name);
        this.#sending.add(entry.name);
      }
      return this.#inFlight(entry, alert);
    }
    return undefined;
  }

  #inFlight(entry: Entry<Slot>, alert: Alert): InFlight {
    return {
      alert,
      confirm: () => {
        this.#sending.delete(entry.name);
        this.#remove(entry);
      },
      giveBack: () => {
        this.#sending.delete(entry.name);
        entry.taken = false;
        if (this.#untaken === undefined || entry.number < this.#untaken.number) this.#untaken = entry;
        if (this.#pending.has(entry.name)) this.#remove(entry);
        else if (this.#newerReplaces) this.#pending.set(entry.name, entry);
      },
    };
  }

  #remove(entry: Entry<Slot>): void {
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.#untaken === entry) this.#untaken = after;
    this.#size--;
    if (!this.#newerReplaces) this.#uncount(entry.name);
    this.#shelf.removed(entry.slot);
  }

  #uncount(name: string): void {
    const left = this.#counts.get(name)! - 1;
    if (left === 0) this.#counts.delete(name);
    else this.#counts.set(name, left);
  }
}

/** An outbox, and before its alerts some that its store cannot keep: they are in memory only. */
export class OutboxWithUnkept implements Outbox {
  readonly #kept: Outbox;
  readonly #unkept = new ShelvedOutbox<Alert>({ read: (alert) => alert, removed() {} }, true);

  constructor(kept: Outbox) {
    this.#kept = kept;
  }

  add(alert: Alert): void {
    this.#unkept.add(alert.name, alert);
  }

  get size(): number {
    return this.#unkept.size + this.#kept.size;
  }

  get oldest(): Nanoseconds | undefined {
    const [unkept, kept] = [this.#unkept.oldest, this.#kept.oldest];
    return unkept === undefined || (kept !== undefined && kept < unkept) ? kept : unkept;
  }

  has(name: string): boolean {
    return this.#unkept.has(name) || this.#kept.has(name);
  }

  take(): InFlight | undefined {
    return this.#unkept.take() ?? this.#kept.take();
  }
}
