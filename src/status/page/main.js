// The page: which view is shown, the stream of events that keeps it live, and the keyboard.
import { Allocation } from "./allocation.js";
import { dropToken, events, get, hasToken, keepToken, Refusal } from "./api.js";
import { byId, element, setText } from "./element.js";
import { Loops } from "./loops.js";
import { nameOf } from "./loop_row.js";
import { messagesOf, ruleWords, showBanners, showState } from "./state.js";
import { clock, counted, number, span } from "./words.js";

/** @typedef {import("../view.ts").StatusView} StatusView */
/** @typedef {import("../view.ts").LoopView} LoopView */

/** The connection is considered lost after so many milliseconds without data; heartbeats come more often. */
const idleTimeout = 45_000;
/** How long a connection may be lost before the page says so, in milliseconds. */
const gracePeriod = 1_500;

/** @type {StatusView | undefined} */
let status;
/** The wall clock of the detector minus that of this machine. */
let ahead = 0;
/** When data was received last, by this machine's clock. */
let receivedAt = Date.now();
let live = false;
let connection = new AbortController();
let lostTimer = 0;
let showLost = false;
/** @type {string | undefined} the error that the detector answered with */
let refusal;

const search = /** @type {HTMLInputElement} */ (byId("search"));
const tokenForm = /** @type {HTMLFormElement} */ (byId("token"));
const tokenText = /** @type {HTMLInputElement} */ (byId("token-text"));
const list = byId("list");
const article = byId("allocation");

/** The detector's time; if the connection is lost, when that happened. */
const wallNow = () => (live ? Date.now() : receivedAt) + ahead;
/** What times are shown against. In batch mode the clock moves only with the events. */
const context = () => ({
  what: status?.rule.counts ?? "restart",
  now: status?.mode === "batch" ? Date.parse(status.now) : wallNow(),
  ago: status?.source.ended ? "before the end" : "ago",
});
const sort = () => /** @type {HTMLInputElement} */ (document.querySelector("input[name=sort]:checked")).value;

const looping = new Loops({
  section: byId("looping"),
  status: "looping",
  columns: ["Name", "Why", "How often", "Last hour", "Since"],
  query: () => ({ q: search.value.trim(), sort: sort() }),
  context,
  changed: showHeadline,
  failed,
});
const gaveUp = new Loops({
  section: byId("gave-up"),
  status: "gave-up",
  columns: ["Name", "Why", "How often", "Hour before", "Given up"],
  query: () => ({ q: search.value.trim(), sort: "newest" }),
  context,
  changed: showHeadline,
  failed,
});
const resolved = new Loops({
  section: byId("resolved"),
  status: "resolved",
  columns: ["Name", "Why", "How often", "Hour before", "Resolved"],
  query: () => ({ q: search.value.trim(), sort: "newest" }),
  context,
  changed: showHeadline,
  failed,
});
/** From top to bottom. */
const lists = [looping, gaveUp, resolved];
const allocation = new Allocation({ into: article, context, failed });

/** @param {unknown} error */
function failed(error) {
  if (error instanceof Refusal && error.status === 401) askForToken();
  else if (error instanceof Refusal) refusal = error.message;
  // If nothing answers at all, the event stream ends too, and the page says so.
  else if (!(error instanceof TypeError)) reportError(error);
}

// Live.

async function stayLive() {
  for (let attempt = 0;; attempt++) {
    connection = new AbortController();
    try {
      for await (const { event, data } of events(connection.signal, received)) {
        if (!live) await begin();
        attempt = 0;
        take(event, JSON.parse(data));
      }
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) {
        askForToken();
        return;
      }
    }
    if (!tokenForm.hidden) return;
    lost();
    await pause(attempt === 0 ? 200 : Math.min(15_000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2));
  }
}

/** Resolves after that time, or when the network or the user is back. @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}

function received() {
  receivedAt = Date.now();
  if (!live) begin();
}

async function begin() {
  if (live) return;
  live = true;
  clearTimeout(lostTimer);
  lostTimer = 0;
  showLost = false;
  await loadAll();
}

function lost() {
  live = false;
  if (lostTimer === 0 && !showLost) {
    lostTimer = setTimeout(() => {
      lostTimer = 0;
      showLost = true;
      showAll();
    }, gracePeriod);
  }
}

async function loadAll() {
  refusal = undefined;
  try {
    await Promise.all([
      get("status").then((/** @type {StatusView} */ view) => takeStatus(view)),
      ...(list.hidden ? [] : lists.map((loops) => loops.load())),
      ...(article.hidden ? [] : [allocation.load()]),
    ]);
  } catch (error) {
    failed(error);
  }
}

