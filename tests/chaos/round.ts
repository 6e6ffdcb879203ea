// One round: a stream is published while faults happen, everything is drained, and what came of it is judged.
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import type { End } from "../helpers/program.ts";
import { Random } from "../helpers/random.ts";
import type { RabbitMq } from "../helpers/rabbitmq.ts";
import { totalsOf } from "../helpers/totals.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { countFaults, type Fault, type Moment, planFaults } from "./faults.ts";
import { pause } from "./pause.ts";
import { Publisher } from "./publisher.ts";
import { type QueueKind, queues, Scene, type StateKind } from "./scene.ts";
import { makeStream, type Message, type Stream, textOf } from "./stream.ts";
import { type Found, judge, type Verdict } from "./verdict.ts";

/** What is played. */
export interface Round {
  readonly seed: number;
  readonly messages: number;
  readonly state: StateKind;
  readonly queue: QueueKind;
}

/** What came of it. */
export interface Outcome extends Verdict {
  readonly round: Round;
  /** In words. */
  readonly faults: string;
  /** How often the program was started, and how many messages were published twice. */
  readonly lives: number;
  readonly publishedAgain: number;
  readonly seconds: number;
  /** Where the program's log is kept, if something is wrong. */
  readonly log: string | undefined;
}

/** Most messages that are published in a second, so that faults fall into the middle of the stream. */
const perSecond = 16_000;

/**
 * Plays one round at a running broker. The seed determines the stream and the plan of faults, not how fast the
 * machine is.
 */
export async function playRound(broker: RabbitMq, round: Round): Promise<Outcome> {
  const started = performance.now();
  const random = new Random(round.seed);
  const brokerFault = round.seed % 5 !== 0 ? undefined : random.pick(["broker-kill", "broker-stop"] as const);
  // A queue that is killed can lose the message that it is just moving to the dead letters.
  const stream = makeStream(random, round.messages, brokerFault === "broker-kill" ? 0 : 0.001);
  const moments = planFaults(random, { program: round.state === "sqlite", broker: brokerFault });
  const endBeforeProbe = round.state === "sqlite" && random.chance(0.5);
  await using scene = await Scene.open(broker, round.state, round.queue);
  const publisher = new Publisher(broker.url, queues.updates, perSecond);
  const problems: string[] = [];
  let verdict: Verdict | undefined;
  try {
    await Promise.all([
      publisher.publish(texts(stream.messages)),
      sufferAll(scene, moments, publisher, round),
    ]);
    await scene.drained();
    if (endBeforeProbe) await scene.suffer({ what: "kill" });
    await publish(broker, stream.probe);
    verdict = judge(stream, await finish(scene, stream));
  } catch (error) {
    problems.push((error as Error).message);
  }
  problems.push(...scene.problems, ...(verdict?.problems ?? []));
  return {
    ...(verdict ?? nothing(stream)),
    problems,
    round,
    faults: countFaults(moments),
    lives: scene.lives.length,
    publishedAgain: publisher.sentAgain,
    seconds: (performance.now() - started) / 1000,
    log: problems.length > 0 ? scene.keepLog() : undefined,
  };
}

function* texts(messages: Iterable<Message>): Iterable<string> {
  for (const message of messages) yield textOf(message);
}

async function publish(broker: RabbitMq, messages: readonly Message[]): Promise<void> {
  await new Publisher(broker.url, queues.updates, Infinity).publish(texts(messages));
}

async function sufferAll(
  scene: Scene,
  moments: readonly Moment[],
  publisher: Publisher,
  round: Round,
): Promise<void> {
  const sufferings: Promise<void>[] = [];
  const suffer = async (fault: Fault) => {
    try {
      await scene.suffer(fault);
    } catch (error) {
      scene.problems.push(`${fault.what}: ${(error as Error).message}`);
    }
  };
  for (const { share, milliseconds, whileStarting, faults } of moments) {
    await waitFor(
      "the moment of a fault",
      () =>
        scene.problems.length > 0 ||
        publisher.sent >= share * round.messages && (whileStarting || scene.consumes),
      { timeoutMs: 60_000, everyMs: 5 },
    );
    await pause(milliseconds);
    sufferings.push(...faults.map(suffer));
  }
  await Promise.all(sufferings);
}

/** Drains all, ends the program in an orderly way, and looks at what is there. */
async function finish(scene: Scene, stream: Stream): Promise<Found> {
  let left = 0;
  for (let tries = 3; tries > 0; tries--) {
    await scene.drained();
    const { code, stderr } = await scene.end("SIGTERM");
    if (code !== 0) {
      throw new Error(`the program did not finish: it ended with ${code}: ${stderr.slice(-500)}`);
    }
    left = await leftMessages(scene.broker);
    if (left === 0) break;
    scene.start(); // a connection that was lost unnoticed held them
  }
  await using own = await brokerClient(scene.broker.url);
  const alerts = (await own.takeAll(queues.alerts)).map(({ content, properties }) => ({
    id: properties.messageId,
    body: content.toString(),
  }));
  const dead = await deadLetters(own, stream);
  return { alerts, dead, left, taken: takenBy(scene.lives), stateFile: scene.stateFile };
}

/** What was rejected. The broker moves messages there in its own time, so what is missing is waited for. */
async function deadLetters(own: BrokerClient, { malformed }: Stream): Promise<string[]> {
  const dead: string[] = [];
  const until = performance.now() + 5_000;
  do {
    for (const { content } of await own.takeAll(queues.dead)) dead.push(content.toString());
  } while (malformed.difference(new Set(dead)).size > 0 && performance.now() < until);
  return dead;
}

/** How many messages the program says it took, in all its lives; undefined where one ended without saying so. */
function takenBy(lives: readonly End[]): number | undefined {
  if (!lives.every(({ code }) => code === 0)) return undefined;
  return lives.reduce((sum, { stderr }) => sum + totalsOf(stderr).messages, 0);
}

/** The messages in the queue of updates, once no connection holds one any more. */
async function leftMessages(broker: RabbitMq): Promise<number> {
  let looks = 0;
  await waitFor("lost connections to give back what they hold", async () => {
    const listed = await broker.ctl("list_queues", "name", "messages_unacknowledged");
    const [, held] = new RegExp(`^${queues.updates}\\s+(\\d+)$`, "m").exec(listed)!;
    looks = held === "0" ? looks + 1 : 0;
    return looks === 2; // the first may have been the figure of a moment ago
  }, { everyMs: 500, timeoutMs: 60_000 });
  await using own = await brokerClient(broker.url);
  return await own.ready(queues.updates);
}

function nothing(stream: Stream): Verdict {
  const loops = stream.loops.size + stream.nearly.size;
  return { loops, notified: 0, notifiedTwice: 0, notifiedFalsely: 0, again: 0, lost: 0, problems: [] };
}
