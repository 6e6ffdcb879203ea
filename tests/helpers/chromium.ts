// A real Chromium for a test: no profile but its own, which is gone when the test ends.

import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { findServer } from "../setup.ts";

export type { Page };

/** How a page is looked at. */
export interface View {
  /** In CSS pixels; 1280 × 800 unless told. */
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly reducedMotion?: boolean;
}

/** Starts Chromium. */
export async function startChromium(): Promise<Chromium> {
  const directory = await Deno.makeTempDir({ prefix: "chromium-" });
  const browser = await puppeteer.launch({
    executablePath: findServer("chromium"),
    userDataDir: directory,
    headless: true,
    // No sandbox, since tests may run as root in a container.
    args: ["--no-sandbox", "--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-lcd-text"],
  });
  return new Chromium(browser, directory);
}

/** A browser of a test's own. */
export class Chromium implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #directory: string;

  constructor(browser: Browser, directory: string) {
    this.#browser = browser;
    this.#directory = directory;
  }

  /** Opens an address in a context of its own, without anything kept from other pages. */
  async open(
    url: string,
    { width = 1280, height = 800, dark = false, reducedMotion = false }: View = {},
  ): Promise<Page> {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width, height, deviceScaleFactor: 1 });
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
      { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" },
    ]);
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
