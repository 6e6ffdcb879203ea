// Loops of one job, or the jobs that loop on one node, as a row that opens.
import { element, setAttribute, setText } from "./element.js";
import { endOf, isOlder, placeOf, showTags, withoutNamespace } from "./loop_row.js";
import { drawSmall, smallTimeline } from "./timeline.js";
import { capital, clock, counted, exact, number, plain, span } from "./words.js";

/** @typedef {import("../view.ts").GroupView} GroupView */
/** @typedef {import("./loop_row.js").RowContext} RowContext */

/** A row that shows one group, and can show it again as it changed. */
export class GroupRow {
  #button = element("button", { type: "button", class: "opener" });
  #tags = element("span", { class: "tags" });
  #counts = element("strong");
  #place = element("span");
  #because = element("span", { class: "because" });
  #why = element("span", { class: "clamp" });
  #count = element("strong");
  #picture = smallTimeline();
  #ago = element("time", { class: "ago" });
  #exact = element("span", { class: "exact" });
  /** The element of the row. */
  element = element(
    "tr",
    { role: "row" },
    element(
      "td",
      { role: "rowheader", class: "name" },
      element("span", { class: "line" }, this.#button, this.#tags),
      element("span", { class: "where" }, this.#counts, this.#place),
    ),
    element("td", { role: "cell", class: "why" }, this.#because, this.#why),
    element(
      "td",
      { role: "cell", class: "count" },
      this.#count,
      " ",
      element("span", { class: "unit" }, "at worst"),
    ),
    element("td", { role: "cell", class: "hour" }, this.#picture),
    element("td", { role: "cell", class: "since" }, this.#ago, " ", this.#exact),
  );
  /** @type {GroupView | undefined} */
  group;
  /** Where it is in the list, from 0. */
  index = -1;
  #drawnAt = 0;

  /**
   * @param {string} key that of the row
   * @param {(row: GroupRow) => void} toggle called when the user opens or closes it
   */
  constructor(key, toggle) {
    this.key = key;
    this.#button.addEventListener("click", () => toggle(this));
  }

  /**
   * @param {GroupView} group
   * @param {number} index from 0
   * @param {RowContext} context
   */
  show(group, index, context) {
    const changed = this.group !== group;
    this.group = group;
    this.index = index;
    setAttribute(this.element, "aria-rowindex", index + 2);
    if (changed) this.#write(group);
    this.tick(context, changed);
  }

  /** @param {GroupView} group */
  #write(group) {
    const { kind, level, open, name, namespace, loops, muted, worst, reason, reasonLoops } = group;
    const shown = kind === "job" ? withoutNamespace(name, namespace) : capital(plain(name));
    setText(this.#button, shown);
    setAttribute(this.#button, "title", plain(name));
    setAttribute(this.#button, "aria-expanded", `${open}`);
    showTags(this.#tags, { critical: group.critical > 0, storm: group.storm });
    setText(this.#counts, kind === "job" ? countsOf(group) : "");
    setText(this.#place, kind === "job" ? placesOf(group) : "");
    const because = group.mutedBecause === null ? "" : `muted: ${plain(group.mutedBecause)}`;
    const beside = kind === "job" ? because : jobsOf(group);
    setText(this.#because, beside);
    setAttribute(this.#because, "title", beside || null);
    const why = capital(plain(reason)) +
      (reasonLoops === loops ? "" : ` (${number(reasonLoops)} of ${number(loops)})`);
    setText(this.#why, why);
    setAttribute(this.#why, "title", why);
    setText(this.#count, number(worst.count));
    const classes = [worst.status, kind, `level-${level}`, muted === loops ? "muted" : ""];
    setAttribute(this.element, "class", classes.filter((one) => one !== "").join(" "));
  }

  /**
   * Moves its times on.
   *
   * @param {RowContext} context
   * @param {boolean} [draw] whether the timeline must be drawn in any case
   */
  tick({ what, now, ago }, draw = false) {
    if (!this.group) return;
    const { worst, since, newest } = this.group;
    const endedAt = endOf(worst);
    const shown = endedAt === null ? since : newest;
    setAttribute(this.#ago, "datetime", shown);
    setAttribute(this.#ago, "title", exact(shown));
    const age = span(now - Date.parse(shown));
    setText(
      this.#ago,
      endedAt === null ? `for ${isOlder(worst, what) ? "over " : ""}${age}` : `${age} ${ago}`,
    );
    setText(this.#exact, `newest ${clock(newest, now)}`);
    const until = endedAt === null ? now : Date.parse(endedAt);
    if (!draw && (until === this.#drawnAt || now - this.#drawnAt < 15_000)) return;
    this.#drawnAt = until;
    drawSmall(this.#picture, worst, what, until, " of the worst loop");
  }

  /** Whether the keyboard is on it. */
  get focused() {
    return document.activeElement === this.#button;
  }

  focus() {
    this.#button.focus({ preventScroll: true });
  }
}

/** @param {GroupView} group */
function countsOf({ loops, gaveUp, muted }) {
  return [
    counted(loops, "loop"),
    gaveUp === 0 ? "" : `${number(gaveUp)} given up`,
    muted === 0 || muted === loops ? "" : `${number(muted)} muted`,
  ].filter((part) => part !== "").join(", ");
}

/** The jobs of a node. @param {GroupView} group */
function jobsOf(group) {
  const { jobNames, jobs } = group;
  const more = jobs > jobNames.length ? ` and ${number(jobs - jobNames.length)} more` : "";
  return `${countsOf(group)} of ${jobNames.map(plain).join(", ")}${more}`;
}

/** @param {GroupView} group */
function placesOf({ namespace, nodeNames, nodes }) {
  const [node] = nodeNames;
  const place = node === undefined ? null : nodes === 1 ? placeOf(node) : `on ${number(nodes)} nodes`;
  return [namespace === null ? null : plain(namespace), place]
    .map((part) => (part === null ? "" : ` · ${part}`)).join("");
}
