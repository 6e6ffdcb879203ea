// The bar at the top: source, sinks, outbox and messages; and the banners for what is down.
import { byId, element, setAttribute, setText } from "./element.js";
import { capital, clock, counted, exact, number, plain, span, written } from "./words.js";

/** @typedef {import("../view.ts").StatusView} StatusView */
/** @typedef {import("../view.ts").ComponentView} ComponentView */

/**
 * Shows the state at the top.
 *
 * @param {StatusView} status
 * @param {number} now milliseconds since the Unix epoch, by the detector's wall clock
 */
export function showState(status, now) {
  const pending = status.sinks.reduce((sum, sink) => sum + sink.pending, 0);
  const oldest = status.sinks.map((sink) => sink.oldestPendingAt).filter((time) => time !== null).sort()[0];
  const age = oldest === undefined ? "" : `, oldest ${span(now - Date.parse(oldest))}`;
  showFacts([
    partFact("Source", status.source, now, status.source.ended),
    ...status.sinks.map((sink) => partFact("Sink", sink, now)),
    {
      name: "Outbox",
      text: pending === 0 ? "empty" : `${number(pending)} pending${age}`,
      loud: pending > 0,
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
    }, ${counted(status.notifications, "alert")}. Times are the detector's.`,
  );
}

/**
 * @param {StatusView} status
 * @param {number} now
 */
function lastEventWords({ lastEventAt, mode }, now) {
  if (lastEventAt === null) return "none yet";
  // The events of a recording may be years old.
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
    ? "finished"
    : up && problem !== null
    ? "accepts nothing"
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
    const [term, description] = /** @type {[Element, Element]} */ ([...part.children]);
    setText(term, name);
    setText(description, plain(text));
    setAttribute(part, "class", loud ? "loud" : null);
    setAttribute(description, "title", title ? plain(title) : null);
  }
}

/**
 * All messages, of every result.
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
  return `${counted(events, rule.counts)}, ${number(duplicates)} duplicates, ${
    number(outsideWindow)
  } too late, ${number(requested)} requested; ` +
    `${number(others)} other, ${number(malformed)} malformed`;
}

/**
 * When a loop is notified: `5 restarts in 5m`.
 *
 * @param {StatusView} status
 * @returns {string}
 */
export function ruleWords({ rule: { type, counts, threshold, interval } }) {
  const short = interval.replace(/(?<=[hm])0s$/, "").replace(/(?<=h)0m$/, "");
  return `${counted(threshold, counts)} ${type === "restarts" ? `in ${short}` : "in a row"}`;
}

/**
 * Shows the banners: the page is not live, the source or a sink is down.
 *
 * @param {StatusView | undefined} status
 * @param {number | undefined} lostAt since when the connection is lost, by the detector's clock, as `now` is
 * @param {number} now
 * @param {string} [refusal] the error that the detector answered with
 */
export function showBanners(status, lostAt, now, refusal) {
  /** @type {[string, string, string][]} */
  const banners = [];
  if (refusal !== undefined) {
    banners.push(["refusal", "The detector rejected a request", sentence(refusal)]);
  }
  if (lostAt !== undefined) {
    const since = written(lostAt, status?.wallNow ?? "");
    const shown = status === undefined ? "Nothing has been loaded yet." : "The data shown is from then.";
    banners.push([
      "lost",
      `Not live since ${clock(since, now)}${since.endsWith("Z") ? " UTC" : ""}`,
      `The detector does not answer. ${shown} Retrying.`,
    ]);
  }
  if (status && !status.source.up) {
    const { type, since, problem } = status.source;
    banners.push([
      "source",
      `Source ${type} is down since ${clock(since, now)}`,
      `${sentence(problem)}Until it is up again nothing new is seen, and the loops shown may be out of date.`,
    ]);
  }
  for (const [index, sink] of status?.sinks.entries() ?? []) {
    if (sink.up && sink.problem === null) continue;
    banners.push([
      `sink-${index}`,
      `Sink ${sink.type} ${sink.up ? "accepts nothing" : `is down since ${clock(sink.since, now)}`}`,
      `${sentence(sink.problem)}${counted(sink.pending, "alert")} pending; they are kept and retried.`,
    ]);
  }
  const list = byId("banners");
  const wanted = new Set(banners.map(([key]) => key));
  for (const old of [...list.children]) if (!wanted.has(old.getAttribute("data-key") ?? "")) old.remove();
  for (const [key, title, text] of banners) {
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
