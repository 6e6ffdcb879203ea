// One cause is one message in Slack, by the real program, while RabbitMQ gets an alert for each loop: a job with twenty
// allocations, a broken node, and five hundred jobs at once.
import assert from "node:assert/strict";
import { brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { type SlackMessage, startSlack } from "../helpers/slack.ts";
import { now, updateJson } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

interface Place {
  readonly job: string;
  readonly index?: number;
  readonly node: string;
}

/** A restart of now. */
function restart({ job, index = 0, node }: Place): string {
  const fields = {
    Name: `${job}.app[${index}]`,
    AllocationID: `${job}-${index}`,
    JobID: job,
    GroupName: "app",
    TaskName: "server",
    NodeID: node,
  };
  return updateJson(fields, "Restarting", now(), { RestartReason: "Restart within policy" });
}

function places(count: number, place: (number: number) => Place): Place[] {
  return Array.from({ length: count }, (_, number) => place(number));
}

/** `🟢 web.app/server no longer crash-loops: …` */
function headlines(messages: readonly SlackMessage[]): string[] {
  return messages.map(({ blocks }) => blocks[0]!.text.text);
}

Deno.test("a job, a node and a storm are one message each in Slack, which turns green once; RabbitMQ gets every loop", async () => {
  await using broker = await startRabbitMq();
  await using slack = await startSlack(0);
  await using own = await brokerClient(broker.url);
  await own.queue("updates");
  await own.queue("alerts");
  await own.channel.assertExchange("nomad", "topic");
  await own.channel.bindQueue("alerts", "nomad", "crash-loop");
  await using program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: "updates",
      SINK_TYPE: "amqp,slack",
      SINK_AMQP_CONNECTION: broker.url,
      SINK_AMQP_EXCHANGE: "nomad",
      SINK_AMQP_ROUTING_KEY: "crash-loop",
      SINK_SLACK_TOKEN: slack.token,
      SINK_SLACK_CHANNEL: "C0ALERTS",
      SINK_SLACK_API_URL: slack.apiUrl,
      RESTART_COUNT: "1",
      RESTART_INTERVAL: "12s",
      NOTIFICATION_INTERVAL: "15s",
      PAYLOAD: "full",
      NOTIFY_RESOLVED: "true",
      GROUP_WAIT: "3s",
    },
  });
  await program.logged("source amqp: consumes");
  const inChannel = () => slack.messages.filter(({ thread }) => thread === undefined);
  const feed = (loops: readonly Place[]) => own.put("updates", loops.map(restart));
  const reasons = async (count: number) => {
    const alerts = await own.take("alerts", count, 60_000);
    return alerts.map(({ content }) => JSON.parse(content.toString()).Status as string);
  };

  const web = places(20, (index) => ({ job: "web", index, node: `node-${index}` }));
  await feed(web.slice(0, 12));
  await waitFor("the first message", () => inChannel().length === 1, { timeoutMs: 30_000 });
  assert.match(headlines(inChannel())[0]!, /^🟠 web\.app is crash-looping: 12 allocations since /);
  await feed(web.slice(12));
  await waitFor("it to grow", () => /: 20 allocations since /.test(headlines(inChannel())[0]!), {
    timeoutMs: 30_000,
  });
  await waitFor("it to turn green", () => headlines(inChannel())[0]!.startsWith("🟢"), { timeoutMs: 60_000 });
  assert.match(headlines(inChannel())[0]!, /^🟢 web\.app no longer crash-loops: 20 allocations/);
  assert.deepEqual((await reasons(40)).sort(), [
    ...Array<string>(20).fill("looping"),
    ...Array<string>(20).fill("resolved"),
  ]);

  await feed(places(5, (number) => ({ job: `api-${number}`, node: "broken" })));
  await waitFor("the message about the node", () => inChannel().length === 2, { timeoutMs: 30_000 });
  assert.match(headlines(inChannel())[1]!, /^🟠 5 jobs crash-loop on node broken: 5 loops since /);
  assert.equal((await reasons(5)).every((reason) => reason === "looping"), true);

  await feed(places(500, (number) => ({ job: `job-${number}`, node: `node-${number}` })));
  await waitFor("the digest", () => inChannel().length === 3, { timeoutMs: 60_000 });
  await waitFor(
    "all in it",
    () => /^🟠 500 crash loops in 500 jobs since /.test(headlines(inChannel())[2]!),
    {
      timeoutMs: 60_000,
    },
  );
  await reasons(505 + 500);
  await waitFor("all to be resolved", () => headlines(inChannel()).every((text) => text.startsWith("🟢")), {
    timeoutMs: 60_000,
  });
  const ends = () =>
    inChannel().map(({ ts }) =>
      slack.thread(ts).filter(({ blocks }) => blocks[0]!.text.text.startsWith("🟢")).length
    );
  await waitFor("each thread to say so", () => ends().every((count) => count > 0));
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 0);
  assert.deepEqual(ends(), [1, 1, 1]);
});
