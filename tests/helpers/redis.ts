// A private Redis for a test: own port, own folder, gone when the test ends.
import { findServer } from "../tools/setup.ts";
import { freePort } from "./rabbitmq.ts";
import { waitFor } from "./wait_for.ts";

/** Starts a Redis with more arguments; resolves when it answers. */
export async function startRedis(...args: readonly string[]): Promise<Redis> {
  const redis = new Redis(args);
  try {
    await waitFor("Redis to be ready", () => redis.isReady());
    return redis;
  } catch (error) {
    await redis[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running Redis, which keeps nothing on disk. Disposing it kills it. */
export class Redis implements AsyncDisposable {
  readonly port: number = freePort();
  readonly #directory = Deno.makeTempDirSync({ prefix: "redis-" });
  readonly #program = findServer("redis");
  readonly #child: Deno.ChildProcess;

  constructor(args: readonly string[]) {
    this.#child = new Deno.Command(this.#program, {
      args: [
        "--port",
        `${this.port}`,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        this.#directory,
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async isReady(): Promise<boolean> {
    return /^(?:PONG|NOAUTH.*)\n/.test(await this.#cli("PING"));
  }

  /** What a command yields, as redis-cli prints it. */
  async command(...words: readonly string[]): Promise<string> {
    const said = (await this.#cli(...words)).trimEnd();
    if (/^(?:ERR|WRONG|NO)[A-Z]* /.test(said)) throw new Error(`Redis: ${said}`);
    return said;
  }

  /** What is in a list. */
  async list(key: string, password?: string): Promise<string[]> {
    const login = password === undefined ? [] : ["--no-auth-warning", "-a", password];
    return (await this.command(...login, "LRANGE", key, "0", "-1")).split("\n").filter((line) => line !== "");
  }

  async #cli(...words: readonly string[]): Promise<string> {
    const { stdout } = await new Deno.Command(this.#program.replace(/redis-server$/, "redis-cli"), {
      args: ["-p", `${this.port}`, ...words],
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}
