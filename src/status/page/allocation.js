// The view of one loop: its facts, its last words, a large timeline, its events, and commands for Nomad.
import { get, Refusal } from "./api.js";
import { commandItem, commandsFor } from "./commands.js";
import { contextFacts, LastWords } from "./context.js";
import { element, setText } from "./element.js";
import { eventRow } from "./event_row.js";
import { factsOf, verdictOf, wishesOf } from "./facts.js";
import { endOf, nameOf } from "./loop_row.js";
import { pictureOf } from "./picture.js";
import { capital, plain } from "./words.js";

/** @typedef {import("../view.ts").AllocationView} AllocationView */
/** @typedef {import("../view.ts").LoopView} LoopView */

const restoredWords =
  "The loop was already firing before the detector started; of earlier events this is what its state kept.";
const noCommandWords = "A name has characters that shells read differently; commands with it are left out.";
/** Events that the detector keeps of one loop. */
const eventLimit = 200;

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
  #lastWords = new LastWords();
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
      this.#lastWords.element,
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
  #render(view) {
    const { loop, restored, events, context } = view;
    setText(this.#title, nameOf(loop));
    document.title = `${nameOf(loop)} · nomad-crashloop-detector`;
    setText(this.#reason, capital(plain(loop.reason)));
    this.#showFacts(view);
    this.#lastWords.show(context);
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

  /** @param {AllocationView} view */
  #showFacts({ loop, context }) {
    const { what } = this.context();
    /** @type {[string, string | Node][]} */
    const facts = [...wishesOf(loop), ...contextFacts(loop, context, what), ...factsOf(loop, what)];
    this.#facts.replaceChildren(
      ...facts.map(([name, value]) => {
        const shown = typeof value === "string" ? plain(value) : value;
        return element("div", {}, element("dt", {}, name), element("dd", {}, shown));
      }),
    );
  }

  /** Updates the times and the timeline. */
  tick() {
    if (!this.#view) return;
    const { loop, events } = this.#view;
    const context = this.context();
    const { now } = context;
    const ended = endOf(loop);
    this.#status.className = `verdict ${loop.status}`;
    setText(this.#status, verdictOf(loop, context));
    const until = ended === null ? now : Math.max(Date.parse(ended), Date.parse(events.at(-1)?.at ?? ended));
    if (until === this.#drawnAt || (ended === null && now - this.#drawnAt < 5_000)) return;
    this.#drawnAt = until;
    this.#picture.replaceChildren(...pictureOf(this.#view, until, context));
  }
}

/**
 * @param {string} title
 * @param {...Node} content
 */
function section(title, ...content) {
  return element("section", {}, element("h2", {}, title), ...content);
}
