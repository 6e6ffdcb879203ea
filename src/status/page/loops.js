// A list of loops of any length: it renders the rows in sight, and requests only those.
import { element, setAttribute } from "./element.js";
import { emptyRow, Row } from "./loop_row.js";
import { get } from "./api.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").LoopsView} LoopsView */

/** Loops per request. */
const block = 100;
/** Rows rendered above and below those in sight. */
const spare = 8;
/** Minimum time between two requests for the order, in milliseconds. */
const minGap = 1000;
/** How long the order is kept after the pointer or keyboard was used in the list, in milliseconds. */
const hold = 4000;

/** The list of loops with one status. */
export class Loops {
  #body = element("tbody", { role: "rowgroup" });
  #note = element("p", { class: "note", role: "status" });
  #table;
  /** @type {Map<number, readonly LoopView[]>} by the index of their first, divided by `block` */
  #blocks = new Map();
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Map<number, HTMLElement>} */
  #unknown = new Map();
  /** @type {number[]} the blocks that are requested and not received yet */
  #requested = [];
  #generation = 0;
  #rowHeight = 0;
  #lastUse = -Infinity;
  #lastRequest = -Infinity;
  #gap = minGap;
  #timer = 0;
  #focusAt = -1;
  /** Index of the row to focus once it is loaded; -1 for none. */
  #wanted = -1;
  #frame = 0;
  /** Loops in the list, loaded or not; undefined before the first response. */
  total = /** @type {number | undefined} */ (undefined);

  /**
   * @param {object} options
   * @param {HTMLElement} options.section where the table goes
   * @param {LoopView["status"]} options.status
   * @param {string[]} options.columns
   * @param {() => { q: string, sort: string }} options.query
   * @param {() => import("./loop_row.js").RowContext} options.context
   * @param {() => void} options.changed called when `total` may have changed
   * @param {(error: unknown) => void} options.failed
   */
  constructor({ section, status, columns, query, context, changed, failed }) {
    this.section = section;
    this.status = status;
    this.query = query;
    this.context = context;
    this.changed = changed;
    this.failed = failed;
    const head = columns.map((name) => element("th", { role: "columnheader", scope: "col" }, name));
    this.#table = element(
      "table",
      { role: "table", "aria-labelledby": section.getAttribute("aria-labelledby"), hidden: true },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row", "aria-rowindex": 1 }, ...head)),
      this.#body,
    );
    section.append(this.#table, this.#note);
    const use = () => this.#lastUse = performance.now();
    this.#body.addEventListener("pointermove", use);
    this.#body.addEventListener("keydown", use);
    this.#body.addEventListener("pointerleave", () => this.#lastUse = -Infinity);
    document.addEventListener("focusin", () => this.#wanted = -1);
    addEventListener("scroll", () => this.#renderSoon(), { passive: true });
    addEventListener("resize", () => {
      this.#rowHeight = 0;
      this.#renderSoon();
    });
  }

  /** Requests what is in sight again; the rows shown stay until the response is here. */
  async load() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const generation = ++this.#generation;
    const began = this.#lastRequest = performance.now();
    const { start, end } = this.#sight();
    const first = Math.floor(start / block);
    const last = Math.floor(Math.max(start, end - 1) / block);
    this.#requested = [];
    for (let at = first; at <= last; at++) this.#requested.push(at);
    try {
      const answers = await Promise.all(
        this.#requested.map(async (at) => /** @type {const} */ ([at, await this.#ask(at)])),
      );
      if (generation !== this.#generation) return;
      this.#blocks = new Map(answers.map(([at, { loops }]) => [at, loops]));
      this.total = answers[0]?.[1].total ?? 0;
      this.#requested = [];
      this.#gap = Math.max(minGap, 20 * (performance.now() - began));
    } catch (error) {
      if (generation === this.#generation) {
        this.#requested = [];
        this.failed(error);
      }
      return;
    }
    this.changed();
    this.render();
  }

  /** Starts from the top with another query. */
  async restart() {
    this.#lastUse = -Infinity;
    this.#focusAt = this.#wanted = -1;
    await this.load();
  }

  /**
   * @param {number} at
   * @returns {Promise<LoopsView>}
   */
  #ask(at) {
    const { q, sort } = this.query();
    const query = new URLSearchParams({
      status: this.status,
      q,
      sort,
      offset: `${at * block}`,
      limit: `${block}`,
    });
    return get(`loops?${query}`);
  }

  /**
   * Takes a loop that changed. Its row changes in place; the order is requested soon.
   *
   * @param {LoopView} loop
   */
  take(loop) {
    let known = false;
    for (const [at, loops] of this.#blocks) {
      const index = loops.findIndex(({ id }) => id === loop.id);
      if (index === -1) continue;
      this.#blocks.set(at, loops.with(index, loop));
      known = true;
    }
    if (known) this.#renderSoon();
    if (known || loop.status === this.status) this.#loadSoon();
  }

  #loadSoon() {
    if (this.#timer !== 0) return;
    const wait = Math.max(
      0,
      this.#lastRequest + this.#gap - performance.now(),
      this.#lastUse + hold - performance.now(),
    );
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (performance.now() < this.#lastUse + hold) this.#loadSoon();
      else this.load();
    }, wait);
  }

  /** Updates the times of all rows in sight. */
  tick() {
    const context = this.context();
    for (const row of this.#rows.values()) row.tick(context);
  }

  #renderSoon() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.render());
  }

  /** The range of rows in sight; `end` is not part of it. */
  #sight() {
    if (this.total === undefined || this.total === 0) return { start: 0, end: 1 };
    if (this.#rowHeight === 0) {
      this.#rowHeight = parseFloat(getComputedStyle(this.#body).getPropertyValue("--row"));
    }
    const top = -this.#body.getBoundingClientRect().top / this.#rowHeight;
    const start = Math.min(Math.max(0, Math.floor(top) - spare), this.total - 1);
    const end = Math.min(this.total, Math.ceil(top + innerHeight / this.#rowHeight) + spare);
    return { start, end: Math.max(end, start + 1) };
  }

  /** Renders the rows in sight, each in the element that it had. */
  render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { total } = this;
    if (total === undefined) return;
    this.#table.hidden = total === 0;
    setAttribute(this.#table, "aria-rowcount", total + 1);
    if (total > 0 && this.section.offsetParent === null) return;
    const focused = [...this.#rows.values()].find((row) => row.focused);
    const { start, end } = this.#sight();
    const wanted = [];
    const context = this.context();
    const rows = new Map();
    const unknown = new Map();
    for (let index = start; index < Math.min(end, total); index++) {
      const loop = this.#blocks.get(Math.floor(index / block))?.[index % block];
      if (loop) {
        const row = rows.get(loop.id) ?? this.#rows.get(loop.id) ?? new Row();
        row.show(loop, index, context);
        rows.set(loop.id, row);
        if (row === focused) this.#focusAt = index;
        wanted.push(row.element);
      } else {
        const row = this.#unknown.get(index) ?? emptyRow(index);
        unknown.set(index, row);
        wanted.push(row);
        this.#askFor(Math.floor(index / block));
      }
    }
    this.#rows = rows;
    this.#unknown = unknown;
    this.#body.style.height = `${total * this.#rowHeight}px`;
    this.#body.style.paddingTop = `${start * this.#rowHeight}px`;
    arrange(this.#body, wanted);
    // An element that was moved has lost the focus.
    if (focused && rows.has(focused.loop?.id) && !focused.focused) focused.focus();
  }

  /** @param {number} at */
  async #askFor(at) {
    if (this.#requested.includes(at) || this.#blocks.has(at)) return;
    this.#requested.push(at);
    const generation = this.#generation;
    try {
      const { total, loops } = await this.#ask(at);
      if (generation !== this.#generation) return;
      // The list may be shorter by now; an empty block counts as loaded.
      this.#blocks.set(at, loops);
      if (total !== this.total || loops.length < Math.min(block, total - at * block)) this.#loadSoon();
      this.#requested = this.#requested.filter((one) => one !== at);
      this.render();
      this.#focusIfThere();
    } catch (error) {
      if (generation === this.#generation) this.failed(error);
    }
  }

  /**
   * Shows a note in place of rows, or none.
   *
   * @param {...(Node | string)} content
   */
  note(...content) {
    this.#note.hidden = content.length === 0;
    const made = element("div", {}, ...content);
    if (made.textContent !== this.#note.textContent) this.#note.replaceChildren(...made.childNodes);
  }

  /** The index of the row that has or gets the focus; -1 for none. */
  get focusAt() {
    if (this.#wanted >= 0) return this.#wanted;
    for (const row of this.#rows.values()) {
      if (row.focused) return row.index;
    }
    return -1;
  }

  /** The index that had the focus before its row went. */
  get lastFocusAt() {
    return this.#focusAt;
  }

  /**
   * Focuses a row, and scrolls it into sight.
   *
   * @param {number} index
   * @returns {boolean} false if there is no such row
   */
  focus(index) {
    if (this.total === undefined || index < 0 || index >= this.total) return false;
    this.#wanted = index;
    this.#lastUse = performance.now();
    this.#sight();
    const top = this.#body.getBoundingClientRect().top + index * this.#rowHeight;
    const above = 96;
    if (top < above) scrollBy(0, top - above);
    else if (top + this.#rowHeight > innerHeight - 16) scrollBy(0, top + this.#rowHeight - innerHeight + 16);
    this.render();
    this.#focusIfThere();
    return true;
  }

  #focusIfThere() {
    if (this.#wanted < 0) return;
    const row = [...this.#rows.values()].find(({ index }) => index === this.#wanted);
    if (!row) return;
    this.#focusAt = this.#wanted;
    this.#wanted = -1;
    row.focus();
  }
}

/**
 * Makes these the children of an element, in this order, with as few changes as possible.
 *
 * @param {Element} parent
 * @param {Element[]} wanted
 */
function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
