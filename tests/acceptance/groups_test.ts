// The real program with a sink for people: loops of one job are one message, and a group survives kill -9 in the middle of
// grouping. `GROUP_ROUNDS=50` kills it that often.
import assert from "node:assert/strict";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import type { GroupRow, MemberRow } from "../../src/detection/groups/state.ts";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { HttpReceiver } from "../helpers/http_receiver.ts";
import { Program } from "../helpers/program.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { anySeed, Random } from "../helpers/random.ts";
import { type StateFolder, stateFolderOnDisk } from "../helpers/state_files.ts";
import { now, updateJson } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const queue = "updates";
const template =
  '{"id":"{{ id }}","loop":"{{ loop }}","key":"{{ key }}","notification":"{{ notification }}"}';

/** What a person gets. */
interface Received {
  readonly id: string;
  readonly loop: string;
  readonly key: string;
  readonly notification: string;
}

/** A hand at the broker, a receiver for people, and a folder with the template. */
class Scene implements AsyncDisposable {
  readonly people = HttpReceiver.start();
  readonly #folder: StateFolder = stateFolderOnDisk();
  readonly #own: BrokerClient;

  private constructor(own: BrokerClient) {
    this.#own = own;
    Deno.writeTextFileSync(`${this.#folder.path}/template`, template);
  }

  static async open(): Promise<Scene> {
    const own = await brokerClient(broker.url);
    await own.queue(queue);
    return new Scene(own);
  }

  get received(): Received[] {
    return this.people.received.map(({ body }) => JSON.parse(body));
  }

  async started(env: Record<string, string>, durable = true): Promise<Program> {
    const program = new Program({
      env: {
        AMQP_CONNECTION: broker.url,
        AMQP_QUEUE: queue,
        SINK_TYPE: "stdout,webhook",
        SINK_WEBHOOK_URL: `http://127.0.0.1:${this.people.port}/`,
        SINK_WEBHOOK_FORMAT: "template",
        SINK_WEBHOOK_TEMPLATE_FILE: `${this.#folder.path}/template`,
        RESTART_COUNT: "1",
        RESTART_INTERVAL: "2h",
        NOTIFICATION_INTERVAL: "2h",
        DIGEST_ABOVE: "1000",
        ...(durable ? { STATE: `sqlite:${this.#folder.file}` } : {}),
        ...env,
      },
    });
    await program.logged("source amqp: consumes");
    return program;
  }

