// The page: what it shows, and what keeps it live.
import { Allocation } from "./allocation.js";
import { Announcer } from "./announcer.js";
import { get, Refusal } from "./api.js";
import { Connection } from "./connection.js";
import { byId, setText } from "./element.js";
import { showHeadline } from "./headline.js";
import { listenToKeyboard } from "./keyboard.js";
import { Loops } from "./loops.js";
import { Router } from "./router.js";
import { Search } from "./search.js";
import { showBanners, showState } from "./state.js";
import { TokenForm } from "./token_form.js";

/** @typedef {import("../view.ts").StatusView} StatusView */

/** @type {StatusView | undefined} */
let status;
/** How often the stream had the status: an answer that was asked for before is older. */
let statusEvents = 0;
/** The wall clock of the detector minus that of this machine. */
let ahead = 0;
/** @type {string | undefined} the error that the detector answered with */
let refusal;

const list = byId("list");
const article = byId("allocation");
const announcer = new Announcer();
const tokenForm = new TokenForm(start);
const isLocked = () => tokenForm.isShown;
const connection = new Connection({
  opened: loadAll,
  take,
  lost: showAll,
  refused: askForToken,
  isLocked,
});

/** The detector's time; if the connection is lost, when that happened. */
const wallNow = () => (connection.live ? Date.now() : connection.receivedAt) + ahead;
/** What times are shown against. In batch mode the clock moves only with the events. */
const context = () => ({
  what: status?.rule.counts ?? "restart",
  now: status?.mode === "batch" ? Date.parse(status.now) : wallNow(),
  ago: status?.source.ended ? "before the end" : "ago",
});

const search = new Search(() => {
  for (const loops of lists) loops.restart();
});
const common = { context, changed: showCounts, failed };
const newest = () => ({ q: search.text, sort: "newest" });
const looping = new Loops({
  section: byId("looping"),
  status: "looping",
  columns: ["Name", "Why", "How often", "Last hour", "Since"],
  query: () => ({ q: search.text, sort: search.sort }),
  ...common,
});
const gaveUp = new Loops({
  section: byId("gave-up"),
  status: "gave-up",
  columns: ["Name", "Why", "How often", "Hour before", "Given up"],
  query: newest,
  ...common,
});
const resolved = new Loops({
  section: byId("resolved"),
  status: "resolved",
  columns: ["Name", "Why", "How often", "Hour before", "Resolved"],
  query: newest,
  ...common,
});
/** From top to bottom. */
const lists = [looping, gaveUp, resolved];
const allocation = new Allocation({ into: article, context, failed });
const router = new Router({ lists, allocation, isLocked, isLive: () => connection.live });
listenToKeyboard(router, search);

/** @param {unknown} error */
function failed(error) {
  if (error instanceof Refusal && error.status === 401) askForToken();
  else if (error instanceof Refusal) refusal = error.message;
  // If nothing answers at all, the event stream ends too, and the page says so.
  else if (!(error instanceof TypeError)) reportError(error);
}

function askForToken() {
  if (isLocked()) return;
  connection.close();
  list.hidden = true;
  article.hidden = true;
  tokenForm.show();
}

async function loadAll() {
  refusal = undefined;
  const before = statusEvents;
  try {
    await Promise.all([
      get("status").then((/** @type {StatusView} */ view) => {
        if (statusEvents === before) takeStatus(view);
      }),
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
  announcer.seen(Date.parse(view.now));
  showAll();
}

/**
 * @param {string} event
 * @param {any} view
 */
function take(event, view) {
  if (event === "status") {
    statusEvents++;
    takeStatus(view);
  }
  if (event !== "loop" && event !== "gave-up" && event !== "resolved") return;
  for (const loops of lists) loops.take(view);
  allocation.take(view);
  announcer.take(event, view);
}

function showAll() {
  const { live, isLost, receivedAt } = connection;
  if (status) showState(status, wallNow());
  showBanners(status, isLost ? receivedAt + ahead : undefined, wallNow(), refusal);
  const ended = status?.source.ended === true;
  const sign = byId("live");
  setText(sign, live ? ended ? "Finished" : "Live" : isLost ? "Not live" : "Connecting…");
  sign.className = live && !ended ? "live on" : "live";
  document.body.classList.toggle("stale", isLost);
  for (const loops of lists) loops.tick();
  if (!article.hidden) allocation.tick();
  showCounts();
}

function showCounts() {
  const { isLost } = connection;
  if (status) showHeadline(status, { looping, gaveUp, resolved }, { now: wallNow(), isLost });
}

// Every second: update the times, and drop a connection that is idle.
setInterval(() => {
  connection.closeIfIdle();
  if (connection.live) showAll();
}, 1000);

function start() {
  search.readAddress();
  router.show(false);
  connection.stayLive();
}
start();
