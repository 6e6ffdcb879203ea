// The form that asks for the token.
import { dropToken, hasToken, keepToken } from "./api.js";
import { byId, setText } from "./element.js";

/** Shown while the detector wants a token that the page does not have. */
export class TokenForm {
  #form = byId("token");
  #text = /** @type {HTMLInputElement} */ (byId("token-text"));

  /** @param {() => void} entered called when the user has entered a token */
  constructor(entered) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      keepToken(this.#text.value);
      this.#text.value = "";
      this.#form.hidden = true;
      setText(byId("live"), "Connecting…");
      entered();
    });
  }

  get isShown() {
    return !this.#form.hidden;
  }

  /** Asks for a token; the one that was kept is dropped. */
  show() {
    setText(byId("token-problem"), hasToken() ? "That token was rejected." : "");
    dropToken();
    this.#form.hidden = false;
    setText(byId("live"), "Locked");
    this.#text.focus();
  }
}
