// The rows of one list as far as they are loaded, in blocks by their place in the order; and which groups are open.
import { get } from "./api.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").JobsView} JobsView */
/** @typedef {import("../view.ts").RowView} RowView */

/** Rows per request. */
const block = 100;
/** Maximum length of the keys in an address; of more groups than fit, those that were opened first close. */
const maxToggled = 4_000;

/** Loads blocks; a reload replaces all of them, and what was requested before it is dropped. */
export class LoopBlocks {
  /** @type {Map<number, readonly RowView[]>} by the index of their first, divided by `block` */
  #blocks = new Map();
  /** @type {number[]} the blocks that are requested and not received yet */
  #requested = [];
  #generation = 0;
  /** Groups that the user opened. @type {Set<string>} */
  #opened = new Set();
  /** Groups that the user closed in what a search text found. @type {Set<string>} */
  #closed = new Set();
  #searched = "";
  /** Rows in the list, loaded or not; undefined before the first response. */
  total = /** @type {number | undefined} */ (undefined);
  /** Loops in the list, and how many of them are muted; and muted loops that the search text may not find. */
  counts = { loops: 0, muted: 0, allMuted: 0 };

  /**
   * @param {LoopView["status"]} status
   * @param {() => { q: string, sort: string }} query
   */
  constructor(status, query) {
    this.status = status;
    this.query = query;
  }

  /**
   * The row at an index, if it is loaded.
   *
   * @param {number} index
   * @returns {RowView | undefined}
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
      this.#blocks = new Map(answers.map(([at, { rows }]) => [at, rows]));
      const [, { total, loops, muted, allMuted }] = /** @type {[number, JobsView]} */ (answers[0]);
      this.total = total;
      this.counts = { loops, muted, allMuted };
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
      const { total, rows } = await this.#get(at);
      if (generation !== this.#generation) return;
      // The list may be shorter by now; an empty block counts as loaded.
      this.#blocks.set(at, rows);
      this.#requested = this.#requested.filter((one) => one !== at);
      return total !== this.total || rows.length < Math.min(block, total - at * block)
        ? "outdated"
        : "loaded";
    } catch (error) {
      if (generation === this.#generation) throw error;
    }
  }

  /**
   * @param {number} at
   * @returns {Promise<JobsView>}
   */
  #get(at) {
    const { q, sort } = this.query();
    const query = new URLSearchParams({
      status: this.status,
      q,
      sort,
      offset: `${at * block}`,
      limit: `${block}`,
    });
    for (const key of this.#toggled(q)) query.append("toggled", key);
    return get(`jobs?${query}`);
  }

  /**
   * The groups that are not as they are by default: closed, and open if there is a search text.
   *
   * @param {string} q
   */
  #toggled(q) {
    if (q !== this.#searched) this.#closed.clear();
    this.#searched = q;
    return q === "" ? this.#opened : this.#closed;
  }

  /**
   * Opens or closes a group; a reload shows it.
   *
   * @param {string} key
   */
  toggle(key) {
    const toggled = this.#toggled(this.query().q);
    if (toggled.delete(key)) return;
    toggled.add(key);
    let length = 0;
    for (const one of [...toggled].reverse()) {
      length += encodeURIComponent(one).length;
      if (length > maxToggled && one !== key) toggled.delete(one);
    }
  }

  /**
   * Replaces a loop that changed.
   *
   * @param {LoopView} loop
   * @returns {boolean} whether it was loaded
   */
  replace(loop) {
    let known = false;
    for (const [at, rows] of this.#blocks) {
      const replaced = rows.map((row) => replacedIn(row, loop));
      if (replaced.every((row, index) => row === rows[index])) continue;
      this.#blocks.set(at, replaced);
      known = true;
    }
    return known;
  }
}

/**
 * @param {RowView} row
 * @param {LoopView} loop
 * @returns {RowView}
 */
function replacedIn(row, loop) {
  if (row.kind === "loop") return row.loop.id === loop.id ? { ...row, loop } : row;
  return row.worst.id === loop.id && row.worst.status === loop.status ? { ...row, worst: loop } : row;
}
