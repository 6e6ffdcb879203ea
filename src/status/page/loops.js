// A list of loops, grouped, of any length: it renders the rows in sight, and requests only those.
import { arrange, element, setAttribute } from "./element.js";
import { GroupRow } from "./group_row.js";
import { LoopBlocks } from "./loop_blocks.js";
import { emptyRow, Row } from "./loop_row.js";
import { ReloadTimer } from "./reload_timer.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").RowView} RowView */

/** Rows rendered above and below those in sight. */
const spare = 8;
/** The list of loops with one status. */
export class Loops {
  #body = element("tbody", { role: "rowgroup" });
  #note = element("p", { class: "note", role: "status" });
  #table;
  #blocks;
  #reload = new ReloadTimer(() => this.load());
  /** @type {Map<string, Row | GroupRow>} */
  #rows = new Map();
  /** @type {Map<number, HTMLElement>} */
  #unknown = new Map();
  #rowHeight = 0;
  #focusAt = -1;
  /** Index of the row to focus once it is loaded; -1 for none. */
  #wanted = -1;
  #frame = 0;
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
    this.#blocks = new LoopBlocks(status, query);
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
    const use = () => this.#reload.used();
    this.#body.addEventListener("pointermove", use);
    this.#body.addEventListener("keydown", use);
    this.#body.addEventListener("pointerleave", () => this.#reload.left());
    document.addEventListener("focusin", () => this.#wanted = -1);
    addEventListener("scroll", () => this.#renderSoon(), { passive: true });
    addEventListener("resize", () => {
      this.#rowHeight = 0;
      this.#renderSoon();
    });
  }

  /** Rows in the list, loaded or not; undefined before the first response. */
  get total() {
    return this.#blocks.total;
  }

  /** Loops in the list, in closed groups too, and how many of them are muted. */
  get counts() {
    return this.#blocks.counts;
  }

  /** Requests what is in sight again; the rows shown stay until the response is here. */
  async load() {
    this.#reload.began();
    const began = performance.now();
    const { start, end } = this.#sight();
    try {
      if (!await this.#blocks.reload(start, end)) return;
    } catch (error) {
      this.failed(error);
      return;
    }
    this.#reload.answered(performance.now() - began);
    this.changed();
    this.render();
  }

  /** Starts from the top with another query. */
  async restart() {
    this.#reload.left();
    this.#focusAt = this.#wanted = -1;
    await this.load();
  }

  /**
   * Takes a loop that changed. Its row changes in place; the order is requested soon.
   *
   * @param {LoopView} loop
   */
  take(loop) {
    const known = this.#blocks.replace(loop);
    if (known) this.#renderSoon();
    if (known || loop.status === this.status) this.#reload.changed();
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
      const view = this.#blocks.at(index);
      if (view) {
        const row = rows.get(keyOf(view)) ?? this.#rows.get(keyOf(view)) ?? this.#make(view);
        row.show(view, index, context);
        rows.set(row.key, row);
        if (row === focused) this.#focusAt = index;
        wanted.push(row.element);
      } else {
        const row = this.#unknown.get(index) ?? emptyRow(index);
        unknown.set(index, row);
        wanted.push(row);
        this.#request(index);
      }
    }
    this.#rows = rows;
    this.#unknown = unknown;
    this.#body.style.height = `${total * this.#rowHeight}px`;
    this.#body.style.paddingTop = `${start * this.#rowHeight}px`;
    arrange(this.#body, wanted);
    // An element that was moved has lost the focus.
    if (focused && rows.has(focused.key) && !focused.focused) focused.focus();
  }

  /** @param {RowView} view */
  #make(view) {
    const key = keyOf(view);
    return view.kind === "loop" ? new Row(key) : new GroupRow(key, (row) => this.#toggle(row, view.key));
  }

  /**
   * Opens or closes a group; its row stays where it is on the screen.
   *
   * @param {GroupRow} row
   * @param {string} key of the group
   */
  async #toggle(row, key) {
    this.#reload.used();
    this.#blocks.toggle(key);
    const { top } = row.element.getBoundingClientRect();
    await this.load();
    if (row.element.isConnected) scrollBy(0, row.element.getBoundingClientRect().top - top);
  }

  /** @param {number} index */
  async #request(index) {
    try {
      const result = await this.#blocks.load(index);
      if (result === undefined) return;
      if (result === "outdated") this.#reload.changed();
      this.render();
      this.#focusIfThere();
    } catch (error) {
      this.failed(error);
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
    this.#reload.used();
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
 * The key of a row, by which it keeps its element.
 *
 * @param {RowView} view
 * @returns {string}
 */
function keyOf(view) {
  return view.kind === "loop" ? `loop ${view.loop.id}` : `${view.kind} ${view.key}`;
}
