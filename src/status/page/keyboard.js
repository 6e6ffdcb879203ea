// The keyboard: j and k walk through the rows of all lists, / searches, Escape goes back.
import { byId } from "./element.js";

/** @typedef {import("./router.js").Router} Router */
/** @typedef {import("./search.js").Search} Search */

/**
 * Listens to the keyboard from now on.
 *
 * @param {Router} router
 * @param {Search} search
 */
export function listenToKeyboard(router, search) {
  const list = byId("list");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || router.isLocked()) return;
    const { target, key } = event;
    if (search.is(target)) {
      if (key === "Escape") search.clear();
      else if (key === "ArrowDown" || key === "Enter") move(router, 0);
      else return;
    } else if (target instanceof HTMLInputElement) return;
    else if (key === "Escape" && !byId("allocation").hidden) router.back();
    else if (key === "/" && !list.hidden) search.select();
    else if ((key === "j" || key === "ArrowDown") && !list.hidden) move(router, 1);
    else if ((key === "k" || key === "ArrowUp") && !list.hidden) move(router, -1);
    else return;
    event.preventDefault();
  });
}

/**
 * Moves the focus by rows, from one list into the next.
 *
 * @param {Router} router
 * @param {number} by
 */
function move(router, by) {
  const { lists } = router;
  const { list, index } = router.focusedRow();
  if (!list) return;
  if (index === -1) {
    // The row with the focus scrolled out of sight or was resolved.
    const last = list.lastFocusAt;
    if (list.total) list.focus(Math.min(Math.max(0, last), list.total - 1));
    else lists.slice(1).some((other) => other.focus(0));
    return;
  }
  if (list.focus(index + by)) return;
  const at = lists.indexOf(list);
  const others = by > 0 ? lists.slice(at + 1) : lists.slice(0, at).reverse();
  others.some((other) => other.focus(by > 0 ? 0 : (other.total ?? 0) - 1));
}
