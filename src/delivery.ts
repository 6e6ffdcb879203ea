// Brings alerts to every sink until it confirms: order, retries, outages, once for all sinks.
import type { Alert } from "./alert.ts";
import { asFault, Fault } from "./fault.ts";
import type { Log } from "./log.ts";
import { Outage } from "./outage.ts";
import type { Sink } from "./sink.ts";

/** An alert on its way to one sink. */
interface Parcel {
  alert: Alert;
  readonly arrival: PromiseWithResolvers<void>;
}

/** All sinks, each with a lane of its own: one that is down does not hold up the others. */
export class Delivery implements AsyncDisposable {
  readonly #lanes: readonly Lane[];
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(sinks: readonly Sink[], log: Log) {
    this.#lanes = sinks.map((sink) => new Lane(sink, log));
  }

  /** Rejects when a sink can take nothing ever again. */
  get over(): Promise<never> {
    return Promise.race(this.#lanes.map(({ over }) => over));
  }

  /** How many alerts wait for a confirmation, counted once for each sink. */
  get unconfirmed(): number {
    return this.#lanes.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
  }

  /** Connects all sinks. One that is down is tried again later. @throws {Fault} for one that is misconfigured. */
  async start(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.start()));
  }

  /** Sends an alert; resolves when every sink has confirmed it or refused it for good. */
  tell(alert: Alert): Promise<unknown> {
    const told = Promise.all(this.#lanes.map((lane) => lane.send(alert)));
    this.#pending.set(alert.name, told);
    told.then(() => {
      if (this.#pending.get(alert.name) === told) this.#pending.delete(alert.name);
    });
    return told;
  }

  /** Resolves when no alert about this name is unconfirmed; undefined where none is. */
  pending(name: string): Promise<unknown> | undefined {
    return this.#pending.get(name);
  }

  /** Resolves when nothing is unconfirmed. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }
}

/** The way to one sink. */
class Lane implements AsyncDisposable {
  readonly #sink: Sink;
  readonly #log: Log;
  readonly #outage: Outage;
  readonly #waiting = new Map<string, Parcel>();
  readonly #sending = new Map<string, Parcel>();
  readonly #over = Promise.withResolvers<never>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(sink: Sink, log: Log) {
    this.#sink = sink;
    this.#log = log;
    this.#outage = new Outage(log, `sink ${sink.type}`);
    this.#over.promise.catch(() => {});
    sink.onLost = (fault) => this.#fail(fault);
  }

  get over(): Promise<never> {
    return this.#over.promise;
  }

  get unconfirmed(): number {
    return this.#waiting.size + this.#sending.size;
  }

  async start(): Promise<void> {
    try {
      await this.#sink.connect();
    } catch (error) {
      const fault = asFault(error);
      if (fault.healing === "misconfigured") {
        throw new Fault(`sink ${this.#sink.type}: ${fault.message}`, fault.healing);
      }
      this.#fail(fault);
    }
  }

  /** An alert about a name of which another one still waits takes that one's place: newer, and not two at once. */
  send(alert: Alert): Promise<void> {
    const waiting = this.#waiting.get(alert.name);
    if (waiting !== undefined) {
      waiting.alert = alert;
      return waiting.arrival.promise;
    }
    const parcel = { alert, arrival: Promise.withResolvers<void>() };
    this.#waiting.set(alert.name, parcel);
    this.#pump();
    return parcel.arrival.promise;
  }

  /** During an outage one alert at a time tries whether it is over. */
  #pump(): void {
    if (this.#closed || this.#retry !== undefined) return;
    const most = this.#outage.open ? 1 : this.#sink.concurrency;
    for (const [name, parcel] of this.#waiting) {
      if (this.#sending.size >= most) return;
      if (this.#sending.has(name)) continue;
      this.#waiting.delete(name);
      this.#sending.set(name, parcel);
      this.#sink.send(parcel.alert).then(
        () => this.#arrived(parcel),
        (error) => this.#returned(parcel, asFault(error)),
      );
    }
  }

  #arrived(parcel: Parcel): void {
    this.#sending.delete(parcel.alert.name);
    this.#outage.end();
    parcel.arrival.resolve();
    this.#pump();
  }

  #returned(parcel: Parcel, fault: Fault): void {
    const { name, id } = parcel.alert;
    this.#sending.delete(name);
    if (fault.healing === "refused") {
      this.#log.error("sink {sink}: gave up the alert {id} about {name}: {reason}", {
        sink: this.#sink.type,
        id,
        name,
        reason: fault.message,
      });
      parcel.arrival.resolve();
      return this.#pump();
    }
    const newer = this.#waiting.get(name);
    if (newer === undefined) this.#waiting.set(name, parcel);
    else newer.arrival.promise.then(() => parcel.arrival.resolve());
    this.#fail(fault);
  }

  #fail(fault: Fault): void {
    if (fault.healing === "over") this.#over.reject(fault);
    if (this.#closed || this.#retry !== undefined || fault.healing === "over") return;
    this.#retry = setTimeout(() => this.#reconnect(), this.#outage.begin(fault));
  }

  async #reconnect(): Promise<void> {
    try {
      await this.#sink.connect();
      this.#retry = undefined;
      if (this.unconfirmed === 0) this.#outage.end();
      this.#pump();
    } catch (error) {
      this.#retry = undefined;
      this.#fail(asFault(error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#sink[Symbol.asyncDispose]();
  }
}
