// The sink `amqp` at a real RabbitMQ: what it publishes, and what it says of each thing that can be wrong.
// What it must do as any sink does is in contracts/.
import assert from "node:assert/strict";
import type { Fault } from "../../src/lib/errors.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { amqpSink } from "../../src/sinks/amqp.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { sinkContext } from "../helpers/sink.ts";

let broker: RabbitMq;
let proxy: Proxy;
let own: BrokerClient;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq({ config: ["max_message_size = 65536"] });
  proxy = await startProxy(broker.port);
  own = await brokerClient(broker.url);
  await own.channel.assertExchange("alerts", "topic");
  await own.queue("notified");
  await own.channel.bindQueue("notified", "alerts", "crash-loop");
});
Deno.test.afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

/** The sink, through the proxy. */
function open(more: Record<string, string> = {}, lost: Fault[] = []): Sink {
  const env = {
    SINK_AMQP_CONNECTION: `amqp://guest:guest@127.0.0.1:${proxy.port}/`,
    SINK_AMQP_EXCHANGE: "alerts",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
    ...more,
  };
  const listener = { lost: (fault: Fault) => lost.push(fault), blocked() {}, part() {} };
  return amqpSink.prepare({ flags: {}, env, problems: [] })!.open(sinkContext({ listener }));
}

const where = () => `amqp://guest:***@127.0.0.1:${proxy.port}/`;

Deno.test("send() publishes a persistent message of JSON with the alert's id", async () => {
  await using sink = open();
  const alert = alertAbout();
  await sink.send(alert);
  const [{ properties }] = await own.take("notified", 1) as [Awaited<ReturnType<BrokerClient["take"]>>[0]];
  assert.deepEqual([properties.messageId, properties.contentType, properties.deliveryMode], [
    alert.id,
    "application/json",
    2,
  ]);
});

Deno.test("the sink takes a hundred alerts at a time for each of its workers", () => {
  assert.equal(open().concurrency, 100);
  assert.equal(open({ SINK_AMQP_WORKERS: "4" }).concurrency, 400);
});

Deno.test("send() opens one connection however many alerts come before it is there", async () => {
  {
    await using sink = open();
    await Promise.all(Array.from({ length: 20 }, () => sink.send(alertAbout())));
    assert.equal(proxy.connections, 1);
    await own.take("notified", 20);
  }
  await waitFor("the connection to be closed", () => proxy.connections === 0);
});

Deno.test("send() says that nothing is bound, for that alert alone, and can be mended", async () => {
  await using sink = open({ SINK_AMQP_ROUTING_KEY: "nobody" });
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(sink.send(alertAbout()), {
      name: "Fault",
      message: 'exchange "alerts" has no queue for the routing key "nobody"; bind one to it',
      recovery: "operator",
    });
  }
  await own.channel.bindQueue("notified", "alerts", "nobody");
  await sink.send(alertAbout());
  await own.take("notified", 1);
  await own.channel.unbindQueue("notified", "alerts", "nobody");
});

