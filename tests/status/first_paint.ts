// Measures the page with 10,000 loops in a real Chromium: `deno run -A tests/status/first_paint.ts [rounds] [jobs]`. Prints
// when the first rows were painted after the address was opened, how long frames take while the list is scrolled, and
// how long scripts of the page ran until then and while it scrolled.

import { argv, stdout } from "node:process";
import { type Page, startChromium } from "../helpers/chromium.ts";
import { manyLoops, startStatusFixture } from "../helpers/status_fixture.ts";

const rowsPainted = `new Promise((resolve) => {
  const look = () => document.querySelector("#looping tbody tr:not(.unknown)")
    ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
    : requestAnimationFrame(look);
  look();
})`;
const layoutShift = `new Promise((resolve) => {
  const observer = new PerformanceObserver((list) =>
    resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0)));
  observer.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(0), 500);
})`;
const scrolled = `(async () => {
  const frames = [];
  let last = performance.now();
  for (let n = 0; n < 200; n++) {
    scrollTo(0, n * document.documentElement.scrollHeight / 200);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((a, b) => a - b);
  return [frames[100], frames[190], frames[199]];
})()`;

/** How long scripts of the page have run, in milliseconds. */
async function scripting(page: Page): Promise<number> {
  return (await page.metrics()).ScriptDuration! * 1000;
}

if (import.meta.main) {
  await using chromium = await startChromium();
  await using fixture = startStatusFixture({ loops: manyLoops(10_000, Number(argv[3] ?? 10_000)) });
  const shown = (ms: number) => `${ms.toFixed(0)} ms`;
  for (let round = 0; round < Number(argv[2] ?? 5); round++) {
    const page = await chromium.open(fixture.url);
    const rows = await page.evaluate(rowsPainted) as number;
    const shift = await page.evaluate(layoutShift) as number;
    const loaded = await scripting(page);
    const [median, p95, worst] = await page.evaluate(scrolled) as [number, number, number];
    stdout.write(
      `first rows painted after ${shown(rows)}, layout shift ${shift.toFixed(3)}, frames of scrolling: ` +
        `median ${shown(median)}, p95 ${shown(p95)}, worst ${shown(worst)}; scripts: loading ${
          shown(loaded)
        }, ` +
        `scrolling ${shown(await scripting(page) - loaded)}\n`,
    );
    await page.close();
  }
}
