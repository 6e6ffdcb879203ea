// Reads out to screen readers which loops began and which ended.
import { byId, setText } from "./element.js";
import { nameOf } from "./loop_row.js";

/** @typedef {import("../view.ts").LoopView} LoopView */

/** Announces every loop that began after the page was opened once, and every end. */
export class Announcer {
  /** When the page was opened, by the detector's clock. */
  #openedAt = Infinity;
  /** @type {Set<string>} */
  #announced = new Set();
  /** @type {string[]} */
  #news = [];
  #timer = 0;

  /**
   * The first time by the detector's clock is when the page was opened.
   *
   * @param {number} now
   */
  seen(now) {
    this.#openedAt = Math.min(this.#openedAt, now);
  }

  /**
   * Announces a loop that changed.
   *
   * @param {"loop" | "gave-up" | "resolved"} event
   * @param {LoopView} loop
   */
  take(event, loop) {
    if (event !== "loop") {
      this.#announce(`${nameOf(loop)} ${event === "gave-up" ? "was given up" : "is resolved"}`);
    } else if (this.#isNew(loop)) this.#announce(`${nameOf(loop)} is crash-looping: ${loop.reason}`);
  }

  /** @param {LoopView} loop */
  #isNew({ id, firstNotifiedAt }) {
    if (firstNotifiedAt === null || Date.parse(firstNotifiedAt) < this.#openedAt) return false;
    if (this.#announced.has(id)) return false;
    this.#announced.add(id);
    return true;
  }

  /** Many at once are only counted. @param {string} text */
  #announce(text) {
    this.#news.push(text);
    if (this.#timer !== 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const news = this.#news;
      setText(byId("arrivals"), news.length <= 3 ? news.join(". ") : `${news.length} loops changed`);
      this.#news = [];
    }, 500);
  }
}
