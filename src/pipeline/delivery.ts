// Brings alerts from the outboxes to all sinks, each with a worker of its own.
import type { Alert } from "../detection/alert/alert.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Log } from "../lib/log.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { AlertContexts } from "./alert_contexts.ts";
import { type OpenableSink, type SinkParts, type SinkStats, SinkWorker } from "./sink_worker.ts";

/** All sinks, each with a worker of its own: one that is down does not hold up the others. */
export class Delivery implements AsyncDisposable {
  readonly #workers: readonly SinkWorker[];
  readonly #settled = new Listeners<[key: string]>();
  readonly #contexts: AlertContexts | undefined;

  /** Opens the sinks. `parts` returns what a sink has of the state, by its name. `contexts` is for those that show them. */
  constructor(
    sinks: readonly OpenableSink[],
    parts: (sink: string) => SinkParts,
    log: Log,
    startupDeadline?: StartupDeadline,
    contexts?: AlertContexts,
  ) {
    this.#contexts = contexts;
    const settled = (key: string) => this.#settled.call(key);
    this.#workers = sinks.map((sink) =>
      new SinkWorker(sink, parts(sink.name), log, settled, startupDeadline, contexts)
    );
  }

  /** Rejects when a sink can take nothing ever again. */
  get closed(): Promise<never> {
    return Promise.race(this.#workers.map(({ closed }) => closed));
  }

  /** Sink by sink. */
  get stats(): readonly SinkStats[] {
    return this.#workers;
  }

  /** How many alerts are not confirmed, counted once for each sink. */
  get unconfirmed(): number {
    return this.#workers.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
  }

  /** Whether a sink has not confirmed an alert about this key. */
  isPending(key: string): boolean {
    return this.#workers.some((worker) => worker.isPending(key));
  }

  /** Calls the listener with the key of every alert that left an outbox: confirmed or dropped. */
  onSettled(listener: (key: string) => void): Disposable {
    return this.#settled.add(listener);
  }

  /** Connects all sinks. One that is down is tried again later. @throws {Fault} for one that is misconfigured. */
  async start(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.start()));
  }

  /** Looks into the outboxes: to be called when something was put there. */
  pump(): void {
    for (const worker of this.#workers) worker.pump();
  }

  /** Sends an alert that the state cannot keep through every sink that accepts it. */
  sendUnkept(alert: Alert, accepts: (sink: string, alert: Alert) => boolean): void {
    for (const worker of this.#workers) if (accepts(worker.name, alert)) worker.sendUnkept(alert);
  }

  /** The program ends: sinks that are down are tried at once, and then again and again in short pauses. No alert waits
   * for its context any more. */
  hurry(): void {
    this.#contexts?.end();
    for (const worker of this.#workers) worker.hurry();
  }

  /** Resolves when every outbox is empty. */
  async settled(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.settled()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#contexts?.end();
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}
