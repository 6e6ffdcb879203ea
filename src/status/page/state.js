// The bar at the top: how source, sinks and outbox are, what was seen, and in banners what is wrong.
import { byId, element, setAttribute, setText } from "./element.js";
import { capital, clock, counted, exact, number, plain, span, written } from "./words.js";

/** @typedef {import("../view.ts").StatusView} StatusView */
/** @typedef {import("../view.ts").ComponentView} ComponentView */

/**
 * Shows the state at the top.
 *
 * @param {StatusView} status
 * @param {number} now milliseconds since the Unix epoch, on the detector's wall
 */
export function showState(status, now) {
  const waiting = status.sinks.reduce((sum, sink) => sum + sink.pending, 0);
  const oldest = status.sinks.map((sink) => sink.oldestPendingAt).filter((time) => time !== null).sort()[0];
  const wait = oldest === undefined ? "" : `, the oldest for ${span(now - Date.parse(oldest))}`;
  showFacts([
    partFact("Source", status.source, now, status.source.ended),
    ...status.sinks.map((sink) => partFact("Sink", sink, now)),
    {
      name: "Outbox",
      text: waiting === 0
        ? "empty"
        : `${counted(waiting, "alert")} ${waiting === 1 ? "waits" : "wait"}${wait}`,
      loud: waiting > 0,
    },
    {
      name: "Last event",
      text: lastEventWords(status, now),
      title: status.lastEventAt === null ? "" : exact(status.lastEventAt),
    },
    { name: "Messages", text: number(messagesOf(status)), title: messageWords(status) },
    { name: "Rule", text: ruleWords(status) },
  ]);
  setText(
    byId("footer"),
    `${status.version === "" ? "" : `Version ${plain(status.version)}, `}running for ${
      span(now - Date.parse(status.startedAt))
    }, ${counted(status.notifications, "alert")} told. Times are the detector's.`,
  );
}

/**
 * @param {StatusView} status
 * @param {number} now
 */
function lastEventWords({ lastEventAt, mode }, now) {
  if (lastEventAt === null) return "none yet";
  // Of a recording it may be years ago.
  return mode === "batch" ? clock(lastEventAt, now) : `${span(now - Date.parse(lastEventAt))} ago`;
}

/** @typedef {{ name: string, text: string, title?: string, loud?: boolean }} Fact */

/**
 * @param {string} name
 * @param {ComponentView} part
 * @param {number} now
 * @param {boolean} [ended]
 * @returns {Fact}
 */
function partFact(name, { type, up, since, problem }, now, ended = false) {
  const title = `${up ? "up" : "down"} since ${exact(since)}${problem === null ? "" : `: ${problem}`}`;
  const how = ended
    ? "all read"
    : up && problem !== null
    ? "takes nothing"
    : `${up ? "up" : "down"} ${span(now - Date.parse(since))}`;
  return { name, text: `${type} ${how}`, title, loud: !up || problem !== null };
}

/** @param {Fact[]} facts */
function showFacts(facts) {
  const list = byId("state");
  while (list.children.length > facts.length) list.lastElementChild?.remove();
  while (list.children.length < facts.length) list.append(element("div", {}, element("dt"), element("dd")));
  for (const [index, { name, text, title, loud }] of facts.entries()) {
    const part = /** @type {Element} */ (list.children[index]);
    const [term, told] = /** @type {[Element, Element]} */ ([...part.children]);
    setText(term, name);
    setText(told, plain(text));
    setAttribute(part, "class", loud ? "loud" : null);
    setAttribute(told, "title", title ? plain(title) : null);
  }
}

/**
 * All messages, whatever they were.
 *
 * @param {StatusView} status
 * @returns {number}
 */
export function messagesOf({ messages: { events, others, malformed } }) {
  return events + others + malformed;
}

/** @param {StatusView} status */
function messageWords(
  { rule, messages: { events, others, malformed, duplicates, outsideWindow, requested } },
) {
  return `${counted(events, rule.counts)}, of them ${number(duplicates)} seen before, ${
    number(outsideWindow)
  } too old and ${number(requested)} requested; ` +
    `${number(others)} others, ${number(malformed)} malformed`;
}

/**
 * When a loop is told: `5 restarts in 5m`.
 *
 * @param {StatusView} status
 * @returns {string}
 */
export function ruleWords({ rule: { type, counts, threshold, interval } }) {
  const short = interval.replace(/(?<=[hm])0s$/, "").replace(/(?<=h)0m$/, "");
  return `${counted(threshold, counts)} ${type === "restarts" ? `in ${short}` : "in a row"}`;
}

/**
 * What must be said first: that the page is not live, that the source is down, that a sink is.
 *
 * @param {StatusView | undefined} status
 * @param {number | undefined} lostAt since when the page hears nothing, on the detector's wall, as is `now`
 * @param {number} now
 * @param {string} [refusal] what the detector said instead of an answer
 */
export function showBanners(status, lostAt, now, refusal) {
  /** @type {[string, string, string][]} */
  const said = [];
  if (refusal !== undefined) {
    said.push(["refusal", "The detector did not answer a question", sentence(refusal)]);
  }
  if (lostAt !== undefined) {
    const since = written(lostAt, status?.wallNow ?? "");
    const shown = status === undefined ? "Nothing could be read yet." : "What is shown is as of then.";
    said.push([
      "lost",
      `Not live since ${clock(since, now)}${since.endsWith("Z") ? " UTC" : ""}`,
      `The detector does not answer. ${shown} Trying again.`,
    ]);
  }
  if (status && !status.source.up) {
    const { type, since, problem } = status.source;
    said.push([
      "source",
      `Source ${type} is down since ${clock(since, now)}`,
      `${sentence(problem)}Until it is back nothing new is seen: more may loop than is shown, or less.`,
    ]);
  }
  for (const [index, sink] of status?.sinks.entries() ?? []) {
    if (sink.up && sink.problem === null) continue;
    const waits = sink.pending === 1 ? "1 alert waits" : `${counted(sink.pending, "alert")} wait`;
    said.push([
      `sink-${index}`,
      `Sink ${sink.type} ${sink.up ? "takes nothing" : `is down since ${clock(sink.since, now)}`}`,
      `${sentence(sink.problem)}${waits}; they are kept and sent again.`,
    ]);
  }
  const list = byId("banners");
  const wanted = new Set(said.map(([key]) => key));
  for (const old of [...list.children]) if (!wanted.has(old.getAttribute("data-key") ?? "")) old.remove();
  for (const [key, title, text] of said) {
    let banner = [...list.children].find((one) => one.getAttribute("data-key") === key);
    if (!banner) {
      banner = element(
        "div",
        { class: "banner", role: "alert", "data-key": key },
        element("strong"),
        " ",
        element("span"),
      );
      if (key === "lost") list.prepend(banner);
      else list.append(banner);
    }
    setText(/** @type {Element} */ (banner.firstElementChild), plain(title));
    setText(/** @type {Element} */ (banner.lastElementChild), plain(text));
  }
}

/** @param {string | null} problem */
function sentence(problem) {
  if (problem === null || problem === "") return "";
  return `${capital(problem)}${/[.!?]$/.test(problem) ? "" : "."} `;
}
