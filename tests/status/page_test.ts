// The page in a real Chromium, served by a made-up detector.
import assert from "node:assert/strict";
import axe from "axe-core";
import { inPage, type Page, shareChromium, shows, startChromium, texts } from "../helpers/chromium.ts";
import {
  ago,
  badNight,
  ended,
  fixtureNow,
  gaveUp,
  jobLoops,
  madeLoop,
  manyLoops,
  searchContext,
  startStatusFixture,
  worseNight,
} from "../helpers/status_fixture.ts";
import { waitFor } from "../helpers/wait_for.ts";

shareChromium();

const rows = "#looping tbody tr:not(.unknown)";
const resolvedRows = "#resolved tbody tr:not(.unknown)";

async function showsNames(page: Page, expected: string[], selector = rows): Promise<void> {
  let last: string[] = [];
  try {
    await waitFor("the names", async () => {
      last = await texts(page, `${selector} .name a`);
      return last.join() === expected.join();
    });
  } catch {
    assert.deepEqual(last, expected);
  }
}

/** Violations of the content security policy, and errors and dialogs of the page. */
function watchForFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return faults;
}

Deno.test("the page without loops says that all is well, and what was processed", async () => {
  await using fixture = startStatusFixture();
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "No crash loops");
  await shows(page, "#looping .note strong", "All is well.");
  assert.deepEqual(await texts(page, "#looping .note span"), [
    "Processed 1,208,365 messages from amqp since 03-09 11:32 (1 d 3 h); tracking 2,310 keys. " +
    "Alerts fire at 5 restarts in 5m.",
  ]);
  assert.deepEqual(await texts(page, "table, #resolved"), []);
});

Deno.test("the page without loops does not say that all is well while the source is down", async () => {
  const source = { type: "nomad", up: false, since: ago(5), problem: "connection refused", ended: false };
  await using fixture = startStatusFixture({ status: { source } });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(
    page,
    "#looping .note strong",
    "No active loop is known, but the detector is blind until its source is up again.",
  );
  await shows(
    page,
    ".banner",
    "Source nomad is down since 14:27:08 Connection refused. Until it is up again nothing new is seen, " +
      "and the loops shown may be out of date.",
  );
  fixture.setStatus({
    messages: { events: 0, others: 0, malformed: 0, duplicates: 0, outsideWindow: 0, requested: 0 },
  });
  await shows(
    page,
    "#looping .note strong",
    "No messages received yet, so nothing is known about any allocation.",
  );
  assert.deepEqual(await texts(page, ".banner"), []);
});

Deno.test("the banner of a sink that is down has its problem and its pending alerts", async () => {
  const sink = {
    type: "kinesis",
    up: false,
    since: ago(3),
    problem: "throttled",
    pending: 12,
    oldestPendingAt: ago(4),
  };
  await using fixture = startStatusFixture({ status: { sinks: [sink] } });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(
    page,
    ".banner",
    "Sink kinesis is down since 14:29:08 Throttled. 12 alerts pending; they are kept and retried.",
  );
  await shows(page, "#state dd", "12 pending, oldest 4 min");
});

Deno.test("the banner of a sink that accepts nothing has its problem", async () => {
  const sink = {
    type: "amqp",
    up: true,
    since: ago(60),
    problem: "memory is low",
    pending: 1,
    oldestPendingAt: ago(1),
  };
  await using fixture = startStatusFixture({ status: { sinks: [sink] } });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(
    page,
    ".banner",
    "Sink amqp accepts nothing Memory is low. 1 alert pending; they are kept and retried.",
  );
  await shows(page, "#state .loud dd", "amqp accepts nothing");
});

Deno.test("a banner does not capitalize an address", async () => {
  const problem = "http://nomad.internal:4646: connection refused";
  const source = { type: "nomad", up: false, since: ago(5), problem, ended: false };
  await using fixture = startStatusFixture({ status: { source } });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(
    page,
    ".banner",
    /^Source nomad is down since 14:27:08 http:\/\/nomad\.internal:4646: connection /,
  );
});

