// Queries besides stream and list, run one at a time in the background of a session, so that no event waits for them.
// What they find is passed on as events of the session.
import type { NewEvent } from "../tracking/new_event.ts";

/** A query; it finds nothing if Nomad does not answer. */
export type Query = (signal: AbortSignal) => Promise<NewEvent[]>;

/** Maximum queued and delayed queries; more are dropped, since the next session asks again. */
const maxQueued = 200;
const maxDelayed = 10_000;

/** The queries of one session. Disposing it ends them. */
export class Background implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #queued: Query[] = [];
  readonly #delayed = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #found: NewEvent[][] = [];
  #running: Promise<void> | undefined;
  #wake = () => {};

  /** Queues a query. */
  ask(query: Query): void {
    if (this.#stop.signal.aborted || this.#queued.length >= maxQueued) return;
    this.#queued.push(query);
    this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** Queues a query after a delay, unless it is cancelled. One that is already delayed under this key is kept. */
  later(key: string, milliseconds: number, query: Query): void {
    if (this.#stop.signal.aborted || this.#delayed.has(key) || this.#delayed.size >= maxDelayed) return;
    const timer = setTimeout(() => {
      this.#delayed.delete(key);
      this.ask(query);
    }, milliseconds);
    this.#delayed.set(key, timer);
  }

  /** Drops the query that is delayed under this key. */
  cancel(key: string): void {
    clearTimeout(this.#delayed.get(key));
    this.#delayed.delete(key);
  }

  /** Passes on what was found elsewhere. */
  pass(newEvents: NewEvent[]): void {
    if (this.#stop.signal.aborted) return;
    this.#found.push(newEvents);
    this.#wake();
  }

  /** Resolves with the next findings; it may never resolve. */
  async next(): Promise<NewEvent[]> {
    while (this.#found.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#found.shift()!;
  }

  async #run(): Promise<void> {
    for (let query; (query = this.#queued.shift()) !== undefined;) {
      // A query that fails is asked again by the next session.
      const newEvents = await query(this.#stop.signal).catch(() => []);
      if (newEvents.length === 0 || this.#stop.signal.aborted) continue;
      this.#found.push(newEvents);
      this.#wake();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#queued.length = 0;
    for (const key of this.#delayed.keys()) this.cancel(key);
    await this.#running;
  }
}
