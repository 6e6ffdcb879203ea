// A Chromium that several tests have in common: starting one takes longer than most tests of the page.

import { findServer } from "../tools/setup.ts";
import { waitFor } from "./wait_for.ts";

/** No sandbox, since tests may run as root in a container. */
const chromiumArgs = [
  "--no-sandbox",
  "--headless=new",
  "--disable-gpu",
  "--hide-scrollbars",
  "--disable-lcd-text",
];

/** Kills its process group, the browser with all its children, when standard input ends. */
const guard = `
  exec 3<&0 </dev/null
  (cat <&3 >/dev/null; kill -KILL 0) &
  exec "$@" 3<&-`;

/** A browser without a window, which is gone when this process ends, for whatever reason. */
export class ChromiumProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;
  /** Where puppeteer connects. */
  readonly endpoint: string;

  private constructor(child: Deno.ChildProcess, directory: string, endpoint: string) {
    this.#child = child;
    this.#directory = directory;
    this.endpoint = endpoint;
  }

  /** Starts one and resolves when it listens. */
  static async start(): Promise<ChromiumProcess> {
    const directory = Deno.makeTempDirSync({ prefix: "chromium-" });
    const args = [
      ...chromiumArgs,
      "--remote-debugging-port=0",
      `--user-data-dir=${directory}`,
      "about:blank",
    ];
    const child = new Deno.Command("sh", {
      args: ["-c", guard, "sh", findServer("chromium"), ...args],
      detached: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const endpoint = await waitFor("Chromium to listen", () => endpointIn(directory));
    return new ChromiumProcess(child, directory, endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
    // What was killed is gone a moment later, and may have written a file meanwhile.
    await waitFor("the browser's folder to be removed", () => isRemoved(this.#directory));
  }
}

/** Chromium writes its port and path into a file once it listens. */
function endpointIn(directory: string): string | undefined {
  try {
    const [port, path] = Deno.readTextFileSync(`${directory}/DevToolsActivePort`).split("\n");
    return path ? `ws://127.0.0.1:${port}${path}` : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isRemoved(folder: string): Promise<boolean> {
  try {
    await Deno.remove(folder, { recursive: true });
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
