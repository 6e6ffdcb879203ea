// Which view is shown: the list or one loop, by the page's address; and the way back.
import { byId } from "./element.js";

/** @typedef {import("./loops.js").Loops} Loops */
/** @typedef {import("./allocation.js").Allocation} Allocation */

const list = byId("list");
const article = byId("allocation");

/** Shows what the address says, and follows links within the page. */
export class Router {
  /** Where the user left the list. */
  #left = { scroll: 0, index: -1, list: /** @type {Loops | undefined} */ (undefined) };

  /**
   * @param {object} options
   * @param {readonly Loops[]} options.lists from top to bottom
   * @param {Allocation} options.allocation
   * @param {() => boolean} options.isLocked whether the page waits for a token
   * @param {() => boolean} options.isLive
   */
  constructor({ lists, allocation, isLocked, isLive }) {
    this.lists = lists;
    this.allocation = allocation;
    this.isLocked = isLocked;
    this.isLive = isLive;
    history.scrollRestoration = "manual";
    addEventListener("popstate", () => this.show(true));
    document.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Shows what the address says. @param {boolean} back whether the user came back */
  async show(back) {
    if (this.isLocked()) return;
    const [, key] = /^\/allocation\/(.+)$/.exec(location.pathname) ?? [];
    list.hidden = key !== undefined;
    article.hidden = key === undefined;
    if (key === undefined) await this.#showList(back);
    else await this.#showLoop(decoded(key));
  }

  /** @param {boolean} back */
  async #showList(back) {
    this.allocation.leave();
    const first = this.lists[0]?.total === undefined;
    const loaded = first && !this.isLive() ? undefined : Promise.all(this.lists.map((loops) => loops.load()));
    if (!back || first) return;
    for (const loops of this.lists) loops.render();
    scrollTo(0, this.#left.scroll);
    if (this.#left.index >= 0) this.#left.list?.focus(this.#left.index);
    await loaded;
  }

  /** @param {string} name */
  async #showLoop(name) {
    scrollTo(0, 0);
    const shown = this.allocation.show(name);
    if (this.isLive()) await shown;
    this.allocation.focus();
  }

  /** Goes to a loop's own view. @param {string} address */
  #go(address) {
    if (article.hidden) this.#left = { scroll: scrollY, ...this.focusedRow() };
    history.pushState({ inside: true }, "", address);
    this.show(false);
  }

  /** Goes back to the list. */
  back() {
    if (history.state?.inside) history.back();
    else {
      history.pushState({ inside: true }, "", "/");
      this.show(true);
    }
  }

  /**
   * The row with the focus; its index is -1 if none has it.
   *
   * @returns {{ list: Loops | undefined, index: number }}
   */
  focusedRow() {
    for (const loops of this.lists) if (loops.focusAt >= 0) return { list: loops, index: loops.focusAt };
    return { list: this.lists[0], index: -1 };
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const link = event.target instanceof Element ? event.target.closest("a[data-route], a[href^='#']") : null;
    if (!(link instanceof HTMLAnchorElement) || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.hash !== "") {
      const target = byId(link.hash.slice(1));
      target.focus({ preventScroll: true });
      target.scrollIntoView();
    } else if (link.pathname === "/" && !article.hidden) this.back();
    else if (link.pathname !== location.pathname) this.#go(link.pathname);
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
