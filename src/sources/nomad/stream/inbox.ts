// Collects the values of several promises in the order in which they arrive.

/** Takes promises and gives their values. `Promise.race` would keep every value alive until the slowest promise settles. */
export class Inbox<T> {
  readonly #arrived: T[] = [];
  #failed: { readonly reason: unknown } | undefined;
  #wake = () => {};

  expect(promise: Promise<T>): void {
    promise.then((value) => void this.#arrived.push(value), (reason) => this.#failed ??= { reason })
      .then(() => this.#wake());
  }

  /** The value that arrived first; undefined if none arrives within `milliseconds`. Throws once a promise rejected. */
  async take(milliseconds?: number): Promise<T | undefined> {
    if (this.#arrived.length === 0 && this.#failed === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = milliseconds === undefined ? undefined : setTimeout(resolve, milliseconds);
      await promise;
      clearTimeout(timer);
    }
    if (this.#arrived.length === 0 && this.#failed !== undefined) throw this.#failed.reason;
    return this.#arrived.shift();
  }
}
