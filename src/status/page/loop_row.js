// One loop as a row of the table; on a narrow screen it looks like a card.
import { element, setAttribute, setText } from "./element.js";
import { drawSmall, smallTimeline } from "./timeline.js";
import { capital, clock, exact, number, plain, span } from "./words.js";

/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {Extract<import("../view.ts").RowView, { kind: "loop" }>} LoopRowView */
/**
 * What rows are shown against: what is counted, in the singular; the time now, in milliseconds since the Unix epoch;
 * and the word for a time before it.
 * @typedef {{ what: string, now: number, ago: string }} RowContext
 */

/**
 * The address of a loop's own view: by name if it is active, so that it stays valid; otherwise by id, since the name
 * may loop again.
 *
 * @param {LoopView} loop
 * @returns {string}
 */
export function addressOf({ status, name, id }) {
  return `/allocation/${encodeURIComponent(status === "looping" ? name : id)}`;
}

/**
 * When a loop was resolved or given up; null while it is active.
 *
 * @param {LoopView} loop
 * @returns {string | null}
 */
export function endOf({ resolvedAt, gaveUpAt }) {
  return resolvedAt ?? gaveUpAt;
}

/** A row that shows one loop, and can show it again as it changed. */
export class Row {
  #link = element("a", { "data-route": true });
  #tags = element("span", { class: "tags" });
  #where = element("span", { class: "where" });
  #because = element("span", { class: "because" });
  #why = element("span", { class: "clamp" });
  #count = element("strong");
  #unit = element("span", { class: "unit" });
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
      element("span", { class: "line" }, this.#link, this.#tags),
      this.#where,
    ),
    element("td", { role: "cell", class: "why" }, this.#because, this.#why),
    element("td", { role: "cell", class: "count" }, this.#count, " ", this.#unit),
    element("td", { role: "cell", class: "hour" }, this.#picture),
    element("td", { role: "cell", class: "since" }, this.#ago, " ", this.#exact),
  );
  /** @type {LoopView | undefined} */
  loop;
  #level = -1;
  /** Where it is in the list, from 0. */
  index = -1;
  #drawnAt = 0;

  /** @param {string} key that of the row */
  constructor(key) {
    this.key = key;
  }

  /**
   * @param {LoopRowView} view
   * @param {number} index from 0
   * @param {RowContext} context
   */
  show({ loop, level }, index, { what, now, ago }) {
    const changed = this.loop !== loop || this.#level !== level;
    this.loop = loop;
    this.#level = level;
    this.index = index;
    setAttribute(this.element, "aria-rowindex", index + 2);
    if (changed) {
      setAttribute(this.#link, "href", addressOf(loop));
      setText(this.#link, nameOf(loop));
      setAttribute(this.#link, "title", plain(loop.name));
      setText(this.#where, whereOf(loop));
      setText(this.#why, capital(plain(loop.reason)));
      setAttribute(this.#why, "title", plain(loop.reason));
      setText(this.#count, number(loop.count));
      setText(this.#unit, loop.count === 1 ? what : `${what}s`);
      const because = loop.muted === null ? "" : `muted: ${plain(loop.muted)}`;
      setText(this.#because, because);
      setAttribute(this.#because, "title", because || null);
      showTags(this.#tags, { critical: loop.severity === "critical", storm: loop.cause?.kind === "storm" });
      const muted = loop.muted === null ? "" : " muted";
      setAttribute(this.element, "class", `${loop.status} level-${level}${muted}`);
    }
    this.tick({ what, now, ago }, changed);
  }

  /**
   * Moves its times on.
   *
   * @param {RowContext} context
   * @param {boolean} [draw] whether the timeline must be drawn in any case
   */
  tick({ what, now, ago }, draw = false) {
    const { loop } = this;
    if (!loop) return;
    const { since } = loop;
    const endedAt = endOf(loop);
    setAttribute(this.#ago, "datetime", endedAt ?? since);
    setAttribute(this.#ago, "title", exact(endedAt ?? since));
    if (endedAt === null) {
      setText(this.#ago, `for ${isOlder(loop, what) ? "over " : ""}${span(now - Date.parse(since))}`);
      setText(this.#exact, clock(since, now));
    } else {
      setText(this.#ago, `${span(now - Date.parse(endedAt))} ${ago}`);
      setText(this.#exact, `${clock(endedAt, now)}, after ${span(Date.parse(endedAt) - Date.parse(since))}`);
    }
    const until = endedAt === null ? now : Date.parse(endedAt);
    if (!draw && (until === this.#drawnAt || now - this.#drawnAt < 15_000)) return;
    this.#drawnAt = until;
    drawSmall(this.#picture, loop, what, until);
  }

  /** Whether the keyboard is on it. */
  get focused() {
    return document.activeElement === this.#link;
  }

  focus() {
    this.#link.focus({ preventScroll: true });
  }
}

/**
 * A row that is not loaded yet.
 *
 * @param {number} index
 * @returns {HTMLElement}
 */
export function emptyRow(index) {
  return element(
    "tr",
    { role: "row", class: "unknown", "aria-rowindex": index + 2 },
    element("td", { role: "cell" }, "…"),
  );
}

/**
 * The name without its namespace, which is shown beside it.
 *
 * @param {LoopView} loop
 * @returns {string}
 */
export function nameOf({ name, namespace }) {
  return withoutNamespace(name, namespace);
}

/**
 * @param {string} name
 * @param {string | null} namespace
 * @returns {string}
 */
export function withoutNamespace(name, namespace) {
  const prefix = `${namespace}/`;
  return plain(namespace !== null && name.startsWith(prefix) ? name.slice(prefix.length) : name);
}

/**
 * Shows what sets a row apart, beside its name.
 *
 * @param {Element} into
 * @param {{ critical: boolean, storm: boolean }} what
 */
export function showTags(into, { critical, storm }) {
  const wanted = [critical ? "critical" : "", storm ? "storm" : ""].filter((tag) => tag !== "");
  if (into.textContent === wanted.join("")) return;
  into.replaceChildren(...wanted.map((tag) => element("span", { class: `tag ${tag}` }, tag)));
}

/**
 * A node in words; of an id only its beginning.
 *
 * @param {string} node
 * @returns {string}
 */
export function placeOf(node) {
  return plain(`on ${/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(node) ? node.slice(0, 8) : node}`);
}

/**
 * Whether it may have begun earlier than `since`: after a start, restarts that had left the window are unknown.
 *
 * @param {LoopView} loop
 * @param {string} what what is counted
 * @returns {boolean}
 */
export function isOlder({ firstNotifiedAt }, what) {
  return firstNotifiedAt === null && what === "restart";
}

/** @param {LoopView} loop */
function whereOf({ name, namespace, job, group, task, node }) {
  // Most names begin with the job and end with the task, or with its group, which mostly has the task's name.
  const said = name.replace(/@[^/]*$/, "");
  return [
    namespace,
    said.startsWith(`${job}.`) || said.includes(`/${job}.`) ? null : `job ${job}`,
    task === null || task === group || said.endsWith(`/${task}`) ? null : `task ${task}`,
    node && placeOf(node),
  ]
    .filter((part) => part !== null).map(plain).join(" · ");
}
