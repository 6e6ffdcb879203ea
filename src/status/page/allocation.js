// The view of one loop: its facts, a large timeline, its events, and commands for Nomad.
import { get, Refusal } from "./api.js";
import { element, setText } from "./element.js";
import { endOf, isOlder, nameOf } from "./loop_row.js";
import { largeTimeline } from "./timeline.js";
import {
  capital,
  clock,
  counted,
  exact,
  exitCodeWords,
  nomadCommand,
  number,
  plain,
  signalWords,
  span,
  written,
} from "./words.js";

/** @typedef {import("../view.ts").AllocationView} AllocationView */
/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").EventView} EventView */

const restoredWords =
  "The loop was already firing before the detector started; of earlier events this is what its state kept.";
const noCommandWords = "A name has characters that shells read differently; commands with it are left out.";
/** Events that the detector keeps of one loop. */
const eventLimit = 200;

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

/** The view of one loop, which is loaded again when the loop changes. */
export class Allocation {
  /** @type {AllocationView | undefined} */
  #view;
  #key = "";
  #timer = 0;
  #lastRequest = -Infinity;
  #drawnAt = 0;
  #title = element("h1", { tabindex: -1 });
  #status = element("p", { class: "verdict" });
  #reason = element("p", { class: "reason" });
  #facts = element("dl", { class: "facts" });
  #picture = element("div", { class: "picture" });
  #commands = element("ul", { class: "commands" });
  #noCommand = element("p", { class: "note", hidden: true }, noCommandWords);
  #events = element("tbody", { role: "rowgroup" });
  #caption = element("p", { class: "note" });
  #found = element("div", {});
  #missing = element("p", { class: "note", role: "status", hidden: true });

