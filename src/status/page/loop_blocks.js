// The loops of one list as far as they are loaded, in blocks by their place in the order.
import { get } from "./api.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").LoopsView} LoopsView */

/** Loops per request. */
const block = 100;

/** Loads blocks; a reload replaces all of them, and what was requested before it is dropped. */
export class LoopBlocks {
  /** @type {Map<number, readonly LoopView[]>} by the index of their first, divided by `block` */
  #blocks = new Map();
  /** @type {number[]} the blocks that are requested and not received yet */
  #requested = [];
  #generation = 0;
  /** Loops in the list, loaded or not; undefined before the first response. */
  total = /** @type {number | undefined} */ (undefined);

  /**
   * @param {LoopView["status"]} status
   * @param {() => { q: string, sort: string }} query
   */
  constructor(status, query) {
    this.status = status;
    this.query = query;
  }

  /**
   * The loop at an index, if it is loaded.
   *
   * @param {number} index
   * @returns {LoopView | undefined}
   */
  at(index) {
    return this.#blocks.get(Math.floor(index / block))?.[index % block];
  }

  /**
   * Loads these indexes again; until the response is here, what was loaded stays. Throws what the request throws.
   *
   * @param {number} start
   * @param {number} end not part of it
   * @returns {Promise<boolean>} false if another reload came before the response
   */
  async reload(start, end) {
    const generation = ++this.#generation;
    const last = Math.floor(Math.max(start, end - 1) / block);
    this.#requested = [];
    for (let at = Math.floor(start / block); at <= last; at++) this.#requested.push(at);
    try {
      const answers = await Promise.all(
        this.#requested.map(async (at) => /** @type {const} */ ([at, await this.#get(at)])),
      );
      if (generation !== this.#generation) return false;
      this.#blocks = new Map(answers.map(([at, { loops }]) => [at, loops]));
      this.total = answers[0]?.[1].total ?? 0;
      this.#requested = [];
      return true;
    } catch (error) {
      if (generation !== this.#generation) return false;
      this.#requested = [];
      throw error;
    }
  }

  /**
   * Loads the block of an index, unless it is loaded or requested. Throws what the request throws.
   *
   * @param {number} index
   * @returns {Promise<"loaded" | "outdated" | undefined>} outdated if the list has another length by now; undefined if
   * nothing was loaded
   */
  async load(index) {
    const at = Math.floor(index / block);
    if (this.#requested.includes(at) || this.#blocks.has(at)) return;
    this.#requested.push(at);
    const generation = this.#generation;
    try {
      const { total, loops } = await this.#get(at);
      if (generation !== this.#generation) return;
      // The list may be shorter by now; an empty block counts as loaded.
      this.#blocks.set(at, loops);
      this.#requested = this.#requested.filter((one) => one !== at);
      return total !== this.total || loops.length < Math.min(block, total - at * block)
        ? "outdated"
        : "loaded";
    } catch (error) {
      if (generation === this.#generation) throw error;
    }
  }

  /**
   * @param {number} at
   * @returns {Promise<LoopsView>}
   */
  #get(at) {
    const query = new URLSearchParams({
      status: this.status,
      ...this.query(),
      offset: `${at * block}`,
      limit: `${block}`,
    });
    return get(`loops?${query}`);
  }

  /**
   * Replaces a loop that changed.
   *
   * @param {LoopView} loop
   * @returns {boolean} whether it was loaded
   */
  replace(loop) {
    let known = false;
    for (const [at, loops] of this.#blocks) {
      const index = loops.findIndex(({ id }) => id === loop.id);
      if (index === -1) continue;
      this.#blocks.set(at, loops.with(index, loop));
      known = true;
    }
    return known;
  }
}
