// Programs that are measured: the detector as a release has it, and the baselines, each with its CPU time and memory.
import { Bundle } from "../../helpers/bundle.ts";
import { inherited, permissions } from "../../helpers/program.ts";
import { waitFor } from "../../helpers/wait_for.ts";

/** What a program is started with. */
export interface Start {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file for its standard input, and one that is written with its standard output. */
  readonly stdin?: string;
  readonly stdout?: string;
}

let bundle: Bundle | undefined;

/** Makes what `startDetector` starts, once for all of a run. Disposing it deletes it. */
export async function bundleDetector(): Promise<Disposable> {
  bundle = await Bundle.make();
  // What Deno keeps of a program that it compiled is there then, as at every start but the first.
  for (const start of firstStarts) {
    await using program = startDetector(start);
    await program.ended().catch(() => {}); // nobody is there
  }
  return bundle;
}

const firstStarts: readonly Start[] = [
  { args: ["--source-type", "stdin"] },
  { env: { AMQP_CONNECTION: "amqp://127.0.0.1:1/", AMQP_QUEUE: "none", CONNECT_TIMEOUT: "1ms" } },
];

/** Starts the detector: the bundle that binaries are made of, by Deno and with the flags of the task `start`. It is
 * no binary, which is not to be had everywhere. */
export function startDetector({ args = [], ...start }: Start): Measured {
  if (bundle === undefined) throw new Error("bundleDetector() comes first");
  const { main } = bundle;
  return new Measured([Deno.execPath(), "run", "--no-check", ...permissions, main, ...args], start);
}

/** Starts a program of this folder's baselines with Deno. */
export function startBaseline(name: string, { args = [], ...start }: Start): Measured {
  const path = new URL(`../baselines/${name}.ts`, import.meta.url).pathname;
  return new Measured([Deno.execPath(), "run", "--no-check", ...permissions, path, ...args], start);
}

/** A running program of which CPU time and memory are known. Its output goes into files. Disposing it kills it. */
export class Measured implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #directory = Deno.makeTempDirSync({ prefix: "bench-program-" });
  #ended = false;

  constructor(command: readonly string[], { env = {}, stdin = "/dev/null", stdout = "/dev/null" }: Start) {
    Deno.writeTextFileSync(`${this.#directory}/err`, "");
    this.#child = new Deno.Command("sh", {
      args: ["-c", guarded, stdin, stdout, `${this.#directory}/err`, ...command],
      env: { ...inherited(), TZ: "UTC", ...env },
      clearEnv: true,
      detached: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#child.status.then(() => this.#ended = true);
  }

  /** User and system time of all its threads, in seconds, as far as it has come. */
  get cpu(): number {
    const fields = this.#proc("stat").replace(/^.*\) /, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticks;
  }

  /** What it has in memory now, in megabytes of a million bytes. */
  get rss(): number {
    return this.#status("VmRSS");
  }

  /** The most that it had. */
  get peak(): number {
    return this.#status("VmHWM");
  }

  /** What it wrote on standard error. */
  get stderr(): string {
    return Deno.readTextFileSync(`${this.#directory}/err`);
  }

  /** Resolves when this text stands on its standard error. */
  async logged(text: string): Promise<void> {
    await waitFor(`${text} in the log`, () => {
      if (this.#ended) throw new Error(`it ended and said:\n${this.stderr}`);
      return this.stderr.includes(text);
    }, { timeoutMs: 30_000, everyMs: 5 });
  }

  /** Resolves when it has ended by itself. @throws {Error} where it did not end well. */
  async ended(): Promise<void> {
    const { success, code } = await this.#child.status;
    if (!success) throw new Error(`it ended with ${code} and said:\n${this.stderr.slice(-2000)}`);
  }

  /** Asks it to finish. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }

  #status(key: string): number {
    const kibibytes = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(this.#proc("status"))?.[1];
    return Number(kibibytes) * 1024 / 1e6;
  }

  #proc(file: string): string {
    return Deno.readTextFileSync(`/proc/${this.#child.pid}/${file}`);
  }
}

/** Kills the process group when standard input ends, which happens at the latest when the bench itself is gone. */
const guarded = `
  in=$0 out=$1 err=$2
  shift 2
  exec 3<&0
  (cat <&3 >/dev/null 2>&1; kill -KILL 0) &
  exec "$@" <"$in" >"$out" 2>"$err" 3<&-`;

const ticks = Number(
  new TextDecoder().decode(new Deno.Command("getconf", { args: ["CLK_TCK"] }).outputSync().stdout),
);