Deno.test("send() says that the broker does not take an alert, as where a queue is full, and can be mended", async () => {
  await using sink = open({ SINK_AMQP_ROUTING_KEY: "full" });
  await own.queue("full", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
  await own.channel.bindQueue("full", "alerts", "full");
  await sink.send(alertAbout());
  await assert.rejects(sink.send(alertAbout()), {
    name: "Fault",
    message: `${where()} did not take the alert; a queue bound to the exchange may be full`,
    recovery: "operator",
  });
  await own.take("full", 1);
  await sink.send(alertAbout());
});

Deno.test("connect(), check() and send() say that the exchange is missing, and leave no connection", async () => {
  const lost: Fault[] = [];
  {
    await using sink = open({ SINK_AMQP_EXCHANGE: "nosuch" }, lost);
    const fault = {
      name: "Fault",
      message: `exchange "nosuch" does not exist at ${where()}; create it`,
      recovery: "operator",
    };
    await assert.rejects(sink.connect(), fault);
    await assert.rejects(sink.check(), fault);
    await assert.rejects(sink.send(alertAbout()), fault);
    await waitFor("the connections to be closed", () => proxy.connections === 0);
  }
  assert.deepEqual(lost, []);
});

Deno.test("an exchange deleted later is the fault of every alert in flight, and logged once", async () => {
  await own.channel.assertExchange("deleted", "topic");
  const lost: Fault[] = [];
  await using sink = open({ SINK_AMQP_EXCHANGE: "deleted" }, lost);
  await sink.connect();
  await own.channel.deleteExchange("deleted");
  const fault = { name: "Fault", message: `exchange "deleted" does not exist at ${where()}; create it` };
  const sends = Array.from({ length: 3 }, () => sink.send(alertAbout()));
  for (const send of await Promise.allSettled(sends)) {
    assert.equal(send.status, "rejected");
    assert.deepEqual([send.reason.name, send.reason.message], [fault.name, fault.message]);
  }
  assert.deepEqual(lost.map(({ message }) => message), [fault.message]);
});

Deno.test("an alert too large for the broker is refused for good, and those sent with it are not", async () => {
  await using sink = open();
  const large = alertAbout("large[0]", {
    lastEvent: `{"Name":"large[0]","Filling":"${"x".repeat(70_000)}"}`,
  });
  const said = new RegExp(
    `^${RegExp.escape(where())} closed the channel: PRECONDITION_FAILED - message size \\d+ is larger than`,
  );
  const rejected = async (send: Promise<void>, recovery: string) =>
    await assert.rejects(send, (error: Fault) => {
      assert.equal(error.recovery, recovery);
      assert.match(error.message, said);
      return true;
    });
  await sink.connect();
  const together = [sink.send(large), sink.send(alertAbout())];
  await Promise.all(together.map((send) => rejected(send, "transient")));
  await rejected(sink.send(large), "rejected");
  await sink.send(alertAbout());
  await own.take("notified", 1);
});

Deno.test("alerts on their way when the connection is lost are rejected with the reason, which is reported once", async () => {
  const lost: Fault[] = [];
  await using sink = open({}, lost);
  await sink.connect();
  proxy.stall();
  const sends = Promise.allSettled([sink.send(alertAbout()), sink.send(alertAbout())]);
  await proxy.cut();
  proxy.resume();
  const settled = await sends;
  assert.equal(lost.length, 1);
  assert.ok(lost[0]!.message.startsWith(`${where()}: `));
  assert.match(lost[0]!.message, /: (Unexpected close|write EPIPE|read ECONNRESET|write ECONNRESET)$/);
  for (const send of settled) {
    assert.equal(send.status, "rejected");
    assert.equal(send.reason, lost[0]);
  }
});

Deno.test("disposing the sink settles the alerts on their way, although the broker is silent", async () => {
  const sink = open();
  await sink.connect();
  proxy.stall();
  const sends = Promise.allSettled([sink.send(alertAbout()), sink.send(alertAbout())]);
  await sink[Symbol.asyncDispose]();
  proxy.resume();
  await proxy.cut();
  for (const send of await sends) assert.equal(send.status, "rejected");
});

Deno.test("disposing the sink while it connects leaves no connection", async () => {
  const sink = open();
  proxy.stall();
  const connecting = sink.connect();
  connecting.catch(() => {});
  await waitFor("the connection", () => proxy.connections === 1);
  await sink[Symbol.asyncDispose]();
  proxy.resume();
  await assert.rejects(connecting, { name: "Fault", message: "closed" });
  await waitFor("the connection to be closed", () => proxy.connections === 0);
});

Deno.test("connect() says that user and password, or the virtual host, are refused, without the password", async () => {
  const wrong = [
    ["amqp://guest:hunter2@127.0.0.1", "", "refused user and password; correct them in the URL"],
    [
      "amqp://guest:guest@127.0.0.1",
      "nowhere",
      "refused the virtual host: it does not exist, or the user may not use it; set another one in the URL",
    ],
  ] as const;
  for (const [url, virtualHost, said] of wrong) {
    await using sink = open({ SINK_AMQP_CONNECTION: `${url}:${proxy.port}/${virtualHost}` });
    await assert.rejects(sink.connect(), {
      name: "Fault",
      message: `${where()}${virtualHost} ${said}`,
      recovery: "config",
    });
  }
});
