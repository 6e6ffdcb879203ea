// What the source `nomad` asks beside stream and list, one question after the other, so that no event waits for it.
// It lives as long as a session. What it finds is taken from it as turns of the session.
import type { News } from "./news.ts";

/** Finds something out; finds nothing where that cannot be. */
export type Question = (signal: AbortSignal) => Promise<News[]>;

/** So many questions wait, and so many are put off; more are dropped, since each session asks anew. */
const maxWaiting = 200;
const maxPutOff = 10_000;

/** The questions of one session. Disposing it ends them. */
export class Background implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #waiting: Question[] = [];
  readonly #putOff = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #found: News[][] = [];
  #working: Promise<void> | undefined;
  #wake = () => {};

  /** Asks it when those before it are answered. */
  ask(question: Question): void {
    if (this.#stop.signal.aborted || this.#waiting.length >= maxWaiting) return;
    this.#waiting.push(question);
    this.#working ??= this.#work().finally(() => this.#working = undefined);
  }

  /** Asks it after so many milliseconds, unless that is cancelled; not again what is put off under this key. */
  later(key: string, milliseconds: number, question: Question): void {
    if (this.#stop.signal.aborted || this.#putOff.has(key) || this.#putOff.size >= maxPutOff) return;
    const timer = setTimeout(() => {
      this.#putOff.delete(key);
      this.ask(question);
    }, milliseconds);
    this.#putOff.set(key, timer);
  }

  /** What was put off under this key is not asked. */
  cancel(key: string): void {
    clearTimeout(this.#putOff.get(key));
    this.#putOff.delete(key);
  }

  /** What was found next. It may never resolve. */
  async next(): Promise<News[]> {
    while (this.#found.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#found.shift()!;
  }

  async #work(): Promise<void> {
    for (let question; (question = this.#waiting.shift()) !== undefined;) {
      // A question that fails is asked again by the next session.
      const news = await question(this.#stop.signal).catch(() => []);
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
