// When a list is loaded again after a change: soon, but neither too often nor under the user's hand.

/** Minimum time between two requests for the order, in milliseconds. */
const minGap = 1000;
/** How long the order is kept after the pointer or keyboard was used in the list, in milliseconds. */
const hold = 4000;

/** Calls `reload` once after any number of changes. */
export class ReloadTimer {
  #lastUse = -Infinity;
  #lastRequest = -Infinity;
  #gap = minGap;
  #timer = 0;

  /** @param {() => void} reload */
  constructor(reload) {
    this.reload = reload;
  }

  /** The user is in the list. */
  used() {
    this.#lastUse = performance.now();
  }

  /** The user has left the list. */
  left() {
    this.#lastUse = -Infinity;
  }

  /** A request begins, which has every change so far. */
  began() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#lastRequest = performance.now();
  }

  /**
   * A request is answered; a slow detector is asked less often.
   *
   * @param {number} tookMs
   */
  answered(tookMs) {
    this.#gap = Math.max(minGap, 20 * tookMs);
  }

  /** Something changed. */
  changed() {
    if (this.#timer !== 0) return;
    const now = performance.now();
    const wait = Math.max(0, this.#lastRequest + this.#gap - now, this.#lastUse + hold - now);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (performance.now() < this.#lastUse + hold) this.changed();
      else this.reload();
    }, wait);
  }
}
