// What the source `nomad` asks beside stream and list, one query after the other, so that no event waits for it.
// It lives as long as a session. What it finds is taken from it as turns of the session.
import type { NewEvent } from "./new_event.ts";

/** Finds something out; finds nothing where that cannot be. */
export type Query = (signal: AbortSignal) => Promise<NewEvent[]>;

/** So many queries wait, and so many are put off; more are dropped, since each session asks anew. */
const maxWaiting = 200;
const maxPutOff = 10_000;

/** The queries of one session. Disposing it ends them. */
export class Background implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #waiting: Query[] = [];
  readonly #putOff = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #found: NewEvent[][] = [];
  #working: Promise<void> | undefined;
  #wake = () => {};

  /** Asks it when those before it are answered. */
  ask(query: Query): void {
    if (this.#stop.signal.aborted || this.#waiting.length >= maxWaiting) return;
    this.#waiting.push(query);
    this.#working ??= this.#work().finally(() => this.#working = undefined);
  }

  /** Asks it after so many milliseconds, unless that is cancelled; not again what is put off under this key. */
  later(key: string, milliseconds: number, query: Query): void {
    if (this.#stop.signal.aborted || this.#putOff.has(key) || this.#putOff.size >= maxPutOff) return;
    const timer = setTimeout(() => {
      this.#putOff.delete(key);
      this.ask(query);
    }, milliseconds);
    this.#putOff.set(key, timer);
  }

  /** What was put off under this key is not asked. */
  cancel(key: string): void {
    clearTimeout(this.#putOff.get(key));
    this.#putOff.delete(key);
  }

  /** What was found next. It may never resolve. */
  async next(): Promise<NewEvent[]> {
    while (this.#found.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#found.shift()!;
  }

  async #work(): Promise<void> {
    for (let query; (query = this.#waiting.shift()) !== undefined;) {
      // A query that fails is asked again by the next session.
      const news = await query(this.#stop.signal).catch(() => []);
      if (news.length === 0 || this.#stop.signal.aborted) continue;
      this.#found.push(news);
      this.#wake();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#waiting.length = 0;
    for (const key of this.#putOff.keys()) this.cancel(key);
    await this.#working;
  }
}