Deno.test("the head has one line at a width of 1280, with two sinks or with pending alerts", async () => {
  const sink = { up: true, since: ago(190), problem: null, pending: 0, oldestPendingAt: null };
  const [one, two] = [{ ...sink, type: "kinesis" }, { ...sink, type: "stdout" }];
  await using fixture = startStatusFixture({ loops: badNight, status: { sinks: [one, two] } });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  const isOneLine = () =>
    inPage(
      page,
      `new Set([...document.querySelectorAll('#state dd')].map((one) => one.offsetTop)).size === 1 &&
        document.querySelector('#state').offsetTop < document.querySelector('#live').offsetTop`,
    );
  await shows(page, "#state dd", "stdout up 3 h 10 min");
  assert.ok(await isOneLine());
  fixture.setStatus({ sinks: [{ ...one, pending: 1234, oldestPendingAt: ago(72) }] });
  await shows(page, "#state dd", "1,234 pending, oldest 1 h 12 min");
  assert.ok(await isOneLine());
});

Deno.test("loops of a recording are timed from its end, the process by the wall clock", async () => {
  const recording = {
    mode: "batch",
    wallNow: "2026-03-12T09:00:00+01:00",
    startedAt: "2026-03-12T08:59:30+01:00",
    source: { type: "stdin", up: true, since: "2026-03-12T08:59:31+01:00", problem: null, ended: true },
  } as const;
  const over = ended(madeLoop("a/over.web[0]", { since: ago(20) }), ago(5));
  await using fixture = startStatusFixture({ loops: [madeLoop("a/on.web[0]"), over], status: recording });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "1 crash-looping at the end");
  await shows(page, "#live", "Finished");
  await shows(page, "#state dd", "stdin finished");
  await shows(page, "#state dd", "03-10 14:32");
  await shows(page, "#footer", /^Version 0\.1\.0, running for 3\d s, /);
  assert.deepEqual(await texts(page, `${rows} .since`), ["for 18 min 14:14:08"]);
  assert.deepEqual(await texts(page, `${resolvedRows} .since`), [
    "5 min before the end 14:27:08, after 15 min",
  ]);
  await page.click(`${rows} .name a`);
  await shows(
    page,
    ".verdict",
    "Crash-looping for 18 min, since 14:14:08 · 6 restarts, the last 24 s before the end",
  );
  await shows(page, ".axis span:first-child", "the end");
});

