// Channels of a real RabbitMQ: opened, lost and closed, and in which words.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Writable } from "node:stream";
import { openChannel, openConfirmChannel } from "../../../src/clients/amqp/connection.ts";
import { amqpUrl } from "../../../src/clients/amqp/settings.ts";
import type { Fault } from "../../../src/lib/errors.ts";
import { brokerClient, plain } from "../../helpers/amqp.ts";
import { type Proxy, startProxy } from "../../helpers/proxy.ts";
import { freePort, type RabbitMq, startRabbitMq } from "../../helpers/rabbitmq.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";

let broker: RabbitMq;
let proxy: Proxy;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
  proxy = await startProxy(broker.port);
});
Deno.test.afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

const at = (port: number, more = "") => new URL(`amqp://guest:hunter2@127.0.0.1:${port}/${more}`);
const proxied = (more = "") => new URL(`amqp://guest:guest@127.0.0.1:${proxy.port}/${more}`);
/** The proxied broker as faults name it. */
const where = () => `amqp://guest:***@127.0.0.1:${proxy.port}/`;

const noFault = (fault: Fault) => assert.fail(fault.message);

Deno.test("close() sends the acknowledgements that were given before it", async () => {
  await using own = await brokerClient(broker.url);
  for (let round = 0; round < 5; round++) {
    await own.queue("acknowledged");
    await own.put("acknowledged", Array(10).fill("x"));
    const open = await openChannel("", plain(new URL(broker.url)), noFault);
    let count = 0;
    const last = await new Promise<Parameters<typeof open.channel.ack>[0]>((resolve) => {
      open.channel.consume("acknowledged", (message) => ++count === 10 && resolve(message!));
    });
    open.channel.ack(last, true);
    await open.close();
    await waitFor("the consumer to be gone", async () => {
      return (await own.channel.checkQueue("acknowledged")).consumerCount === 0;
    });
    assert.equal(await own.ready("acknowledged"), 0);
  }
});

Deno.test("sendTogether() holds back what is sent in one turn, and lets all of it go after that", async () => {
  await using own = await brokerClient(broker.url);
  await own.queue("together");
  const open = await openConfirmChannel("", plain(new URL(broker.url)), noFault);
  const { stream } = (open.channel as unknown as { connection: { stream: Writable } }).connection;
  for (const round of [1, 2]) {
    for (let sent = 0; sent < 20; sent++) {
      open.sendTogether();
      open.channel.sendToQueue("together", Buffer.from("x"));
    }
    assert.equal(stream.writableCorked, 1);
    await within("all to be confirmed", open.channel.waitForConfirms(), 5000);
    assert.equal(stream.writableCorked, 0);
    assert.equal(await own.ready("together"), 20 * round);
  }
  await open.close();
});

Deno.test("close() is done in seconds although the broker is silent, and may be called again", async () => {
  for (const openOne of [openChannel, openConfirmChannel]) {
    const open = await openOne("", plain(proxied()), noFault);
    proxy.stall();
    try {
      await within("close() to be done", Promise.all([open.close(), open.close()]), 8000);
    } finally {
      proxy.resume();
      await proxy.cut();
    }
    assert.equal(open.usable, false);
  }
});

/** Ways to lose a channel, and how the fault begins and ends. */
const losses: readonly (readonly [what: string, lose: (id: string) => unknown, said: RegExp])[] = [
  ["cut", () => proxy.cut(), /: (Unexpected close|write EPIPE)$/],
  ["reset", () => proxy.reset(), /: (read ECONNRESET|Unexpected close)$/],
  ["silent", () => proxy.stall(), /: Heartbeat timeout$/],
  [
    "closed by an operator",
    () => broker.ctl("close_all_connections", "--vhost", "/", "for maintenance"),
    / closed the connection: CONNECTION_FORCED - for maintenance$/,
  ],
];

