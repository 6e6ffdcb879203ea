// Where a round plays: queues at a broker, the program, a proxy before each of its two connections, and faults.
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { type End, Program } from "../helpers/program.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import type { RabbitMq } from "../helpers/rabbitmq.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { type Fault, heartbeat, type Side } from "./faults.ts";
import { pause } from "./pause.ts";
import { notificationInterval, restartCount, restartInterval } from "./stream.ts";

/** Where the program keeps its state. */
export type StateKind = "memory" | "sqlite";
/** What the queue of updates is. */
export type QueueKind = "classic" | "quorum";

/** The queues: updates, alerts, rejected messages. */
export const queues = { updates: "chaos.updates", alerts: "chaos.alerts", dead: "chaos.dead" };
const exchange = "chaos";

/** A scene, with the program running. Disposing it ends all but the broker. */
export class Scene implements AsyncDisposable {
  readonly broker: RabbitMq;
  /** The state file, where there is one. */
  readonly stateFile: string | undefined;
  /** What the program said and how it ended, each time that it did. */
  readonly lives: End[] = [];
  /** What the program did on its own that it must not do. */
  readonly problems: string[] = [];
  readonly #proxies: Readonly<Record<Side, Proxy>>;
  readonly #directory = Deno.makeTempDirSync({ prefix: "chaos-" });
  /** Undefined between its end and its next start. */
  #program: Program | undefined;
  /** The program and the broker suffer one fault after the other. */
  #programFaults = Promise.resolve();
  #brokerFaults = Promise.resolve();

  private constructor(broker: RabbitMq, state: StateKind, proxies: Record<Side, Proxy>) {
    this.broker = broker;
    this.#proxies = proxies;
    this.stateFile = state === "sqlite" ? `${this.#directory}/state.db` : undefined;
  }

  /** Creates the queues again and starts the program. */
  static async open(broker: RabbitMq, state: StateKind, queue: QueueKind): Promise<Scene> {
    await declareQueues(broker, queue);
    const proxies = { source: await startProxy(broker.port), sink: await startProxy(broker.port) };
    const scene = new Scene(broker, state, proxies);
    scene.start();
    return scene;
  }

  /** Whether the program has said that it consumes. */
  get consumes(): boolean {
    return this.#program?.stderr.includes("source amqp: consumes") ?? false;
  }

  /** Starts the program. */
  start(): void {
    const url = (side: Side) =>
      `amqp://guest:guest@127.0.0.1:${this.#proxies[side].port}/?heartbeat=${heartbeat}`;
    const program = this.#program = new Program({
      env: {
        AMQP_CONNECTION: url("source"),
        AMQP_QUEUE: queues.updates,
        SINK_TYPE: "amqp",
        SINK_AMQP_CONNECTION: url("sink"),
        SINK_AMQP_EXCHANGE: exchange,
        SINK_AMQP_ROUTING_KEY: "alert",
        RESTART_COUNT: String(restartCount),
        RESTART_INTERVAL: restartInterval,
        NOTIFICATION_INTERVAL: notificationInterval,
        STATE: this.stateFile === undefined ? "memory" : `sqlite:${this.stateFile}`,
        SHUTDOWN_TIMEOUT: "5s",
      },
    });
    program.ended.then((end) => {
      this.lives.push(end);
      if (this.#program === program) this.#endedByItself(end);
    });
  }

  /** Ends the program; yields how it ended. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<End> {
    const program = this.#program!;
    this.#program = undefined; // from here on its end is wanted
    program.signal(signal);
    const end = await within(15_000, `the program to end on ${signal}`, program.ended);
    if (signal === "SIGTERM" && !endedWell(end)) {
      this.problems.push(`after SIGTERM it ended with ${end.code}: ${lastLines(end)}`);
    }
    if (/^(Uncaught|error: |\s+at )/m.test(end.stderr)) this.problems.push(`it crashed: ${lastLines(end)}`);
    return end;
  }

  /** Lets a fault happen; resolves when it is over. */
  async suffer(fault: Fault): Promise<void> {
    switch (fault.what) {
      case "kill":
      case "terminate":
        return await (this.#programFaults = this.#programFaults.then(async () => {
          await this.end(fault.what === "kill" ? "SIGKILL" : "SIGTERM");
          this.start();
        }));
      case "cut":
      case "reset":
        return await this.#proxies[fault.on][fault.what]();
      case "stall":
        this.#proxies[fault.on].stall();
        await pause(fault.milliseconds);
        return this.#proxies[fault.on].resume();
      case "refuse":
        this.#proxies[fault.on].refuse();
        await this.#proxies[fault.on].cut();
        await pause(fault.milliseconds);
        return await this.#proxies[fault.on].accept();
      case "broker-kill":
      case "broker-stop":
        return await (this.#brokerFaults = this.#brokerFaults.then(async () => {
          await (fault.what === "broker-kill" ? this.broker.kill() : this.broker.stop());
          await this.broker.start();
        }));
    }
  }

  /** Resolves when the program has taken every message. */
  async drained(): Promise<void> {
    await using own = await brokerClient(this.broker.url);
    await waitFor("the queue of updates to be empty", async () => {
      if (this.problems.length > 0) throw new Error("the program went");
      return this.consumes && await own.ready(queues.updates) === 0;
    }, { timeoutMs: 120_000 });
  }

  /** Keeps the program's log where it can be read when the scene is gone; yields the file. */
  keepLog(): string {
    const path = Deno.makeTempFileSync({ prefix: "chaos-", suffix: ".log" });
    const said = this.lives.map(({ code, stderr }) => `${stderr}--- ended with ${code}\n`);
    Deno.writeTextFileSync(path, said.join("") + (this.#program?.stderr ?? ""));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.[Symbol.asyncDispose]();
    await this.#proxies.source[Symbol.asyncDispose]();
    await this.#proxies.sink[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }

  #endedByItself(end: End): void {
    this.problems.push(`the program ended by itself with ${end.code}: ${lastLines(end)}`);
  }
}

/** The limit that quorum queues have by default since RabbitMQ 4: what is given out more often becomes a dead letter. */
const deliveryLimit = 20;

async function declareQueues(broker: RabbitMq, queue: QueueKind): Promise<void> {
  await using own: BrokerClient = await brokerClient(broker.url);
  // For a queue that is declared from now on: how often its figures are brought up to date.
  await broker.ctl("eval", "application:set_env(rabbit, quorum_tick_interval, 200).");
  await own.channel.assertExchange(exchange, "direct", { durable: true });
  await own.queue(queues.dead);
  await own.queue(queues.alerts);
  await own.channel.bindQueue(queues.alerts, exchange, "alert");
  await own.queue(queues.updates, {
    arguments: {
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": queues.dead,
      ...(queue === "quorum" && { "x-queue-type": "quorum", "x-delivery-limit": deliveryLimit }),
    },
  });
  // What a broker got last may not be on its disk yet: one that is killed now would come back without them.
  await broker.ctl("eval", "mnesia:sync_log().");
}

/** Done; not done in time, and said so; or by the signal itself, before the program listened to it. */
function endedWell({ code, stderr }: End): boolean {
  return code === 0 || code === 1 && /Shutdown timed out after .* the state file keeps them/.test(stderr) ||
    code === 143 && stderr === "";
}

function lastLines({ stderr }: End): string {
  return stderr.trimEnd().split("\n").slice(-8).join(" ⏎ ");
}

async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let value: { got: T } | undefined;
  promise.then((got) => value = { got });
  return (await waitFor(what, () => value, { timeoutMs: milliseconds, everyMs: 5 })).got;
}
