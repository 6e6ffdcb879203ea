// One event of a loop as a row of the table.
import { element } from "./element.js";
import { exact, exitCodeWords, plain, signalWords } from "./words.js";

/** @typedef {import("../view.ts").EventView} EventView */

/**
 * How a process ended: `1`, `137 (SIGKILL)`, `137, signal 9 (SIGKILL)`.
 *
 * @param {number | null} exitCode
 * @param {number} signal 0 where it was none
 */
function exitWords(exitCode, signal) {
  if (signal === 0) return exitCode === null ? "" : exitCodeWords(exitCode);
  return `${exitCode === null ? "" : `${exitCode}, `}signal ${signalWords(signal)}`;
}

/**
 * The row of an event.
 *
 * @param {EventView} event
 * @returns {HTMLElement}
 */
export function eventRow({ at, type, message, exitCode, signal, allocation, task, node }) {
  const exit = exitWords(exitCode, signal ?? 0);
  const failed = (exitCode ?? 0) !== 0 || (signal ?? 0) !== 0;
  const place = [allocation ?? "", task === null ? "" : `task ${task}`, node === null ? "" : `on ${node}`];
  return element(
    "tr",
    { role: "row" },
    element(
      "td",
      { role: "cell", class: "at" },
      element("time", { datetime: at, title: at }, exact(at).slice(0, 23)),
    ),
    element("td", { role: "cell", class: "type" }, plain(type)),
    element("td", { role: "cell", class: "message" }, plain(message)),
    element("td", { role: "cell", class: failed ? "exit failed" : "exit" }, exit === "" ? "–" : exit),
    element(
      "td",
      { role: "cell", class: "id", title: plain(place.filter((part) => part !== "").join(", ")) },
      allocation === null ? "–" : plain(allocation.slice(0, 8)),
    ),
  );
}
