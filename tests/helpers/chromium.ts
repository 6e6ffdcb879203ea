// A real Chromium for a test: every page has a context of its own, which is gone when the test ends.

import puppeteer, {
  type Browser,
  type BrowserContext,
  type ConnectionTransport,
  type Page,
} from "puppeteer-core";
import { ChromiumProcess } from "./chromium_process.ts";
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

let shared: ChromiumProcess | undefined;

/** Lets all tests of a file use one browser, each with contexts of its own. */
export function shareChromium(): void {
  Deno.test.beforeAll(async () => {
    shared = await ChromiumProcess.start();
  });
  Deno.test.afterAll(async () => {
    await shared?.[Symbol.asyncDispose]();
    shared = undefined;
  });
}

/** Connects to the browser that the tests of the file share; without one, starts one. */
export async function startChromium(): Promise<Chromium> {
  const own = shared ? undefined : await ChromiumProcess.start();
  const socket = new WebSocket((shared ?? own)!.endpoint);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return new Chromium(await puppeteer.connect({ transport: transportOver(socket) }), socket, own);
}

/** Puppeteer's own transport does not say when it is closed, so that its timer would outlive the test. */
function transportOver(socket: WebSocket): ConnectionTransport {
  const transport: ConnectionTransport = {
    send: (message) => socket.send(message),
    close: () => socket.close(),
  };
  socket.onmessage = ({ data }) => transport.onmessage?.(data);
  return transport;
}

/** A connection to a browser; it closes what was opened by it. */
export class Chromium implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #socket: WebSocket;
  readonly #own: ChromiumProcess | undefined;
  readonly #contexts: BrowserContext[] = [];

  constructor(browser: Browser, socket: WebSocket, own: ChromiumProcess | undefined) {
    this.#browser = browser;
    this.#socket = socket;
    this.#own = own;
  }

  /** Opens an address in a context of its own, without anything kept from other pages. */
  async open(
    url: string,
    { width = 1280, height = 800, dark = false, reducedMotion = false }: View = {},
  ): Promise<Page> {
    const context = await this.#browser.createBrowserContext();
    this.#contexts.push(context);
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
    for (const context of this.#contexts) await context.close();
    const closed = new Promise((resolve) => this.#socket.addEventListener("close", resolve));
    await this.#browser.disconnect();
    await closed;
    await this.#own?.[Symbol.asyncDispose]();
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