  /**
   * @param {object} options
   * @param {HTMLElement} options.into
   * @param {() => import("./loop_row.js").RowContext} options.context
   * @param {(error: unknown) => void} options.failed
   */
  constructor({ into, context, failed }) {
    this.into = into;
    this.context = context;
    this.failed = failed;
    const columns = ["Time", "Event", "Message", "Exit", "Allocation"];
    const head = columns.map((name) => element("th", { role: "columnheader", scope: "col" }, name));
    this.#found.append(
      this.#status,
      this.#reason,
      this.#facts,
      section("Timeline", this.#picture),
      section("Commands", this.#commands, this.#noCommand),
      section(
        "Events",
        this.#caption,
        element(
          "table",
          { class: "events", role: "table", "aria-label": "Events, newest first" },
          element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
          this.#events,
        ),
      ),
    );
    into.append(
      element(
        "p",
        { class: "back" },
        element("a", { href: "/", "data-route": true, "data-back": true }, "← All loops"),
      ),
      this.#title,
      this.#missing,
      this.#found,
    );
  }

  /**
   * Shows another loop.
   *
   * @param {string} key its name, or an id
   */
  async show(key) {
    if (key !== this.#key) {
      this.#view = undefined;
      this.#found.hidden = true;
      this.#missing.hidden = true;
      setText(this.#title, plain(key));
    }
    this.#key = key;
    await this.load();
  }

  focus() {
    this.#title.focus({ preventScroll: true });
  }

  /** Stops following the loop. */
  leave() {
    this.#key = "";
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** @param {LoopView} loop one that changed */
  take(loop) {
    const shown = this.#view?.loop;
    if (loop.id !== shown?.id && loop.name !== shown?.name && loop.name !== this.#key) return;
    if (this.#timer !== 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.load();
    }, Math.max(0, this.#lastRequest + 1000 - performance.now()));
  }

  /** Loads the loop again; the view stays until the response is here. */
  async load() {
    const key = this.#key;
    if (key === "") return;
    this.#lastRequest = performance.now();
    try {
      /** @type {AllocationView} */
      const view = await get(`allocations/${encodeURIComponent(key)}`);
      if (key !== this.#key) return;
      this.#view = view;
      this.#found.hidden = false;
      this.#missing.hidden = true;
      this.#render(view);
    } catch (error) {
      if (key !== this.#key) return;
      if (!(error instanceof Refusal) || error.status !== 404) {
        this.failed(error);
        return;
      }
      this.#found.hidden = true;
      this.#missing.hidden = false;
      setText(
        this.#missing,
        "No crash loop of this name is known: there was none, or it was resolved long ago.",
      );
    }
  }

  /** @param {AllocationView} view */
  #render({ loop, restored, events }) {
    setText(this.#title, nameOf(loop));
    document.title = `${nameOf(loop)} · nomad-crashloop-detector`;
    setText(this.#reason, capital(plain(loop.reason)));
    this.#showFacts(loop);
    const commands = commandsFor(loop);
    this.#commands.replaceChildren(...commands.map(commandItem));
    this.#noCommand.hidden = commands.length === (loop.allocation === null ? 1 : 3);
    const newestFirst = [...events].reverse();
    const limited = events.length < eventLimit ? "" : `The last ${eventLimit}. `;
    const caption = events.length === 0
      ? "No events are kept of this loop."
      : `${limited}Newest first; times are the detector's.`;
    setText(this.#caption, restored ? `${caption} ${restoredWords}` : caption);
    this.#events.replaceChildren(...newestFirst.map(eventRow));
    this.#drawnAt = 0;
    this.tick();
  }

  /** @param {LoopView} loop */
  #showFacts(loop) {
    const { what } = this.context();
    /** @type {[string, string | null][]} */
    const facts = [
      ["Namespace", loop.namespace],
      ["Job", loop.job],
      ["Group", loop.group],
      ["Task", loop.task],
      ["Node", loop.node],
      ["Allocation", loop.allocation],
      ["Since", exact(loop.since)],
      [`Last ${what}`, exact(loop.lastAt)],
      ["Given up", loop.gaveUpAt === null ? null : exact(loop.gaveUpAt)],
      ["Resolved", loop.resolvedAt === null ? null : exact(loop.resolvedAt)],
      [`${capital(what)}s`, number(loop.count)],
      ["Exit code", loop.exitCode === null ? null : exitCodeWords(loop.exitCode)],
      ["Alerts", number(loop.notifications)],
      ["First alert", loop.firstNotifiedAt === null ? null : exact(loop.firstNotifiedAt)],
      ["Loop", loop.id],
    ];
    const known = facts.filter((/** @returns {fact is [string, string]} */ fact) => fact[1] !== null);
    this.#facts.replaceChildren(
      ...known.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, plain(`${value}`)))
      ),
    );
  }

  /** Updates the times and the timeline. */
  tick() {
    if (!this.#view) return;
    const { loop, events } = this.#view;
    const { what, now, ago } = this.context();
    const ended = endOf(loop);
    const [over, before] = isOlder(loop, what) ? ["over ", "before "] : ["", ""];
    const [first, rest] = ended === null
      ? [
        `Crash-looping for ${over}${span(now - Date.parse(loop.since))}`,
        `since ${before}${clock(loop.since, now)}`,
      ]
      : [
        `${loop.status === "gave-up" ? "Given up" : "Resolved"} ${span(now - Date.parse(ended))} ${ago}`,
        `after ${over}${span(Date.parse(ended) - Date.parse(loop.since))}`,
      ];
    this.#status.className = `verdict ${loop.status}`;
    setText(
      this.#status,
      `${first}, ${rest} · ${counted(loop.count, what)}, the last ${
        span(now - Date.parse(loop.lastAt))
      } ${ago}`,
    );
    const until = ended === null ? now : Math.max(Date.parse(ended), Date.parse(events.at(-1)?.at ?? ended));
    if (until === this.#drawnAt || (ended === null && now - this.#drawnAt < 5_000)) return;
    this.#drawnAt = until;
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
    this.#picture.replaceChildren(legend, element("div", { class: "plot" }, picture, axis));
  }
}

/**
 * @param {string} title
 * @param {...Node} content
 */
function section(title, ...content) {
  return element("section", {}, element("h2", {}, title), ...content);
}

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

/** @param {EventView} event */
function eventRow({ at, type, message, exitCode, signal, allocation, task, node }) {
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

/** @param {string} command */
function commandItem(command) {
  const said = element("span", { class: "hidden", role: "status" });
  const button = element("button", { type: "button", "aria-label": `Copy: ${plain(command)}` }, "Copy");
  const code = element("code", {}, plain(command));
  button.addEventListener("click", async () => {
    const copied = await copy(command);
    setText(button, copied ? "Copied" : "Not copied");
    setText(said, copied ? "Copied" : "Not copied");
    setTimeout(() => {
      setText(button, "Copy");
      setText(said, "");
    }, 2000);
  });
  return element("li", {}, code, button, said);
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
