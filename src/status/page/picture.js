// The large timeline of one loop with its legend and its axis.
import { element } from "./element.js";
import { endOf } from "./loop_row.js";
import { largeTimeline } from "./timeline.js";
import { clock, written } from "./words.js";

/** @typedef {import("../view.ts").AllocationView} AllocationView */

/**
 * The timeline with its legend and axis.
 *
 * @param {AllocationView} view
 * @param {number} until its end, in milliseconds since the Unix epoch
 * @param {import("./loop_row.js").RowContext} context
 * @returns {HTMLElement[]}
 */
export function pictureOf({ loop, events }, until, { what, now, ago }) {
  const ended = endOf(loop);
  const { picture, lanes, ticks } = largeTimeline(events, loop.timeline, until, what);
  const axis = element("p", { class: "axis", "aria-hidden": "true" });
  for (const { at, label } of ticks) {
    const mark = element(
      "span",
      {},
      label || (ended !== null ? clock(written(until, ended), now) : ago === "ago" ? "now" : "the end"),
    );
    mark.style.left = `${at * 100}%`;
    axis.append(mark);
  }
  const legend = element(
    "p",
    { class: "legend", "aria-hidden": "true" },
    ...lanes.map((name) => element("span", {}, name)),
  );
  return [legend, element("div", { class: "plot" }, picture, axis)];
}
