// Makes the pictures of the page that README shows: `deno run -A tests/tools/screenshots.ts`, of the demo, as
// `deno task demo --listen …` shows it. With --all FOLDER, pictures of all main states, of a made-up detector;
// with --only NAMES, of these.

import { stdout } from "node:process";
import { parseArgs } from "node:util";
import { type Chromium, type Page, startChromium, type View } from "../helpers/chromium.ts";
import { smallPng } from "../helpers/small_png.ts";
import {
  ago,
  badNight,
  type FixtureOptions,
  madeLoop,
  manyLoops,
  searchContext,
  startStatusFixture,
  worseNight,
} from "../helpers/status_fixture.ts";

const folder = new URL("../fixtures/screenshots/", import.meta.url).pathname;

/** Of the demo with these arguments. */
const shots: readonly (readonly [name: string, args: readonly string[], path: string, view: View])[] = [
  ["page-light", [], "/", { width: 1280, height: 824 }],
  ["page-phone-dark", [], "/", { width: 375, height: 812, dark: true }],
  [
    "allocation-light",
    ["--rule", "failures"],
    `/allocation/${encodeURIComponent("killed.kill9[0]/kill9")}`,
    { width: 1280, height: 980 },
  ],
];

const detail = `/allocation/${encodeURIComponent("payments/ledger-sync.worker[0]")}`;
const down = {
  type: "amqp",
  up: false,
  since: ago(5),
  problem: "connection refused by rabbitmq.internal:5672",
  ended: false,
};
const sinkDown = {
  type: "kinesis",
  up: false,
  since: ago(3),
  problem: "ProvisionedThroughputExceededException",
  pending: 12,
  oldestPendingAt: ago(3),
};

const search = `/allocation/${encodeURIComponent("shop/search.api[0]")}`;

/** The main states, each with the keys that lead to it. */
const states: readonly (readonly [name: string, path: string, options: FixtureOptions, act?: string])[] = [
  ["grouped", "/", { loops: worseNight }],
  ["opened", "/", { loops: worseNight }, "j j j Enter"],
  ["node", "/", { loops: worseNight }, "j Enter j j j j j Enter"],
  ["muted", "/?q=team-data", { loops: worseNight }],
  ["gave-up", "/", { loops: worseNight.filter(({ status }) => status === "gave-up") }, "j Enter"],
  ["context", search, { loops: worseNight, context: searchContext }],
  ["list", "/", { loops: badNight }],
  ["one", "/", { loops: [madeLoop("default/web.app[0]")] }],
  ["empty", "/", {}],
  ["blind", "/", { loops: badNight, status: { source: down, sinks: [sinkDown] } }],
  ["many", "/", { loops: [...manyLoops(10_000), ...badNight] }],
  ["detail", detail, { loops: badNight }],
  ["ended", `/allocation/${encodeURIComponent("shop/cart.web[0]")}`, { loops: badNight }],
  ["hostile", "/", {
    loops: [
      madeLoop("<img src=x onerror=alert(1)>"),
      madeLoop(`a/${"very-long-".repeat(40)}.web[0]`),
      madeLoop("\u202eevil\u0007.web[0]", {
        reason: "<script>alert(1)</script> \u202e said the message ".repeat(12),
      }),
    ],
  }],
  ["focus", "/", { loops: badNight }, "j j"],
  ["search", "/?q=ledger&sort=newest", { loops: badNight }],
  ["token", "/", { token: "secret" }],
];

async function ready(page: Page): Promise<void> {
  await page.waitForSelector(
    "#looping tbody tr:not(.unknown), #looping .note:not([hidden]), .verdict, .token:not([hidden])",
  );
}

async function shoot(chromium: Chromium, url: string, path: string, view: View, act = ""): Promise<void> {
  const page = await chromium.open(url, view);
  await ready(page);
  for (const key of act.split(" ").filter((key) => key !== "")) {
    await page.keyboard.press(key as "j");
    if (key === "Enter") await page.waitForSelector('.opener:focus[aria-expanded="true"]');
  }
  await Deno.writeFile(path, await smallPng(page));
  await page.close();
  stdout.write(`${path} ${(await Deno.stat(path)).size} bytes\n`);
}

/** The demo with its page. Disposing it ends it. */
class Demo implements AsyncDisposable {
  private constructor(readonly url: string, readonly child: Deno.ChildProcess) {}

  static async start(args: readonly string[]): Promise<Demo> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "demo", "--listen", "127.0.0.1:0", ...args],
      cwd: new URL("../..", import.meta.url),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    for await (
      const text of child.stderr.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
    ) {
      said += text;
      const url = /The page is at (\S+)\/ until/.exec(said)?.[1];
      if (url !== undefined) return new Demo(url, child);
    }
    throw new Error(`the demo has no page: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.status;
  }
}

if (import.meta.main) {
  const { values: { all, only } } = parseArgs({
    options: { all: { type: "string" }, only: { type: "string" } },
  });
  await using chromium = await startChromium();
  if (all !== undefined) {
    await Deno.mkdir(all, { recursive: true });
    for (const [name, path, options, act] of states) {
      if (only !== undefined && !only.split(",").includes(name)) continue;
      await using fixture = startStatusFixture(options);
      for (const dark of [false, true]) {
        for (const width of [1280, 375]) {
          const file = `${all}/${name}-${width}${dark ? "-dark" : ""}.png`;
          const view = { width, height: width === 375 ? 812 : 800, dark };
          await shoot(chromium, `${fixture.url}${path}`, file, view, act);
        }
      }
    }
  } else {
    await Deno.mkdir(folder, { recursive: true });
    for (const [name, args, path, view] of shots) {
      await using demo = await Demo.start(args);
      await shoot(chromium, `${demo.url}${path}`, `${folder}${name}.png`, view);
    }
  }
}
