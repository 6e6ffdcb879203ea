// A private RabbitMQ for a test: own ports, own folder, own epmd; gone when the test ends, even when it is killed.

import { dirname } from "node:path";
import { findServer } from "../tools/setup.ts";
import { waitFor } from "./wait_for.ts";

/** What a test may ask of its broker. */
export interface RabbitMqOptions {
  /** Lines of rabbitmq.conf. */
  config?: string[];
  /** How long a start may take, in milliseconds; 60 s by default. */
  timeoutMs?: number;
}

/** Starts a private broker and resolves when it speaks AMQP. Throws with the end of its log when it does not. */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<RabbitMq> {
  const broker = new RabbitMq(options);
  try {
    await broker.start();
    return broker;
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
}

/** Options of a test that starts again, or cuts off, a broker which it has in common with other tests: what it
 * leaves open outlives it. */
export const restartsBroker = { sanitizeOps: false, sanitizeResources: false };

/** A broker of a test's own, which can be stopped, killed, frozen and started again on the same port and data. */
export class RabbitMq implements AsyncDisposable {
  /** The AMQP port on 127.0.0.1, the same for life. */
  readonly port: number = freePort();
  /** Where the administrator guest logs in. */
  readonly url: string = `amqp://guest:guest@127.0.0.1:${this.port}`;
  readonly #program = findServer("rabbitmq");
  readonly #directory = Deno.makeTempDirSync({ prefix: "rabbitmq-" });
  readonly #epmdPort = freePort();
  readonly #timeoutMs: number;
  readonly #env: Record<string, string>;
  #epmd: GuardedProcess | undefined;
  #server: GuardedProcess | undefined;

  /** Prepares the folder and starts nothing; `startRabbitMq()` is the way to get a running one. */
  constructor({ config = [], timeoutMs = 60_000 }: RabbitMqOptions) {
    this.#timeoutMs = timeoutMs;
    const inside = (name: string) => `${this.#directory}/${name}`;
    Deno.writeTextFileSync(inside("rabbitmq.conf"), config.map((line) => `${line}\n`).join(""));
    Deno.writeTextFileSync(inside("enabled_plugins"), "[].\n");
    this.#env = {
      HOME: this.#directory, // for the Erlang cookie, which ctl() must share
      PATH: `${Deno.env.get("PATH")}:/usr/lib/erlang/bin:/opt/homebrew/opt/erlang/lib/erlang/bin`,
      ERL_EPMD_PORT: `${this.#epmdPort}`,
      ERL_EPMD_ADDRESS: "127.0.0.1",
      ERL_CRASH_DUMP_SECONDS: "0",
      RABBITMQ_NODENAME: `test-${this.port}@localhost`,
      RABBITMQ_NODE_PORT: `${this.port}`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_DIST_PORT: `${freePort()}`,
      // The default has room for eleven rabbitmqctl at once on the whole machine.
      RABBITMQ_CTL_DIST_PORT_MIN: `${ports.first}`,
      RABBITMQ_CTL_DIST_PORT_MAX: `${ports.last}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
      // Halves the start: with the default, none, every step waits for a sleeping core to wake.
      RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD: "very_short",
      RABBITMQ_SCHEDULER_BIND_TYPE: "u", // else the first scheduler of every broker sits on the same core
      RABBITMQ_MNESIA_BASE: inside("data"),
      RABBITMQ_LOG_BASE: inside("log"),
      RABBITMQ_LOGS: "-",
      RABBITMQ_PID_FILE: inside("pid"),
      RABBITMQ_CONFIG_FILE: inside("rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: inside("enabled_plugins"),
      // These need not exist, but must not be those of /etc.
      RABBITMQ_CONFIG_FILES: inside("conf.d"),
      RABBITMQ_ADVANCED_CONFIG_FILE: inside("advanced.config"),
      RABBITMQ_CONF_ENV_FILE: inside("rabbitmq-env.conf"),
    };
  }

  /** Starts the broker, again on the same port and data; resolves when it speaks AMQP. */
  async start(): Promise<void> {
    if (this.#server) throw new Error("the broker is running already");
    const log = `${this.#directory}/output.log`;
    this.#epmd ??= new GuardedProcess("epmd", this.#env, log);
    await waitFor("epmd to listen", () => this.#epmd?.ended || isOpen(this.#epmdPort));
    const server = this.#server = new GuardedProcess(this.#program, this.#env, log);
    try {
      const ready = () => server.ended || speaksAmqp(this.port);
      await waitFor("RabbitMQ to speak AMQP", ready, { timeoutMs: this.#timeoutMs, everyMs: 50 });
      if (server.ended) throw new Error("RabbitMQ ended while starting");
    } catch (error) {
      await this.kill();
      throw new Error(`${error instanceof Error ? error.message : error}; its log ends with:\n${tail(log)}`);
    }
  }

  /** Stops the broker in an orderly way; its data are kept. */
  async stop(): Promise<void> {
    if (this.#server && !this.#server.ended) {
      this.thaw();
      await this.#server.terminate();
    }
    await this.kill();
  }

  /** Kills the broker, frozen or not, as a lost machine would; its data are kept as they are. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.kill();
    await waitFor("the killed broker's port to close", async () => !await isOpen(this.port));
  }

  /** Halts the broker (SIGSTOP): connections stay open, new ones are taken by the kernel, and nothing answers. */
  freeze(): void {
    Deno.kill(this.#pid(), "SIGSTOP");
  }

  /** Resumes a frozen broker (SIGCONT). */
  thaw(): void {
    Deno.kill(this.#pid(), "SIGCONT");
  }

  /** Runs rabbitmqctl on this broker and resolves with what it printed; throws with its complaint. */
  async ctl(...args: string[]): Promise<string> {
    const command = `${dirname(this.#program)}/rabbitmqctl`;
    const all = ["--quiet", "--timeout", "30", ...args];
    const { success, stdout, stderr } = await new Deno.Command(command, { args: all, env: this.#env })
      .output();
    const text = new TextDecoder().decode(stdout);
    if (success) return text;
    throw new Error(
      `rabbitmqctl ${args.join(" ")} failed: ${`${text}${new TextDecoder().decode(stderr)}`.trim()}`,
    );
  }

  /** Kills the broker and its epmd and removes the data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#epmd?.kill();
    // What was killed is gone a moment later, and may have written a file meanwhile.
    await waitFor("the broker's folder to be removed", () => removed(this.#directory));
  }

  /** The Erlang machine, which is a child of the script that was started. */
  #pid(): number {
    if (!this.#server) throw new Error("the broker is not running");
    return Number(Deno.readTextFileSync(`${this.#directory}/pid`));
  }
}

/**
 * A process group that dies with this one: a watcher in it reads from a pipe that this process alone holds open, and
 * kills the group when the pipe ends, for whatever reason. Standard output and error are appended to `log`.
 */
class GuardedProcess {
  static readonly #guard = `
    exec 3<&0 </dev/null >>"$0" 2>&1
    (cat <&3 >/dev/null; kill -KILL 0) &
    exec "$@" 3<&-`;
  readonly #child: Deno.ChildProcess;
  ended = false;

  constructor(program: string, env: Record<string, string>, log: string) {
    const args = ["-c", GuardedProcess.#guard, log, program];
    this.#child = new Deno.Command("sh", {
      args,
      env,
      detached: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    })
      .spawn();
    this.#child.status.then(() => this.ended = true);
  }

  async terminate(): Promise<void> {
    if (!this.ended) this.#child.kill("SIGTERM");
    await waitFor("the process to end", () => this.ended, { timeoutMs: 30_000 });
  }

  async kill(): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }
}

async function removed(folder: string): Promise<boolean> {
  try {
    await Deno.remove(folder, { recursive: true });
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** The end of a log, without the long crash reports that come after RabbitMQ's own words. */
function tail(log: string): string {
  const lines = Deno.readTextFileSync(log).trim().split("\n");
  const failure = lines.lastIndexOf("BOOT FAILED");
  return lines.slice(0, failure === -1 ? undefined : failure + 6).slice(-20).join("\n");
}

// Below the range that Linux and macOS give to outgoing connections, which could take the port of a stopped broker.
const ports = { first: 10_240, last: 32_000 };
const given = new Set<number>();

/** A port that nobody listens on at 127.0.0.1, and that no other call in this process has had. */
export function freePort(): number {
  while (true) {
    const port = ports.first + Math.floor(Math.random() * (ports.last - ports.first));
    if (given.has(port)) continue;
    given.add(port);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

async function isOpen(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    // A server that is being killed resets what it had not accepted yet.
    const { ConnectionRefused, ConnectionReset } = Deno.errors;
    if (error instanceof ConnectionRefused || error instanceof ConnectionReset) return false;
    throw error;
  }
}

/** Whether the protocol header is answered by a method frame, which is Connection.Start (AMQP 0-9-1, 4.2.2). */
async function speaksAmqp(port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("AMQP\x00\x00\x09\x01"));
    const answer = new Uint8Array(1);
    return await connection.read(answer) === 1 && answer[0] === 1;
  } catch {
    return false;
  }
}
