// What alerts say of their loops beyond what the rule knows: asked of the source before they are sent, once for all
// sinks. It is kept in memory only: after a restart it is asked again.
import type { Alert } from "../detection/alert/alert.ts";
import { contextRequestOf, hasContext, withContext } from "../detection/alert/context.ts";
import type { AlertContext } from "../detection/alert/details.ts";
import type { ContextOf } from "../sources/source.ts";

/** Alerts that are asked about at one time; more are sent without a context, rather than late. */
const maxAsking = 1000;
/** Alerts and loops whose contexts are kept, oldest dropped first. */
const maxKept = 1000;

/** The contexts of alerts. */
export class AlertContexts {
  readonly #ask: ContextOf;
  readonly #end = new AbortController();
  /** By the alert's id. */
  readonly #asking = new Map<string, Promise<void>>();
  readonly #answers = new Map<string, AlertContext>();
  readonly #ofLoops = new Map<string, AlertContext>();

  constructor(ask: ContextOf) {
    this.#ask = ask;
  }

  /** The alert as it can be sent now: with its context if that is known, without if it has none. Undefined if it has to
   * be prepared. */
  ready(alert: Alert): Alert | undefined {
    const answer = this.#answers.get(alert.id);
    if (answer !== undefined) return withContext(alert, answer);
    const isFull = this.#asking.size >= maxAsking && !this.#asking.has(alert.id);
    return !hasContext(alert) || isFull || this.#end.signal.aborted ? alert : undefined;
  }

  /** Resolves when the alert is ready: its source has answered, which takes some seconds at most, or `end` was called. */
  prepare(alert: Alert): Promise<void> {
    let asking = this.#asking.get(alert.id);
    if (asking === undefined) {
      asking = this.#prepare(alert).finally(() => this.#asking.delete(alert.id));
      this.#asking.set(alert.id, asking);
    }
    return asking;
  }

  /** The last context of a loop, by its id. */
  of(loop: string): AlertContext | undefined {
    return this.#ofLoops.get(loop);
  }

  /** The program ends: nothing is asked any more, and who waits does so no longer. */
  end(): void {
    this.#end.abort();
  }

  async #prepare(alert: Alert): Promise<void> {
    const { signal } = this.#end;
    const { promise, resolve } = Promise.withResolvers<AlertContext | undefined>();
    const end = () => resolve(undefined);
    signal.addEventListener("abort", end);
    this.#ask(contextRequestOf(alert), signal).then(resolve, () => resolve({}));
    const answer = await promise;
    signal.removeEventListener("abort", end);
    if (answer === undefined || signal.aborted) return;
    keep(this.#answers, alert.id, answer);
    // A group has an id of its own; what was asked is about the loop that speaks for it.
    keep(this.#ofLoops, alert.group?.speaker ?? alert.loop, answer);
  }
}

/** Keeps a value, and of the oldest as many as there may be. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxKept) map.delete(map.keys().next().value!);
}
