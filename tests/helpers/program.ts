// The real program as a child process: what a person would start, with its output at hand.
import { waitFor } from "./wait_for.ts";

/** What the program is started with. */
export interface Start {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input, which then ends. */
  readonly stdin?: string;
  /** The words before its command, of another one that becomes it: `setpriv …`. */
  readonly through?: readonly string[];
  /** The file that is the program, where that is not the one in src. */
  readonly main?: string;
  /** What nobody reads, until `read()`. */
  readonly unread?: "stdout" | "stderr";
}

/** How it ended. */
export interface End {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. Disposing it kills it. */
export class Program implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly ended: Promise<End>;
  /** Reads, from now on, what nobody did. */
  readonly read: () => void;
  readonly #child: Deno.ChildProcess;

  constructor({ args = [], env = {}, stdin = "", through = [], main = source, unread }: Start) {
    const [command, ...words] = [
      ...through,
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      ...permissions,
      main,
      ...args,
    ];
    this.#child = new Deno.Command(command!, {
      args: words,
      env: { ...inherited(), TZ: "UTC", ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    this.read = resolve;
    const output = Promise.all([
      collect(this.#child.stdout, (text) => this.stdout += text, unread === "stdout" ? asked : undefined),
      collect(this.#child.stderr, (text) => this.stderr += text, unread === "stderr" ? asked : undefined),
      new Blob([stdin]).stream().pipeTo(this.#child.stdin).catch(() => {}),
    ]);
    this.ended = Promise.all([this.#child.status, output])
      .then(([{ code }]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  /** Resolves with its exit code, whether its output is read or not. */
  get exited(): Promise<number> {
    return this.#child.status.then(({ code }) => code);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The whole lines on its standard output. */
  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves when stderr contains the text. */
  async logged(text: string, timeoutMs = 20_000): Promise<void> {
    try {
      await waitFor(`${JSON.stringify(text)} in the log`, () => this.stderr.includes(text), { timeoutMs });
    } catch (error) {
      throw new Error(`${(error as Error).message}; it says:\n${this.stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    this.read();
    await this.ended;
  }
}

/** Runs the program to its end. */
export async function run(start: Start): Promise<End> {
  await using program = new Program(start);
  return await program.ended;
}

const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
/** The flags of the task `start`: permissions and memory as users have them. */
export const permissions: string[] = config.tasks.start.command.match(/--(allow|no-prompt|v8-flags)[^\s']*/g);
/** The file in src that is the program. */
export const source: string = new URL("../../src/main.ts", import.meta.url).pathname;

/** What Deno itself needs, and nothing that is a setting. */
export function inherited(): Record<string, string> {
  const names = [
    "PATH",
    "HOME",
    "DENO_DIR",
    "XDG_CACHE_HOME",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_USERCONFIG",
  ];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
  begin?: Promise<void>,
): Promise<void> {
  await begin;
  for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
}
