// Answers to questions, shared: each question is asked once for all who want its answer within a few seconds, and only
// some questions at a time, so that a thousand loops at once are no burden to Nomad.

/** There was no answer in time. */
export class NoAnswer extends Error {}

/** Asks Nomad. */
export type Question<T> = (signal: AbortSignal) => Promise<T>;

/** Questions in flight at one time. */
const maxAsking = 8;
/** Milliseconds for which an answer, or that there is none, is good. */
const freshness = 5_000;
/** Answers that are kept, oldest dropped first. */
const maxKept = 500;

/** The answers of the last few seconds. */
export class Answers {
  readonly #patience: number;
  readonly #kept = new Map<string, { readonly value: unknown; readonly until: number }>();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;

  /** `patience`: how many milliseconds a question may take, its wait for others included. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** The answer to the question of this key. @throws {NoAnswer}, or what the question throws. */
  get<T>(key: string, signal: AbortSignal, question: Question<T>): Promise<T> {
    return this.remember(key, freshness, () => {
      const answer = this.#ask(question, signal);
      answer.catch(() => {});
      return answer;
    });
  }

  /** What is computed for this key, kept for some milliseconds. */
  remember<T>(key: string, goodFor: number, compute: () => T): T {
    const now = performance.now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > now) return kept.value as T;
    this.#kept.delete(key);
    for (const [key, { until }] of this.#kept) {
      if (until > now && this.#kept.size < maxKept) break;
      this.#kept.delete(key);
    }
    const value = compute();
    this.#kept.set(key, { value, until: now + goodFor });
    return value;
  }

  async #ask<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const stop = new AbortController();
    const abort = () => stop.abort();
    const timer = setTimeout(abort, this.#patience);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    await this.#turn();
    try {
      if (stop.signal.aborted) throw new NoAnswer();
      return await question(stop.signal);
    } catch (error) {
      throw stop.signal.aborted ? new NoAnswer() : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#asking--;
      this.#waiting.shift()?.();
    }
  }

  /** Resolves when fewer than the maximum are asked; those who waited longest come first. */
  async #turn(): Promise<void> {
    if (this.#asking < maxAsking) return void this.#asking++;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#asking++;
  }
}
