// What was asked about a loop when it was notified: its change, its allocations, and its last words.
import { element, setText } from "./element.js";
import { isOlder } from "./loop_row.js";
import { capital, exact, number, plain, span } from "./words.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {NonNullable<import("../view.ts").AllocationView["context"]>} Context */

/**
 * Names and values of what is known of the job as it runs now.
 *
 * @param {LoopView} loop
 * @param {Context | null} context
 * @param {string} what what is counted, in the singular
 * @returns {[string, string][]}
 */
export function contextFacts(loop, context, what) {
  const { Change: change, Allocations: allocations } = context ?? {};
  /** @type {[string, string | undefined][]} */
  const facts = [
    ["Allocations", allocations && allocationWords(allocations)],
    ["Job version", change && versionWords(loop, change, what)],
    ["Version before", change?.Previous && previousWords(change.Previous)],
    ["Image", change?.Image],
    ["Command", change?.Command],
    ["Deployment", change?.Deployment && deploymentWords(change.Deployment)],
  ];
  return facts.flatMap(([name, value]) => value === undefined || value === "" ? [] : [[name, value]]);
}

/** @param {NonNullable<Context["Allocations"]>} allocations */
function allocationWords({ Total, Looping, Running }) {
  return `${number(Looping)} of ${number(Total)} ${Total === 1 ? "allocation loops" : "allocations loop"}, ` +
    `${number(Running)} ${Running === 1 ? "runs" : "run"}`;
}

/**
 * @param {LoopView} loop
 * @param {NonNullable<Context["Change"]>} change
 * @param {string} what
 */
function versionWords(loop, { JobVersion, Submitted }, what) {
  const after = Date.parse(loop.since) - Date.parse(Submitted);
  const began = isOlder(loop, what)
    ? ""
    : after < 0
    ? "; the loop began before that"
    : `; the loop began ${span(after)} later`;
  return `${number(JobVersion)}, submitted ${exact(Submitted)}${began}`;
}

/** @param {NonNullable<NonNullable<Context["Change"]>["Previous"]>} previous */
function previousWords({ JobVersion, Stable }) {
  return `${number(JobVersion)}, ${Stable ? "stable" : "not marked as stable"}`;
}

/** @param {NonNullable<NonNullable<Context["Change"]>["Deployment"]>} deployment */
function deploymentWords({ ID, Status, Description }) {
  return `${ID.slice(0, 8)} ${Status}${Description ? `: ${Description}` : ""}`;
}

/** The last lines that the task wrote, or why there are none. */
export class LastWords {
  #missing = element("p", { class: "note", hidden: true });
  #streams = [new Stream("stderr"), new Stream("stdout")];
  /** The element, hidden while nothing is known. */
  element = element(
    "section",
    { hidden: true },
    element("h2", {}, "Last words"),
    this.#missing,
    ...this.#streams.map((stream) => stream.element),
  );

  /** @param {Context | null} context */
  show(context) {
    const { Stderr, Stdout, Missing } = context?.LastWords ?? {};
    this.element.hidden = !context?.LastWords;
    this.#missing.hidden = Missing === undefined;
    setText(this.#missing, Missing === undefined ? "" : sentence(plain(Missing)));
    for (const [index, lines] of [Stderr, Stdout].entries()) this.#streams[index]?.show(lines);
  }
}

/** The lines of one stream. */
class Stream {
  #lines;
  element;

  /** @param {string} name */
  constructor(name) {
    const label = `Last lines of ${name}`;
    this.#lines = element("pre", { tabindex: 0, role: "region", "aria-label": label });
    this.element = element("div", { class: "stream", hidden: true }, element("h3", {}, name), this.#lines);
  }

  /** @param {readonly string[] | undefined} lines */
  show(lines) {
    this.element.hidden = lines === undefined;
    const text = lines?.map(written).join("\n") ?? "";
    if (this.#lines.textContent === text) return;
    setText(this.#lines, text);
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}

/** A line with its tabs, and nothing hidden. @param {string} line */
function written(line) {
  return line.split("\t").map(plain).join("\t");
}

/** @param {string} text */
function sentence(text) {
  return `${capital(text)}${/[.!?]$/.test(text) ? "" : "."}`;
}