Deno.test("a lost channel is unusable, and onLost gets the reason once", async () => {
  for (const [what, lose, said] of losses) {
    const notified: Fault[] = [];
    const open = await openChannel("", plain(proxied("?heartbeat=1")), (fault) => notified.push(fault));
    await lose(what);
    await waitFor(`${what}: the loss to be reported`, () => notified.length > 0);
    assert.equal(open.usable, false);
    proxy.resume();
    await proxy.cut();
    await open.close();
    assert.equal(notified.length, 1, what);
    assert.equal(notified[0]!.recovery, "transient");
    assert.ok(notified[0]!.message.startsWith(where()), notified[0]!.message);
    assert.match(notified[0]!.message, said);
  }
});

Deno.test("a channel that the broker closes is lost with the broker's reason, and its connection is closed", async () => {
  const notified: Fault[] = [];
  const open = await openConfirmChannel("", plain(proxied()), (fault) => notified.push(fault));
  open.channel.publish("nosuch", "key", Buffer.from("x"));
  await waitFor("the loss to be reported", () => notified.length > 0);
  await waitFor("the connection to be closed", () => proxy.connections === 0);
  await open.close();
  assert.deepEqual(notified.map(({ message }) => message), [
    `${where()} closed the channel: NOT_FOUND - no exchange 'nosuch' in vhost '/'`,
  ]);
});

Deno.test("openChannel() reports what the broker refuses, without the password", async () => {
  const refused: readonly (readonly [url: URL, message: string, recovery: string])[] = [
    [
      at(broker.port),
      `amqp://guest:***@127.0.0.1:${broker.port}/ refused user and password; correct them in the URL`,
      "config",
    ],
    [
      new URL(`${broker.url}/nowhere?secret=hunter2`),
      `amqp://guest:***@127.0.0.1:${broker.port}/nowhere refused the virtual host: it does not exist, ` +
      "or the user may not use it; set another one in the URL",
      "config",
    ],
  ];
  for (const [url, message, recovery] of refused) {
    await assert.rejects(openChannel("", plain(url), noFault), { name: "Fault", message, recovery });
  }
});

Deno.test("openChannel() reports that nobody listens, as a transient fault", async () => {
  const port = freePort();
  await assert.rejects(openChannel("", plain(at(port)), noFault), {
    name: "Fault",
    message: `amqp://guest:***@127.0.0.1:${port}/: connect ECONNREFUSED 127.0.0.1:${port}`,
    recovery: "transient",
  });
});

Deno.test("openChannel() does not wait indefinitely for a silent broker", async () => {
  proxy.stall();
  try {
    await assert.rejects(openChannel("", plain(proxied()), noFault), {
      name: "Fault",
      message: `${where()}: connect ETIMEDOUT`,
      recovery: "transient",
    });
  } finally {
    proxy.resume();
    await proxy.cut();
  }
});

const strangers: readonly (readonly [answer: string, said: string])[] = [
  ["HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak AMQP; set another port in the URL"],
  ["", "closes connections at once; it may be starting, or expect TLS, which is amqps://"],
];

Deno.test("openChannel() reports a server that is not RabbitMQ", async () => {
  for (const [answer, said] of strangers) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      socket.end(answer);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      await assert.rejects(openChannel("", plain(at(port)), noFault), {
        name: "Fault",
        message: `amqp://guest:***@127.0.0.1:${port}/ ${said}`,
        recovery: "transient",
      });
    } finally {
      server.close();
      await once(server, "close");
    }
  }
});

const connection = amqpUrl("AMQP_CONNECTION", "URL of the RabbitMQ");

Deno.test("amqpUrl() takes a heartbeat in seconds", () => {
  for (const heartbeat of ["0", "2", "65535"]) {
    const url = connection.parse(`amqp://rabbit/?heartbeat=${heartbeat}`);
    assert.equal(url.searchParams.get("heartbeat"), heartbeat);
  }
});

Deno.test("amqpUrl() refuses a heartbeat that is no number of seconds, without showing it", () => {
  for (const heartbeat of ["", "-1", "1.5", "5s", "65536", "hunter2"]) {
    assert.throws(() => connection.parse(`amqp://rabbit/?heartbeat=${heartbeat}`), {
      message: "whose heartbeat is not an integer of seconds from 0 to 65535",
    });
  }
});
