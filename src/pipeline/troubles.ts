// What does not work now, and since when: the source, the state, each sink. Reads what these say of their health.
import type { Visibility } from "../detection/visibility.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Health } from "../lib/health.ts";
import { Listeners } from "../lib/listeners.ts";
import { wallClock } from "../lib/time.ts";

/** A component that does not work. */
export interface Trouble {
  readonly kind: "source" | "state" | "sink";
  /** `source nomad`, `state`, `sink slack`. */
  readonly component: string;
  readonly since: Nanoseconds;
  /** Why, as the log says it. */
  readonly problem: string;
}

/** The parts that can be in trouble. */
export interface WatchedParts {
  readonly source: { readonly type: string; readonly health: Health };
  readonly visibility: Visibility;
  readonly state: Health;
  readonly sinks: readonly { readonly name: string; readonly health: Health }[];
}

/** Of a source that is connected, and blind. */
const catchingUp = "it is connected, but has not read all that happened";

/** Watches all parts. Nothing is polled: it listens. */
export class Troubles implements Disposable {
  readonly #visibility: Visibility;
  readonly #components: readonly (Pick<Trouble, "kind" | "component"> & { readonly health: Health })[];
  readonly #since = new Map<string, Nanoseconds>();
  readonly #listeners = new Listeners();
  readonly #subscriptions = new DisposableStack();

  constructor({ source, visibility, state, sinks }: WatchedParts) {
    this.#visibility = visibility;
    this.#components = [
      { kind: "source", component: `source ${source.type}`, health: source.health },
      { kind: "state", component: "state", health: state },
      ...sinks.map(({ name, health }) => ({ kind: "sink" as const, component: `sink ${name}`, health })),
    ];
    for (const { health } of this.#components) this.#subscriptions.use(health.listen(() => this.#changed()));
    this.#subscriptions.use(visibility.watch(() => this.#changed()));
    this.#note();
  }

  /** Calls the listener whenever there may be more troubles than before, or less. */
  listen(listener: () => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** All of them. */
  now(): Trouble[] {
    return this.#components.flatMap(({ kind, component, health }) => {
      const problem = this.#problemOf(kind, health);
      const since = this.#since.get(component);
      return problem === undefined || since === undefined ? [] : [{ kind, component, since, problem }];
    });
  }

  #problemOf(kind: Trouble["kind"], { isUp, problem }: Health): string | undefined {
    if (problem !== undefined) return problem;
    if (!isUp) return "it is down";
    return kind === "source" && this.#visibility.isBlind ? catchingUp : undefined;
  }

  #changed(): void {
    this.#note();
    this.#listeners.call();
  }

  #note(): void {
    for (const { kind, component, health } of this.#components) {
      if (this.#problemOf(kind, health) === undefined) this.#since.delete(component);
      else if (!this.#since.has(component)) {
        this.#since.set(component, health.isUp ? wallClock() : health.since);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }
}