/** @param {StatusView} view */
function takeStatus(view) {
  status = view;
  ahead = Date.parse(view.wallNow) - Date.now();
  openedAt = Math.min(openedAt, Date.parse(view.now));
  showAll();
}

/**
 * @param {string} event
 * @param {any} view
 */
function take(event, view) {
  if (event === "status") takeStatus(view);
  if (event !== "loop" && event !== "gave-up" && event !== "resolved") return;
  for (const loops of lists) loops.take(view);
  allocation.take(view);
  if (event !== "loop") {
    announce(`${nameOf(view)} ${event === "gave-up" ? "was given up" : "is resolved"}`);
  } else if (isNew(view)) announce(`${nameOf(view)} is crash-looping: ${view.reason}`);
}

/** When the page was opened, by the detector's clock, and the loops announced since. */
let openedAt = Infinity;
/** @type {Set<string>} */
const announced = new Set();

/** Whether a loop began after the page was opened and is not announced yet. @param {LoopView} loop */
function isNew({ id, firstNotifiedAt }) {
  if (firstNotifiedAt === null || Date.parse(firstNotifiedAt) < openedAt || announced.has(id)) return false;
  announced.add(id);
  return true;
}

/** @type {string[]} */
let news = [];
let newsTimer = 0;

/** Announces a text to screen readers; many at once are only counted. @param {string} text */
function announce(text) {
  news.push(text);
  if (newsTimer !== 0) return;
  newsTimer = setTimeout(() => {
    newsTimer = 0;
    setText(byId("arrivals"), news.length <= 3 ? news.join(". ") : `${news.length} loops changed`);
    news = [];
  }, 500);
}

// Rendering.

function showAll() {
  if (status) showState(status, wallNow());
  showBanners(status, showLost ? receivedAt + ahead : undefined, wallNow(), refusal);
  const ended = status?.source.ended === true;
  const sign = byId("live");
  setText(sign, live ? ended ? "Finished" : "Live" : showLost ? "Not live" : "Connecting…");
  sign.className = live && !ended ? "live on" : "live";
  document.body.classList.toggle("stale", showLost);
  for (const loops of lists) loops.tick();
  if (!article.hidden) allocation.tick();
  showHeadline();
}

function showHeadline() {
  const { total } = looping;
  if (total === undefined || !status) return;
  const { q } = looping.query();
  const ended = resolved.total ?? 0;
  const headline = byId("headline");
  const when = status.source.ended ? "at the end" : "now";
  const said = total === 0 && q === ""
    ? `No crash loops${status.source.ended ? " at the end" : ""}`
    : `${number(total)} crash-looping ${when}`;
  setText(
    headline,
    q === "" ? said : `${number(total)} of ${number(Math.max(total, status.activeLoops))} crash loops match`,
  );
  headline.className = total === 0 ? "" : "looping";
  if (article.hidden) document.title = `${showLost ? "Not live: " : ""}${said} · nomad-crashloop-detector`;
  const jump = byId("jump");
  jump.hidden = ended === 0 || total < 4;
  setText(/** @type {Element} */ (jump.firstElementChild), `${number(ended)} resolved recently ↓`);
  byId("gave-up").hidden = !gaveUp.total;
  byId("resolved").hidden = resolved.total === 0;
  if (total > 0) looping.note();
  else if (q === "" && gaveUp.total) {
    looping.note("No active crash loop; what Nomad has given up stays down.");
  } else if (q !== "") looping.note(`No active loop matches “${q}”.`);
  else looping.note(...allIsWell(status));
}

/**
 * What was processed, and that all is well if that is known.
 *
 * @param {StatusView} view
 */
