// Commands for Nomad about a loop, each with a button that copies it.
import { element, setText } from "./element.js";
import { nomadCommand, plain } from "./words.js";

/** @typedef {import("../view.ts").LoopView} LoopView */

/**
 * Commands for Nomad about the loop, with its namespace, since Nomad looks for an allocation in one only. Those that
 * cannot be quoted safely are left out.
 *
 * @param {LoopView} loop
 * @returns {string[]}
 */
export function commandsFor({ allocation, task, namespace, job }) {
  const ofAllocation = allocation === null ? [] : [
    nomadCommand("alloc status", namespace, [allocation]),
    nomadCommand("alloc logs -stderr", namespace, task === null ? [allocation] : [allocation, task]),
  ];
  return [...ofAllocation, nomadCommand("job status", namespace, [job])]
    .filter((command) => command !== undefined);
}

/**
 * A command and its button.
 *
 * @param {string} command
 * @returns {HTMLElement}
 */
export function commandItem(command) {
  const result = element("span", { class: "hidden", role: "status" });
  const button = element("button", { type: "button", "aria-label": `Copy: ${plain(command)}` }, "Copy");
  const code = element("code", {}, plain(command));
  button.addEventListener("click", async () => {
    const copied = await copy(command);
    setText(button, copied ? "Copied" : "Not copied");
    setText(result, copied ? "Copied" : "Not copied");
    setTimeout(() => {
      setText(button, "Copy");
      setText(result, "");
    }, 2000);
  });
  return element("li", {}, code, button, result);
}

/**
 * Puts a text on the clipboard; browsers let only pages of https and localhost do it the new way.
 *
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function copy(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // The old way may do.
  }
  const area = element("textarea", { class: "hidden", readonly: true });
  area.value = text;
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}