Deno.test("a loop from before the start is shown as older than what is known", async () => {
  const loop = madeLoop("a/one.web[0]", { firstNotifiedAt: null });
  await using fixture = startStatusFixture({ loops: [loop] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, `${rows} .since`, "for over 18 min 14:14:08");
  await page.click(`${rows} .name a`);
  await shows(
    page,
    ".verdict",
    /^Crash-looping for over 18 min, since before 14:14:08 · 6 restarts, the last /,
  );
  await shows(
    page,
    "#allocation .note",
    "Newest first; times are the detector's. The loop was already firing before the detector started; " +
      "of earlier events this is what its state kept.",
  );
});

Deno.test("a row has name, place, reason, count, the last hour and the start of a loop", async () => {
  await using fixture = startStatusFixture({ loops: [badNight[0]!] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  const faults = watchForFaults(page);
  await shows(page, "h1", "1 crash-looping now");
  await showsNames(page, ["checkout-api.web[2]"]);
  assert.deepEqual(await texts(page, `${rows} .where`), ["shop · on worker-11"]);
  assert.deepEqual(await texts(page, `${rows} .count`), ["148 restarts"]);
  assert.deepEqual(await texts(page, `${rows} .since`), ["for 2 h 11 min 12:21:08"]);
  assert.match((await texts(page, `${rows} .why`))[0]!, /^Was killed by signal 9 \(SIGKILL\) after 11 s/);
  assert.equal(
    await inPage(page, "document.querySelector('.hour svg').getAttribute('aria-label')"),
    "147 restarts in the last hour",
  );
  assert.deepEqual(faults, []);
});

Deno.test("of 10,000 loops the page renders those in sight", async () => {
  await using fixture = startStatusFixture({ loops: [...manyLoops(10_000), ended(badNight[0]!)] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "10,000 crash-looping now");
  await shows(page, `${rows} .name a`, "job-0000.web[0]");
  assert.equal(
    await inPage(page, "document.querySelector('#looping table').getAttribute('aria-rowcount')"),
    "10001",
  );
  await page.keyboard.press("End");
  await shows(page, `${rows} .name a`, "job-9999.web[0]");
  assert.equal(
    await inPage(page, `[...document.querySelectorAll("${rows}")].at(-1).getAttribute("aria-rowindex")`),
    "10001",
  );
  assert.ok(await inPage<number>(page, "document.querySelectorAll('tr').length") < 60);
  await page.keyboard.press("Home");
  await shows(page, `${rows} .name a`, "job-0000.web[0]");
  await page.click("#jump a");
  await showsNames(page, ["checkout-api.web[2]"], resolvedRows);
  assert.ok(await inPage(page, "scrollY > 500_000"));
  assert.deepEqual(
    [...new Set(fixture.asked.map((query) => new URLSearchParams(query).get("limit")))],
    ["100"],
  );
});

Deno.test("a job with several loops is a row that opens, and stays open when loops change", async () => {
  const loops = [...jobLoops("shop/search.api", 18), madeLoop("a/one.web[0]")];
  const lost = jobLoops("shop/search.api", 20).slice(18).map((loop) => gaveUp(loop));
  await using fixture = startStatusFixture({ loops: [...loops, ...lost] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "19 crash-looping now");
  const row = `${rows}.job`;
  assert.deepEqual(await texts(page, `${row} .opener`), ["search.api"]);
  assert.deepEqual(await texts(page, `${row} .where`), ["18 loops, 2 given up · shop · on 7 nodes"]);
  assert.deepEqual(await texts(page, `${row} .why`), ["Exited with 1"]);
  assert.deepEqual(await texts(page, `${row} .count`), ["30 at worst"]);
  assert.deepEqual(await texts(page, `${row} .since`), ["for 22 min newest 14:14:23"]);
  assert.equal(
    await inPage(page, `document.querySelector("${row} svg").getAttribute("aria-label")`),
    "30 restarts of the worst loop in the last hour",
  );
  const expanded = () => inPage(page, `document.querySelector("${row} button").ariaExpanded`);
  assert.equal(await expanded(), "false");
  const names = loops.slice(0, 18).map(({ name }) => name.replace("shop/", ""));
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await showsNames(page, [...names, "one.web[0]"]);
  assert.equal(await expanded(), "true");
  assert.equal(await inPage(page, "document.activeElement.textContent"), "search.api");
  fixture.loop({ ...loops[3]!, count: 31 });
  await shows(page, `${row} .count`, "31 at worst");
  await showsNames(page, [names[3]!, ...names.filter((_, n) => n !== 3), "one.web[0]"]);
  assert.equal(await expanded(), "true");
  await page.click(`${rows}:nth-child(2) .name a`);
  await shows(page, ".verdict", /· 31 restarts/);
  await page.keyboard.press("Escape");
  await shows(page, `${rows} .name a`, "search.api[3]");
  await page.click(`${row} button`);
  await showsNames(page, ["one.web[0]"]);
  assert.equal(await expanded(), "false");
  await shows(page, "#gave-up .opener", "search.api");
});

Deno.test("the row of a group stays where it is on the screen when it opens, and order and focus are kept", async () => {
  await using fixture = startStatusFixture({ loops: manyLoops(10_000, 500) });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "10,000 crash-looping now");
  await inPage(page, "scrollTo(0, 9_000)");
  await shows(page, `${rows} .opener`, "job-0170.web");
  const top = () =>
    inPage<number>(
      page,
      `[...document.querySelectorAll(".opener")].find((one) => one.textContent === "job-0170.web")
        .getBoundingClientRect().top`,
    );
  const before = await top();
  await inPage(
    page,
    `[...document.querySelectorAll(".opener")]
    .find((one) => one.textContent === "job-0170.web").click()`,
  );
  await shows(page, `${rows}.level-1 .name a`, "job-0170.web[0]");
  assert.equal(await top(), before);
  assert.equal(
    await inPage(page, "document.querySelector('#looping table').getAttribute('aria-rowcount')"),
    "521",
  );
  assert.ok(await inPage<number>(page, "document.querySelectorAll('tr').length") < 60);
});

Deno.test("a search opens the groups of what it finds, and one of them can be closed", async () => {
  await using fixture = startStatusFixture({ loops: jobLoops("shop/search.api", 9) });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/?q=worker-02`);
  await showsNames(page, ["search.api[1]", "search.api[8]"]);
  assert.deepEqual(await texts(page, `${rows} .where strong`), ["2 loops"]);
  await shows(page, "h1", "2 of 9 crash loops match");
  await page.click(`${rows} .opener`);
  await showsNames(page, []);
  assert.deepEqual(await texts(page, `${rows} .where strong`), ["2 loops"]);
  await page.focus("#search");
  await page.keyboard.press("Escape");
  await shows(page, `${rows} .where strong`, "9 loops");
  await showsNames(page, []);
});

Deno.test("jobs with a node as their cause are below its row, and muted loops are marked and counted apart", async () => {
  await using fixture = startStatusFixture({ loops: worseNight });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "33 crash-looping now");
  await shows(page, "#muted", "3 muted");
  assert.deepEqual(await texts(page, `${rows}:first-child .opener`), ["5 jobs loop on node client-1"]);
  assert.deepEqual(await texts(page, `${rows}:first-child .because`), [
    "7 loops of edge/proxy.nginx, edge/dns.coredns, infra/logs.vector, shop/cart.web, infra/metrics.node-exporter",
  ]);
  assert.deepEqual(await texts(page, `${rows}.job .tag, ${rows}.looping .tag`), ["critical", "storm"]);
  assert.deepEqual(await texts(page, `${rows}.muted .because`), [
    "muted: until 2026-03-11T08:00:00Z, as crashloop_mute_until says",
    "muted: until 2026-03-11T08:00:00Z, as crashloop_mute_until says",
  ]);
  await page.click(`${rows}:first-child .opener`);
  await shows(page, `${rows}.level-1 .name a`, "proxy.nginx[0]");
  assert.deepEqual(await texts(page, `${rows}.level-1 .opener`), ["metrics.node-exporter"]);
  await page.click("input[value=newest]");
  await shows(page, `${rows}:nth-child(2) .opener`, "metrics.node-exporter");
});

Deno.test("if all active loops are muted, the headline has none, and they are shown", async () => {
  await using fixture = startStatusFixture({
    loops: [madeLoop("a/one.web[0]", { muted: "until tomorrow" })],
  });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "No crash loops");
  await shows(page, "#muted", "1 muted");
  await showsNames(page, ["one.web[0]"]);
  assert.deepEqual(await texts(page, "#looping .note"), []);
});

Deno.test("the view of a loop has whose it is, what changed, how much of it loops, and its last words", async () => {
  await using fixture = startStatusFixture({ loops: worseNight, context: searchContext });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/allocation/${encodeURIComponent("shop/search.api[0]")}`);
  const faults = watchForFaults(page);
  await shows(page, "#allocation h1", "search.api[0]");
  assert.deepEqual((await texts(page, ".facts div")).slice(0, 8), [
    "Severitycritical",
    "Ownerteam-search",
    "Runbookhttps://runbooks.internal/search-api",
    "Allocations18 of 20 allocations loop, 0 run",
    "Job version7, submitted 2026-03-10 14:09:26.250 UTC; the loop began 42 s later",
    "Version before6, stable",
    "Imageregistry.internal/search:7",
    "Deployment4b4b0a2e failed: Failed due to unhealthy allocations",
  ]);
  assert.equal(
    await inPage(page, "document.querySelector('.facts a').href"),
    "https://runbooks.internal/search-api",
  );
  assert.deepEqual(await texts(page, ".stream"), [
    `stderr${searchContext.LastWords!.Stderr!.join("\n")}`,
    "stdout<b>listening</b> on :8080",
  ]);
  assert.deepEqual(faults, []);
});

Deno.test("last words never break the layout, and what is missing is a sentence", async () => {
  const Stderr = [
    "<img src=x onerror=alert(1)>",
    "long".repeat(500),
    "\u202e\u001b[31m",
    ...Array.from({ length: 200 }, (_, n) => `line ${n}`),
  ];
  const Missing = "the token may not read logs: it lacks read-logs";
  await using fixture = startStatusFixture({
    loops: [badNight[0]!],
    context: { LastWords: { Stderr, Missing }, Change: { JobVersion: 3, Submitted: ago(100) } },
  });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/allocation/${encodeURIComponent(badNight[0]!.name)}`, {
    width: 375,
  });
  const faults = watchForFaults(page);
  await shows(page, "#allocation .note", "The token may not read logs: it lacks read-logs.");
  await shows(page, ".facts dd", "3, submitted 2026-03-10 12:52:08.250 UTC; the loop began before that");
  assert.match(
    (await texts(page, "pre"))[0]!,
    /^<img src=x onerror=alert\(1\)>\n(long)+\n\\u202e\\u001b\[31m\nline 0\n/,
  );
  assert.ok(await inPage(page, "document.documentElement.scrollWidth <= innerWidth"));
  assert.ok(await inPage(page, "document.querySelector('pre').clientHeight <= 260"));
  assert.equal(await inPage(page, "document.querySelectorAll('main img').length"), 0);
  assert.deepEqual(faults, []);
});

Deno.test("nothing shifts while loops in open groups change", async () => {
  await using fixture = startStatusFixture({ loops: worseNight });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await page.waitForSelector(`${rows}.job .opener`);
  await inPage(page, `document.querySelector("${rows}.node .opener").click()`);
  await shows(page, `${rows}.level-1 .name a`, "proxy.nginx[0]");
  await inPage(
    page,
    `globalThis.shift = 0;
    new PerformanceObserver((list) => {
      for (const { value } of list.getEntries()) globalThis.shift += value;
    }).observe({ type: "layout-shift" })`,
  );
  const [worst] = badNight;
  for (let n = 1; n <= 3; n++) {
    fixture.loop({ ...worst!, count: 148 + n });
    await shows(page, `${rows} .count strong`, `${148 + n}`);
  }
  assert.equal(await inPage(page, "globalThis.shift"), 0);
});

Deno.test("a new loop appears, changes in its own row, and moves to the resolved ones", async () => {
  const first = madeLoop("a/one.web[0]", { count: 20 });
  const second = madeLoop("a/two.web[0]", { count: 9, firstNotifiedAt: fixtureNow });
  await using fixture = startStatusFixture({ loops: [first] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await showsNames(page, ["one.web[0]"]);

  fixture.loop(second);
  await showsNames(page, ["one.web[0]", "two.web[0]"]);
  await shows(page, "h1", "2 crash-looping now");
  await shows(
    page,
    "#arrivals",
    "two.web[0] is crash-looping: exited with 1 after 2.1 s, 9 times since 14:14 UTC",
  );

  await inPage(page, `for (const row of document.querySelectorAll("${rows}")) row.mark = row.textContent`);
  fixture.loop({ ...second, count: 30, notifications: 2 });
  await showsNames(page, ["two.web[0]", "one.web[0]"]);
  assert.deepEqual(await texts(page, `${rows} .count strong`), ["30", "20"]);
  assert.ok(await inPage(page, `[...document.querySelectorAll("${rows}")].every((row) => row.mark)`));

  fixture.end(first);
  await showsNames(page, ["two.web[0]"]);
  await showsNames(page, ["one.web[0]"], resolvedRows);
  await shows(page, "#arrivals", "one.web[0] is resolved");
});

Deno.test("the order is kept under the pointer, and rows change in place", async () => {
  const [one, two] = [madeLoop("a/one.web[0]", { count: 20 }), madeLoop("a/two.web[0]", { count: 9 })];
  await using fixture = startStatusFixture({ loops: [one, two] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await showsNames(page, ["one.web[0]", "two.web[0]"]);
  await page.hover(`${rows}:last-child`);
  fixture.loop({ ...two, count: 30 });
  await shows(page, `${rows}:last-child .count strong`, "30");
  await showsNames(page, ["one.web[0]", "two.web[0]"]);
  await page.mouse.move(1, 1);
  await showsNames(page, ["two.web[0]", "one.web[0]"]);
});

Deno.test("search and order are requested from the detector, and kept in the address", async () => {
  await using fixture = startStatusFixture({ loops: badNight });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "7 crash-looping now");
  await page.keyboard.press("/");
  await page.keyboard.type("ledger");
  await showsNames(page, ["ledger-sync.worker[0]", "ledger-sync.worker[1]"]);
  await shows(page, "h1", "2 of 7 crash loops match");
  await page.click("input[value=newest]");
  await showsNames(page, ["ledger-sync.worker[1]", "ledger-sync.worker[0]"]);
  assert.equal(new URL(page.url()).search, "?q=ledger&sort=newest");
  await page.reload();
  await showsNames(page, ["ledger-sync.worker[1]", "ledger-sync.worker[0]"]);
  await page.focus("#search");
  await page.keyboard.type(" <b>");
  await shows(page, "#looping .note", "No active loop matches “ledger <b>”.");
  await page.keyboard.press("Escape");
  await shows(page, "h1", "7 crash-looping now");
});

Deno.test("the keyboard reaches rows, one loop's view, and the way back", async () => {
  await using fixture = startStatusFixture({ loops: badNight });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  const focused = () => inPage(page, "document.activeElement.textContent");
  await shows(page, "h1", "7 crash-looping now");
  for (const key of ["j", "j", "ArrowDown", "k"] as const) await page.keyboard.press(key);
  assert.equal(await focused(), "ledger-sync.worker");
  assert.notEqual(
    await inPage(page, "getComputedStyle(document.activeElement, '::after').outlineStyle"),
    "none",
  );
  await page.keyboard.press("Enter");
  await shows(page, `${rows} .name a`, "ledger-sync.worker[0]");
  await page.keyboard.press("j");
  assert.equal(await focused(), "ledger-sync.worker[0]");
  assert.notEqual(
    await inPage(page, "getComputedStyle(document.activeElement, '::after').outlineStyle"),
    "none",
  );
  await page.keyboard.press("Enter");
  await shows(
    page,
    ".verdict",
    /^Crash-looping for 1 h 14 min, since 13:18:08 · 41 restarts, the last 2\d s ago$/,
  );
  assert.equal(
    decodeURIComponent(new URL(page.url()).pathname),
    "/allocation/payments/ledger-sync.worker[0]",
  );
  await page.keyboard.press("Escape");
  await waitFor("the row to have the focus again", async () => await focused() === "ledger-sync.worker[0]");
  assert.equal(new URL(page.url()).pathname, "/");
  for (let n = 0; n < 6; n++) await page.keyboard.press("j");
  assert.equal(await focused(), "cart.web[0]");
  await page.keyboard.press("k");
  assert.equal(await focused(), "otel-gateway.collector[3]");
});

Deno.test("the keyboard walks through more rows than are rendered", async () => {
  await using fixture = startStatusFixture({ loops: manyLoops(500) });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "500 crash-looping now");
  for (let n = 0; n <= 120; n++) await page.keyboard.press("j");
  await waitFor(
    "the row",
    async () => await inPage(page, "document.activeElement.textContent") === "job-0120.web[0]",
  );
  assert.ok(await inPage(page, "document.activeElement.getBoundingClientRect().bottom < innerHeight"));
});

Deno.test("the view of a loop has its events and commands, and stays live", async () => {
  const loop = madeLoop("pay/sync.worker[0]", { count: 3, exitCode: 137, job: "it's $(id)", task: null });
  await using fixture = startStatusFixture({ loops: [loop] });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/allocation/${encodeURIComponent(loop.name)}`);
  const faults = watchForFaults(page);
  await shows(page, "#allocation h1", "sync.worker[0]");
  await shows(page, "#allocation .events tbody tr .type", "Terminated");
  assert.deepEqual(await texts(page, ".commands code"), [
    "nomad alloc status -namespace pay -- 6f1ad34c-20e5-bc5e-4a05-0d8c43a0c9a1",
    "nomad alloc logs -stderr -namespace pay -- 6f1ad34c-20e5-bc5e-4a05-0d8c43a0c9a1",
    String.raw`nomad job status -namespace pay -- 'it'\''s $(id)'`,
  ]);
  assert.deepEqual(await texts(page, ".events tbody tr:nth-child(2) td"), [
    "2026-03-10 14:31:42.150",
    "Terminated",
    'Exit Code: 137, Exit Message: "exited with 137"',
    "137, signal 9 (SIGKILL)",
    "6f1ad34c",
  ]);
  assert.equal((await texts(page, ".events tbody tr")).length, 9);
  fixture.loop({ ...loop, count: 4, timeline: [...loop.timeline, Date.parse(ago(0.01))] });
  await shows(page, ".verdict", /· 4 restarts/);
  assert.equal((await texts(page, ".events tbody tr")).length, 12);
  await page.click(".commands li:last-child button");
  await shows(page, ".commands li:last-child button", "Copied");
  assert.deepEqual(faults, []);
});

Deno.test("the commands pass no name as an option, and leave out names that shells read differently", async () => {
  const loops = [
    madeLoop("a/one.web[0]", { job: "-address=http://evil" }),
    madeLoop("a/two.web[0]", { job: "\u001b]0;", task: "a\\" }),
  ];
  await using fixture = startStatusFixture({ loops });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/allocation/${encodeURIComponent("a/one.web[0]")}`);
  await shows(page, ".commands code", "nomad job status -namespace a -- '-address=http://evil'");
  assert.equal((await texts(page, ".commands code")).length, 3);
  const note = "A name has characters that shells read differently; " +
    "commands with it are left out.";
  assert.ok(!(await texts(page, "#allocation .note")).includes(note));
  await page.goto(`${fixture.url}/allocation/${encodeURIComponent("a/two.web[0]")}`);
  await shows(page, "#allocation .note", note);
  assert.deepEqual(await texts(page, ".commands code"), [
    "nomad alloc status -namespace a -- 6f1ad34c-20e5-bc5e-4a05-0d8c43a0c9a1",
  ]);
});

Deno.test("the view of an unknown loop says so, and leads back to the list", async () => {
  await using fixture = startStatusFixture({ loops: [badNight[0]!] });
  await using chromium = await startChromium();
  const page = await chromium.open(`${fixture.url}/allocation/nosuch`);
  await shows(
    page,
    "#allocation .note",
    "No crash loop of this name is known: there was none, or it was resolved long ago.",
  );
  await page.click(".back a");
  await showsNames(page, ["checkout-api.web[2]"]);
});

Deno.test("names and reasons with markup or direction marks are shown as text", async () => {
  const markup = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const loops = [
    madeLoop(markup, { reason: markup, job: markup, task: markup, node: markup, namespace: null, count: 9 }),
    madeLoop("\u202eevil\u0007.web[0]", { count: 8 }),
    madeLoop(`a/${"very-long-".repeat(80)}.web[0]`, { count: 7, reason: "long".repeat(500) }),
  ];
  await using fixture = startStatusFixture({ loops });
  await using chromium = await startChromium();
  for (const width of [1280, 375]) {
    const page = await chromium.open(fixture.url, { width });
    const faults = watchForFaults(page);
    await page.reload();
    await showsNames(page, [
      markup,
      String.raw`\u202eevil\u0007.web[0]`,
      `${"very-long-".repeat(80)}.web[0]`,
    ]);
    assert.ok(await inPage(page, "document.documentElement.scrollWidth <= innerWidth"));
    for (const { name } of loops) {
      await page.goto(`${fixture.url}/allocation/${encodeURIComponent(name)}`);
      await page.waitForSelector(".verdict");
      await shows(page, ".events tbody tr .type", "Started");
      assert.ok(await inPage(page, "document.documentElement.scrollWidth <= innerWidth"));
    }
    assert.equal(await inPage(page, "document.querySelectorAll('img, main script').length"), 0);
    assert.deepEqual(faults, []);
  }
});

Deno.test("the page says since when it is not live, and reconnects", async () => {
  await using fixture = startStatusFixture({ loops: [badNight[0]!] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await showsNames(page, ["checkout-api.web[2]"]);
  await shows(page, "#live", "Live");
  await fixture.stop();
  await shows(
    page,
    ".banner",
    /^Not live since 14:32:\d\d UTC The detector does not answer. The data shown is from then. Retrying.$/,
  );
  await shows(page, "#live", "Not live");
  assert.deepEqual(await texts(page, `${rows} .name a`), ["checkout-api.web[2]"]);
  fixture.loop(badNight[1]!);
  fixture.start();
  await showsNames(page, ["checkout-api.web[2]", "ledger-sync.worker[0]"]);
  await shows(page, "#live", "Live");
  assert.deepEqual(await texts(page, ".banner"), []);
});

Deno.test("the page asks for a token, rejects a wrong one, and keeps the right one for the tab", async () => {
  await using fixture = startStatusFixture({ loops: [badNight[0]!], token: "secret" });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await shows(page, "h1", "This page asks for a token");
  await page.type("#token-text", "wrong");
  await page.keyboard.press("Enter");
  await shows(page, "#token-problem", "That token was rejected.");
  await page.type("#token-text", "secret");
  await page.keyboard.press("Enter");
  await showsNames(page, ["checkout-api.web[2]"]);
  await shows(page, "#live", "Live");
  await page.reload();
  await showsNames(page, ["checkout-api.web[2]"]);
  assert.deepEqual(await texts(page, ".token"), []);
});

Deno.test("the page follows the preferences for dark and for reduced motion", async () => {
  await using fixture = startStatusFixture({ loops: badNight });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url, { dark: true, reducedMotion: true });
  await shows(page, "h1", "7 crash-looping now");
  assert.equal(
    await inPage(page, "getComputedStyle(document.documentElement).backgroundColor"),
    "rgb(19, 21, 23)",
  );
  assert.equal(
    await inPage(page, `getComputedStyle(document.querySelector("${rows}")).transitionDuration`),
    "0s",
  );
  const light = await chromium.open(fixture.url);
  await shows(light, "h1", "7 crash-looping now");
  assert.equal(
    await inPage(light, "getComputedStyle(document.documentElement).backgroundColor"),
    "rgb(251, 251, 250)",
  );
});

const down = {
  type: "amqp",
  up: false,
  since: ago(5),
  problem: "connection refused by a.very.long.host.internal:5672",
  ended: false,
};
const views = [
  ["list", "/", { loops: badNight }],
  ["open groups", "/?q=e", { loops: worseNight }],
  ["context", `/allocation/${encodeURIComponent("shop/search.api[0]")}`, {
    loops: worseNight,
    context: searchContext,
  }],
  ["empty", "/", {}],
  ["blind", "/", { loops: badNight, status: { source: down } }],
  ["one loop", `/allocation/${encodeURIComponent(badNight[1]!.name)}`, { loops: badNight }],
  ["a resolved loop", `/allocation/${encodeURIComponent("shop/cart.web[0]")}`, { loops: badNight }],
  ["token", "/", { token: "secret" }],
] as const;
const settled = "#looping tbody tr, #looping .note strong, .events tbody tr, .token:not([hidden])";
/** Colours on their way from light to dark have no contrast that counts. */
const transitionsEnded = `Promise.allSettled(document.getAnimations()
  .filter((one) => one instanceof CSSTransition).map((one) => one.finished)).then(() => true)`;

Deno.test("every view fits a phone and passes axe, light and dark", async () => {
  await using chromium = await startChromium();
  for (const [name, path, options] of views) {
    await using fixture = startStatusFixture(options);
    for (const width of [1280, 375]) {
      const page = await chromium.open(`${fixture.url}${path}`, { width });
      await page.waitForSelector(settled);
      await page.evaluate(axe.source);
      for (const dark of [false, true]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
        await inPage(page, transitionsEnded);
        assert.ok(
          await inPage(page, "document.documentElement.scrollWidth <= innerWidth"),
          `${name} at ${width}`,
        );
        const { violations } = await inPage<{ violations: { id: string; nodes: { html: string }[] }[] }>(
          page,
          "axe.run(document, { resultTypes: ['violations'] })",
        );
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        assert.deepEqual(found, [], `${name}, ${width} wide, ${dark ? "dark" : "light"}`);
      }
      await page.close();
    }
  }
});

Deno.test("a resolved loop is found by its id while its name loops again", async () => {
  const old = ended({ ...madeLoop("a/one.web[0]", { count: 7 }), id: "old" }, ago(30));
  await using fixture = startStatusFixture({ loops: [old, madeLoop("a/one.web[0]", { count: 5 })] });
  await using chromium = await startChromium();
  const page = await chromium.open(fixture.url);
  await showsNames(page, ["one.web[0]"], resolvedRows);
  await page.click(`${resolvedRows} .name a`);
  await shows(page, ".verdict", /^Resolved 30 min ago, .* 7 restarts/);
});