function allIsWell(view) {
  const now = wallNow();
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

/** Where the user left the list. */
let leftAt = { scroll: 0, list: looping, index: -1 };

/** Shows what the address says. @param {boolean} back whether the user came back */
async function route(back) {
  if (!tokenForm.hidden) return;
  const [, key] = /^\/allocation\/(.+)$/.exec(location.pathname) ?? [];
  const name = key === undefined ? undefined : decoded(key);
  list.hidden = name !== undefined;
  article.hidden = name === undefined;
  if (name === undefined) {
    allocation.leave();
    const first = looping.total === undefined;
    const loaded = first && live === false ? undefined : Promise.all(lists.map((loops) => loops.load()));
    if (!back || first) return;
    for (const loops of lists) loops.render();
    scrollTo(0, leftAt.scroll);
    if (leftAt.index >= 0) leftAt.list.focus(leftAt.index);
    await loaded;
  } else {
    scrollTo(0, 0);
    if (live) await allocation.show(name);
    else allocation.show(name);
    allocation.focus();
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} address */
function go(address) {
  if (article.hidden) leftAt = { scroll: scrollY, ...focusedRow() };
  history.pushState({ inside: true }, "", address);
  route(false);
}

function goBack() {
  if (history.state?.inside) history.back();
  else {
    history.pushState({ inside: true }, "", "/");
    route(true);
  }
}

function focusedRow() {
  for (const loops of lists) if (loops.focusAt >= 0) return { list: loops, index: loops.focusAt };
  return { list: looping, index: -1 };
}

history.scrollRestoration = "manual";
addEventListener("popstate", () => route(true));
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-route], a[href^='#']") : null;
  if (!(link instanceof HTMLAnchorElement) || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.hash !== "") {
    const target = byId(link.hash.slice(1));
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  } else if (link.pathname === "/" && !article.hidden) goBack();
  else if (link.pathname !== location.pathname) go(link.pathname);
});

// Search and order.

let searchTimer = 0;
function searchNow() {
  clearTimeout(searchTimer);
  searchTimer = 0;
  const query = new URLSearchParams();
  if (search.value.trim() !== "") query.set("q", search.value.trim());
  if (sort() !== "worst") query.set("sort", sort());
  history.replaceState(history.state, "", `/${query.size === 0 ? "" : `?${query}`}`);
  for (const loops of lists) loops.restart();
}
search.addEventListener("input", () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(searchNow, 120);
});
byId("sort").addEventListener("change", searchNow);

// The keyboard.

/** @param {number} by */
function move(by) {
  const { list: loops, index } = focusedRow();
  if (index === -1) {
    // The row with the focus scrolled out of sight or was resolved.
    const last = looping.lastFocusAt;
    if (looping.total) looping.focus(Math.min(Math.max(0, last === -1 ? 0 : last), looping.total - 1));
    else if (!gaveUp.focus(0)) resolved.focus(0);
    return;
  }
  if (loops.focus(index + by)) return;
  const others = lists.slice(...(by > 0 ? [lists.indexOf(loops) + 1] : [0, lists.indexOf(loops)]));
  if (by < 0) others.reverse();
  for (const next of others) if (next.focus(by > 0 ? 0 : (next.total ?? 0) - 1)) return;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !tokenForm.hidden) return;
  const { target, key } = event;
  if (target === search) {
    if (key === "Escape") {
      if (search.value === "") search.blur();
      search.value = "";
      searchNow();
    } else if (key === "ArrowDown" || key === "Enter") move(0);
    else return;
  } else if (target instanceof HTMLInputElement) return;
  else if (key === "Escape" && !article.hidden) goBack();
  else if (key === "/" && !list.hidden) search.select();
  else if ((key === "j" || key === "ArrowDown") && !list.hidden) move(1);
  else if ((key === "k" || key === "ArrowUp") && !list.hidden) move(-1);
  else return;
  event.preventDefault();
});

// The token.

function askForToken() {
  if (!tokenForm.hidden) return;
  setText(byId("token-problem"), hasToken() ? "That token was rejected." : "");
  dropToken();
  connection.abort();
  list.hidden = true;
  article.hidden = true;
  tokenForm.hidden = false;
  setText(byId("live"), "Locked");
  tokenText.focus();
}

tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(tokenText.value);
  tokenText.value = "";
  tokenForm.hidden = true;
  setText(byId("live"), "Connecting…");
  start();
});

// Every second: update the times, and drop a connection that is idle.
setInterval(() => {
  if (live && Date.now() - receivedAt > idleTimeout) connection.abort();
  if (live) showAll();
}, 1000);

function start() {
  const query = new URLSearchParams(location.search);
  search.value = query.get("q") ?? "";
  if (query.get("sort") === "newest") {
    /** @type {HTMLInputElement} */ (document.querySelector("input[value=newest]")).checked = true;
  }
  route(false);
  stayLive();
}
start();
