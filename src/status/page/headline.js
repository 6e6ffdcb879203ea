// The headline: how many loops are active, how many more are muted, and the note shown if there is none.
import { byId, element, setText } from "./element.js";
import { messagesOf, ruleWords } from "./state.js";
import { clock, counted, number, span } from "./words.js";

/** @typedef {import("../view.ts").StatusView} StatusView */
/** @typedef {import("./loops.js").Loops} Loops */

/**
 * @param {StatusView} status
 * @param {{ looping: Loops, gaveUp: Loops, resolved: Loops }} lists
 * @param {{ now: number, isLost: boolean }} context the detector's wall clock, and whether the page is not live
 */
export function showHeadline(status, { looping, gaveUp, resolved }, { now, isLost }) {
  if (looping.total === undefined) return;
  const { loops, muted, allMuted } = looping.counts;
  const total = loops - muted;
  const { q } = looping.query();
  const ended = resolved.counts.loops;
  const headline = byId("headline");
  const when = status.source.ended ? "at the end" : "now";
  const text = total === 0 && q === ""
    ? `No crash loops${status.source.ended ? " at the end" : ""}`
    : `${number(total)} crash-looping ${when}`;
  setText(
    headline,
    q === ""
      ? text
      : `${number(total)} of ${number(Math.max(loops, status.activeLoops) - allMuted)} crash loops match`,
  );
  headline.className = total === 0 ? "" : "looping";
  if (byId("allocation").hidden) {
    document.title = `${isLost ? "Not live: " : ""}${text} · nomad-crashloop-detector`;
  }
  const mutedToo = byId("muted");
  mutedToo.hidden = muted === 0;
  setText(mutedToo, `${number(muted)} muted${q === "" ? "" : " match"}`);
  const jump = byId("jump");
  jump.hidden = ended === 0 || looping.total < 4;
  setText(/** @type {Element} */ (jump.firstElementChild), `${number(ended)} resolved recently ↓`);
  byId("gave-up").hidden = !gaveUp.total;
  byId("resolved").hidden = resolved.total === 0;
  if (looping.total > 0) looping.note();
  else if (q === "" && gaveUp.total) {
    looping.note("No active crash loop; what Nomad has given up stays down.");
  } else if (q !== "") looping.note(`No active loop matches “${q}”.`);
  else looping.note(...allIsWell(status, now));
}

/**
 * What was processed, and that all is well if that is known.
 *
 * @param {StatusView} view
 * @param {number} now
 */
function allIsWell(view, now) {
  const messages = messagesOf(view);
  const { source } = view;
  const well = !source.up
    ? "No active loop is known, but the detector is blind until its source is up again."
    : messages === 0
    ? "No messages received yet, so nothing is known about any allocation."
    : "All is well.";
  const running = `${clock(view.startedAt, now)} (${span(now - Date.parse(view.startedAt))})`;
  return [
    element("strong", {}, well),
    element(
      "span",
      {},
      `Processed ${counted(messages, "message")} from ${source.type} since ${running}; ` +
        `tracking ${counted(view.trackedKeys, "key")}. Alerts fire at ${ruleWords(view)}.`,
    ),
  ];
}
