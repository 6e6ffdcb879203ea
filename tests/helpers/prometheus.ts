// A private Prometheus for a test: own port, own folder, gone when the test ends; and promtool.
import { findServer } from "../tools/setup.ts";
import { freePort } from "./rabbitmq.ts";
import { waitFor } from "./wait_for.ts";

/** A series as a query yields it. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** Starts a Prometheus that scrapes this `host:port` every 200 ms; resolves when it answers. */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const prometheus = new Prometheus(target);
  try {
    await waitFor("Prometheus to be ready", () => prometheus.isReady(), { timeoutMs: 30_000 });
    return prometheus;
  } catch (error) {
    await prometheus[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running Prometheus. Disposing it kills it. */
export class Prometheus implements AsyncDisposable {
  readonly #address = `127.0.0.1:${freePort()}`;
  readonly #directory = Deno.makeTempDirSync({ prefix: "prometheus-" });
  readonly #child: Deno.ChildProcess;

  constructor(target: string) {
    const config = `${this.#directory}/prometheus.yml`;
    Deno.writeTextFileSync(
      config,
      `global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs:
  - job_name: nomad-crashloop-detector
    static_configs: [{ targets: ["${target}"] }]
`,
    );
    this.#child = new Deno.Command(findServer("prometheus"), {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${this.#directory}/data`,
        `--web.listen-address=${this.#address}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.#address}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** What a query yields now. */
  async query(query: string): Promise<Sample[]> {
    const response = await fetch(`http://${this.#address}/api/v1/query?${new URLSearchParams({ query })}`);
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`Prometheus: ${error}`);
    return data.result;
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

/** Runs promtool, which comes with Prometheus, and yields how it ended. */
export async function promtool(
  args: readonly string[],
  stdin = "",
): Promise<{ readonly code: number; readonly output: string }> {
  const command = findServer("prometheus").replace(/prometheus$/, "promtool");
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const utf8 = new TextDecoder();
  return { code, output: utf8.decode(stdout) + utf8.decode(stderr) };
}
