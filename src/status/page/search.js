// Search and order of the lists, which are part of the address.
import { byId } from "./element.js";

/** The text field and the two buttons. */
export class Search {
  #input = /** @type {HTMLInputElement} */ (byId("search"));
  #timer = 0;

  /** @param {() => void} changed called soon after the user has changed something */
  constructor(changed) {
    this.changed = changed;
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#changedNow(), 120);
    });
    byId("sort").addEventListener("change", () => this.#changedNow());
  }

  get text() {
    return this.#input.value.trim();
  }

  get sort() {
    return /** @type {HTMLInputElement} */ (document.querySelector("input[name=sort]:checked")).value;
  }

  /** Takes both from the address. */
  readAddress() {
    const query = new URLSearchParams(location.search);
    this.#input.value = query.get("q") ?? "";
    if (query.get("sort") === "newest") {
      /** @type {HTMLInputElement} */ (document.querySelector("input[value=newest]")).checked = true;
    }
  }

  /** Whether an event is of the field. @param {EventTarget | null} target */
  is(target) {
    return target === this.#input;
  }

  select() {
    this.#input.select();
  }

  /** Empties the field; leaves it if it is empty. */
  clear() {
    if (this.#input.value === "") this.#input.blur();
    this.#input.value = "";
    this.#changedNow();
  }

  #changedNow() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const query = new URLSearchParams();
    if (this.text !== "") query.set("q", this.text);
    if (this.sort !== "worst") query.set("sort", this.sort);
    history.replaceState(history.state, "", `/${query.size === 0 ? "" : `?${query}`}`);
    this.changed();
  }
}