  /** An allocation of the job restarts, on a node of its own. */
  async restart(job: string, index: number): Promise<void> {
    const fields = {
      Name: `${job}.group[${index}]`,
      NodeID: `node-${index}`,
      AllocationID: `${job}-${index}`,
      JobID: job,
      GroupName: "group",
      TaskName: "task",
    };
    await this.#own.put(queue, [
      updateJson(fields, "Restarting", now(), { RestartReason: "Restart within policy" }),
    ]);
  }

  /** The groups that are kept, with their loops. */
  async kept(): Promise<{ readonly groups: readonly GroupRow[]; readonly members: readonly MemberRow[] }> {
    const copy = this.#folder.copy();
    await using store = new SqliteStore(copy, { sinks: [], newerReplaces: true });
    const rows = <Row>(table: string) => [...store.kept.entries<Row>(table)].map(([, row]) => row);
    return { groups: rows("groups"), members: rows("group members") };
  }

  async unacknowledged(): Promise<number> {
    const list = await broker.ctl("list_queues", "name", "messages");
    return Number(new RegExp(`^${queue}\\s+(\\d+)$`, "m").exec(list)![1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own[Symbol.asyncDispose]();
    await this.people[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

Deno.test("twenty loops of one job: twenty alerts on stdout at once, one message to people, which it is logged as", async () => {
  await using scene = await Scene.open();
  await using program = await scene.started({ GROUP_WAIT: "2s" });
  for (let index = 0; index < 20; index++) await scene.restart("web", index);
  await waitFor("twenty lines", () => program.lines.length === 20);
  await waitFor("one message", () => scene.received.length > 0);
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  const [received] = scene.received;
  assert.deepEqual(scene.received, [{
    id: received!.id,
    loop: received!.loop,
    key: "web.group",
    notification: "first",
  }]);
  const name = `web.group/task #${received!.loop.slice(0, 8)}`;
  const logged = `${name}: one message for people, 20 active; alert ${received!.id}`;
  assert.ok(stderr.includes(logged), stderr);
});

Deno.test("without a state file no message is acknowledged before people have heard of its loop; SIGTERM sends what waits", async () => {
  await using scene = await Scene.open();
  await using program = await scene.started({ GROUP_WAIT: "1h" }, false);
  for (let index = 0; index < 3; index++) await scene.restart("web", index);
  await waitFor("three lines", () => program.lines.length === 3);
  assert.equal(await scene.unacknowledged(), 3);
  assert.deepEqual(scene.received, []);
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(scene.received.map(({ notification }) => notification), ["first"]);
  await waitFor("all to be acknowledged", async () => await scene.unacknowledged() === 0);
});

Deno.test("GROUP_BY=none sends people each loop", async () => {
  await using scene = await Scene.open();
  await using _program = await scene.started({ GROUP_BY: "none" });
  for (let index = 0; index < 3; index++) await scene.restart("web", index);
  await waitFor("three messages", () => scene.received.length === 3);
  assert.deepEqual(
    scene.received.map(({ key }) => key).sort(),
    [0, 1, 2].map((index) => `web.group[${index}]`),
  );
});

const rounds = Number(Deno.env.get("GROUP_ROUNDS") ?? 5);

Deno.test(`killed ${rounds} times in the middle of grouping: no group is lost, none has two ids, no alert has`, async () => {
  const seed = anySeed();
  const random = new Random(seed);
  await using scene = await Scene.open();
  const jobs: string[] = [];
  const [jobsEach, loopsEach] = [3, 4];
  for (let round = 0; round < rounds; round++) {
    await using program = await scene.started({ GROUP_WAIT: "1s" });
    const names = Array.from({ length: jobsEach }, (_, index) => `job-${round}-${index}`);
    jobs.push(...names);
    const loops = names.flatMap((job) => Array.from({ length: loopsEach }, (_, index) => ({ job, index })));
    const killed = passed(random.between(0, 2000)).then(() => program.signal("SIGKILL"));
    for (const { job, index } of random.shuffle(loops)) {
      await scene.restart(job, index);
      await passed(random.below(80));
    }
    await killed;
    await program.ended;
  }
  await using program = await scene.started({ GROUP_WAIT: "1s" });
  await waitFor("all to be acknowledged", async () => await scene.unacknowledged() === 0);
  await waitFor("every job to have its message", () => {
    const received = new Set(scene.received.map(({ key }) => key.split(".")[0]));
    return jobs.every((job) => received.has(job));
  });
  program.signal("SIGTERM");
  await program.ended;
  const context = `seed ${seed}`;
  const firsts = new Map<string, Set<string>>();
  const byId = new Map<string, Received>();
  for (const received of scene.received) {
    assert.deepEqual(byId.get(received.id) ?? received, received, context);
    byId.set(received.id, received);
    const job = received.key.split(".")[0]!;
    firsts.set(job, (firsts.get(job) ?? new Set()).add(received.loop));
    if (received.notification === "first") firsts.get(job)!.add(`${received.loop} ${received.id}`);
  }
  for (const [job, ids] of firsts) assert.equal(ids.size, 2, `${context}: ${job} has ${[...ids].join(", ")}`);
  const { groups, members } = await scene.kept();
  assert.equal(groups.length, jobs.length, context);
  assert.ok(
    groups.every(({ sendAt, changedAt }) => sendAt === undefined && changedAt === undefined),
    context,
  );
  assert.equal(members.length, jobs.length * loopsEach, context);
});

/** Resolves after these milliseconds: how long a process lives before it is killed. */
function passed(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
