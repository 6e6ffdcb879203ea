// Calls listeners of an event, for parts that are opened before those that listen to them.

/** The listeners of one event. None replaces another; each is removed by its owner. */
export class Listeners<Args extends readonly unknown[] = []> {
  readonly #listeners = new Set<(...args: Args) => void>();

  /** Adds a listener, until it is disposed. */
  add(listener: (...args: Args) => void): Disposable {
    const own = (...args: Args) => listener(...args);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  /** Calls all listeners in the order in which they were added. */
  call(...args: Args): void {
    for (const listener of this.#listeners) listener(...args);
  }
}
