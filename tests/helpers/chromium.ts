// A real Chromium for a test: no profile but its own, which is gone when the test ends.

import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { findServer } from "../tools/setup.ts";
import { waitFor } from "./wait_for.ts";

export type { Page };

/** How a page is looked at. */
export interface View {
  /** In CSS pixels; 1280 × 800 by default. */
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

/** What an expression is in the page. Types of the DOM are not those of Deno, so that it is a text. */
export async function inPage<T>(page: Page, expression: string): Promise<T> {
  return await page.evaluate(expression) as T;
}

/** The texts of all elements that a selector finds and that are shown. */
export function texts(page: Page, selector: string): Promise<string[]> {
  return inPage(
    page,
    `[...document.querySelectorAll(${JSON.stringify(selector)})]
      .filter((one) => one.checkVisibility()).map((one) => one.textContent.trim())`,
  );
}

/** Resolves when a visible element that matches the selector has the text. */
export async function shows(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  let last: string[] = [];
  const fits = (text: string) => typeof expected === "string" ? text === expected : expected.test(text);
  try {
    await waitFor(
      `${selector} to show ${expected}`,
      async () => (last = await texts(page, selector)).some(fits),
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}; it shows ${JSON.stringify(last)}`);
  }
}
