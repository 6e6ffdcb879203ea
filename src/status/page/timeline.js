// Timelines as SVG: the last hour of a loop as small bars, and all events of an allocation on a large one.
import { setAttribute, svg } from "./element.js";
import { counted, span } from "./words.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").EventView} EventView */

const hour = 3_600_000;
const day = 24 * hour;
const bars = 60;
const height = 24;

/**
 * An hour of a loop, a bar a minute.
 *
 * @returns {SVGSVGElement}
 */
export function smallTimeline() {
  return svg(
    "svg",
    { class: "small", viewBox: `0 0 ${bars * 3} ${height}`, role: "img", preserveAspectRatio: "none" },
    svg("path", {
      class: "ground",
      d: `M0 ${height - 0.5}H${bars * 3}M60 ${height - 3}v3M120 ${height - 3}v3`,
    }),
    svg("path", { class: "bars" }),
  );
}

/**
 * Draws the hour before `until` into it.
 *
 * @param {SVGSVGElement} into
 * @param {LoopView} loop
 * @param {string} what what is counted, in the singular
 * @param {number} until milliseconds since the Unix epoch
 * @param {string} [whose] said of the bars, if they are of one loop among others
 */
export function drawSmall(into, { timeline, status }, what, until, whose = "") {
  const counts = new Array(bars).fill(0);
  let shown = 0;
  for (const time of timeline) {
    const ago = until - time;
    if (ago >= hour || ago < -60_000) continue;
    counts[bars - 1 - Math.max(0, Math.floor(ago / (hour / bars)))]++;
    shown++;
  }
  const path = counts.map((count, bar) =>
    count === 0 ? "" : `M${bar * 3} ${height - 1}v${-barHeight(count)}h2V${height - 1}z`
  );
  setAttribute(/** @type {Element} */ (into.lastElementChild), "d", path.join("") || "M0 0");
  setAttribute(
    into,
    "aria-label",
    `${counted(shown, what)}${whose} in the ${status === "looping" ? "last hour" : "hour before"}`,
  );
}

/**
 * One stands out, twice as many are a step higher, and many do not hide the few.
 *
 * @param {number} count
 */
function barHeight(count) {
  return Math.min(height - 2, 7 + Math.round(5 * Math.log2(count)));
}

const steps = [1, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400]
  .map((seconds) => seconds * 1000);
const wide = 1000;
const laneHeight = 30;

/**
 * All events on one axis, from the first to `until`: restarts, what failed, what started, and the rest, a lane each.
 *
 * @param {readonly EventView[]} events oldest first
 * @param {readonly number[]} restarts milliseconds since the Unix epoch
 * @param {number} until milliseconds since the Unix epoch
 * @param {string} what what the restarts are called, in the singular
 * @returns {{ picture: SVGSVGElement, lanes: string[], ticks: { at: number, label: string }[] }} the picture, what its
 * lanes are called, from the top, and what to write under it: at which part of its width, from 0 to 1
 */
export function largeTimeline(events, restarts, until, what) {
  const times = [...events.map(({ at }) => Date.parse(at)), ...restarts];
  const first = times.length === 0 ? until - hour : Math.min(...times);
  const length = Math.max(until - first, 10_000) * 1.02;
  const x = (/** @type {number} */ time) => Math.round((1 - (until - time) / length) * wide * 10) / 10;
  const ticks = ticksOf(length).map(({ ago, label }) => ({ at: x(until - ago) / wide, label }));
  const lanes = lanesOf(events, restarts, what);
  const bottom = laneHeight * lanes.length;
  const marks = lanes.map(({ times }, index) =>
    times.map((time) => `M${x(time)} ${index * laneHeight + 4}v${laneHeight - 8}`)
  );
  const grid = [
    ...ticks.map(({ at }) => `M${at * wide} 0V${bottom}`),
    ...lanes.map((_, index) => `M0 ${(index + 1) * laneHeight}H${wide}`),
  ];
  const summary = `${counted(restarts.length, what)} and ${counted(events.length, "event")} over ${
    span(until - first)
  }`;
  const picture = svg(
    "svg",
    {
      class: "large",
      viewBox: `0 0 ${wide} ${bottom}`,
      height: bottom,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${summary}; all of them are in the table of events`,
    },
    svg("path", { class: "grid", d: grid.join("") }),
    ...marks.map((path, index) => svg("path", { class: `marks lane-${index}`, d: path.join("") || "M0 0" })),
  );
  return { picture, lanes: lanes.map(({ name }) => name), ticks };
}

/**
 * The ticks of an axis of this length, each with a label of its own; the first, at its end, has none.
 *
 * @param {number} length in milliseconds
 * @returns {{ ago: number, label: string }[]}
 */
export function ticksOf(length) {
  const step = steps.find((one) => length / one <= 8) ?? Math.ceil(length / 8 / day) * day;
  const ticks = [];
  for (let ago = 0; ago < length; ago += step) {
    const seconds = ago > 60_000 && ago % 60_000 !== 0 ? ` ${ago % 60_000 / 1000} s` : "";
    ticks.push({ ago, label: ago === 0 ? "" : `−${span(ago)}${seconds}` });
  }
  return ticks;
}

/**
 * @param {readonly EventView[]} events
 * @param {readonly number[]} restarts
 * @param {string} what
 */
function lanesOf(events, restarts, what) {
  const known = new Set(restarts);
  const lanes = [
    { name: `${what}s`, times: [...restarts] },
    ...["failed", "started", "other"].map((name) => ({ name, times: /** @type {number[]} */ ([]) })),
  ];
  for (const event of events) {
    const time = Date.parse(event.at);
    if (event.type === "Restarting" && known.has(time)) continue;
    lanes[laneOf(event)]?.times.push(time);
  }
  return lanes.filter(({ times }, index) => index === 0 || times.length > 0);
}

/**
 * The lane of an event below that of the restarts: 1 of what failed, 2 of what started, 3 of the rest.
 *
 * @param {Pick<EventView, "type" | "failed" | "exitCode" | "signal">} event
 */
export function laneOf({ type, failed, exitCode, signal }) {
  if (failed || /fail|not restarting/i.test(type) || (exitCode ?? 0) !== 0 || (signal ?? 0) !== 0) return 1;
  return type === "Started" ? 2 : 3;
}
