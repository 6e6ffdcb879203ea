// A private Alertmanager for a test: own port, own folder, no cluster, gone when the test ends; and what it notifies of.
import { findServer } from "../tools/setup.ts";
import { freePort } from "./rabbitmq.ts";
import { waitFor } from "./wait_for.ts";

/** An alert as Alertmanager shows it. */
export interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

/** Starts an Alertmanager; resolves when it answers. `prefix` is the path under which it does. */
export async function startAlertmanager(prefix = ""): Promise<Alertmanager> {
  const alertmanager = new Alertmanager(prefix);
  try {
    await alertmanager.start();
    return alertmanager;
  } catch (error) {
    await alertmanager[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running Alertmanager, which notifies at once of what begins and ends. Disposing it kills it. */
export class Alertmanager implements AsyncDisposable {
  readonly url: string;
  readonly port = freePort();
  /** What it notified of, in order: status and job. */
  readonly notified: string[] = [];
  readonly #prefix: string;
  readonly #directory = Deno.makeTempDirSync({ prefix: "alertmanager-" });
  readonly #receiver: Deno.HttpServer<Deno.NetAddr>;
  #child: Deno.ChildProcess | undefined;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.url = `http://127.0.0.1:${this.port}${prefix}`;
    this.#receiver = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      const { alerts } = await request.json();
      for (const { status, labels } of alerts) this.notified.push(`${status} ${labels.job}`);
      return new Response();
    });
    Deno.writeTextFileSync(
      `${this.#directory}/alertmanager.yml`,
      `route: { receiver: test, group_by: ["..."], group_wait: 0s, group_interval: 100ms, repeat_interval: 1h }
receivers:
  - name: test
    webhook_configs: [{ url: "http://127.0.0.1:${this.#receiver.addr.port}/", send_resolved: true }]
`,
    );
  }

  /** Starts it, or starts it again: then it has forgotten all. */
  async start(): Promise<void> {
    this.#child = new Deno.Command(findServer("alertmanager"), {
      args: [
        `--config.file=${this.#directory}/alertmanager.yml`,
        `--storage.path=${this.#directory}/data`,
        `--web.listen-address=127.0.0.1:${this.port}`,
        `--web.route-prefix=${this.#prefix || "/"}`,
        "--cluster.listen-address=",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await waitFor("Alertmanager to be ready", () => this.#isReady(), { timeoutMs: 30_000 });
  }

  async stop(): Promise<void> {
    try {
      this.#child?.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child?.status;
  }

  /** The alerts that are active now. */
  async active(): Promise<ShownAlert[]> {
    const response = await fetch(`${this.url}/api/v2/alerts`);
    return await response.json();
  }

  /** The jobs of the alerts that are active now. */
  async jobs(): Promise<string[]> {
    return (await this.active()).map(({ labels }) => labels.job!).sort();
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#receiver.shutdown();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
