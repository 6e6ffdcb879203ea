// The sink `nsq` at an nsqd that enforces the limits of one: what it sends, and what it says of each thing that can be
// wrong.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Fault } from "../../src/lib/errors.ts";
import { nsq } from "../../src/sinks/nsq/nsq.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { type Nsqd, startNsqd } from "../helpers/nsqd.ts";
import { sinkContext } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";

function open(port: number, lost: Fault[] = []): Sink {
  const env = { SINK_NSQ_ADDR: `127.0.0.1:${port}`, SINK_NSQ_TOPIC_NAME: "loops" };
  const listener = { lost: (fault: Fault) => lost.push(fault), blocked() {}, part() {} };
  return nsq.prepare({ flags: {}, env, problems: [] })!.open(sinkContext({ listener }));
}

const at = ({ port }: Nsqd) => `nsqd at 127.0.0.1:${port}`;
const fault = (message: string, recovery: string) => ({ name: "Fault", message, recovery });

Deno.test("send() publishes the alert's JSON to the topic, many over one connection, in their order", async () => {
  await using nsqd = await startNsqd();
  const alerts = Array.from({ length: 100 }, (_, index) => alertAbout(`caf\u00e9.g[${index}]`));
  {
    await using sink = open(nsqd.port);
    await Promise.all(alerts.map((alert) => sink.send(alert)));
    assert.equal(nsqd.connections, 1);
  }
  assert.deepEqual([...nsqd.topics], [["loops", alerts.map((alert) => alertJson(alert))]]);
  assert.deepEqual(nsqd.identities, [{
    client_id: "nomad-crashloop-detector",
    user_agent: "nomad-crashloop-detector",
    feature_negotiation: true,
    heartbeat_interval: 30_000,
  }]);
  await waitFor("the connection to be closed", () => nsqd.connections === 0);
});

Deno.test("check() says the version", async () => {
  await using nsqd = await startNsqd();
  await using sink = open(nsqd.port);
  assert.equal(
    await sink.check(),
    `${at(nsqd)}: connected, version 1.3.0; nsqd makes the topic "loops" with the first alert`,
  );
});

Deno.test("heartbeats are answered, between alerts too", async () => {
  await using nsqd = await startNsqd();
  await using sink = open(nsqd.port);
  await sink.connect();
  nsqd.beat();
  const sent = sink.send(alertAbout());
  nsqd.beat();
  await sent;
  await waitFor("two answers", () => nsqd.heartbeats === 2);
});

Deno.test("an alert too large for nsqd is refused for good, and those sent with it are not", async () => {
  await using nsqd = await startNsqd();
  nsqd.maxMessageBytes = 1000;
  await using sink = open(nsqd.port);
  const large = alertAbout("large[0]", { lastEvent: `{"Name":"large[0]","F":"${"\u00e9".repeat(1000)}"}` });
  const size = new TextEncoder().encode(alertJson(large)).length;
  const small = alertAbout();
  const [first, second] = await Promise.allSettled([sink.send(large), sink.send(small)]);
  assert.equal(first!.status, "rejected");
  assert.deepEqual(
    [first.reason.message, first.reason.recovery],
    [
      `${
        at(nsqd)
      } refused the alert, which has ${size} bytes: E_BAD_MESSAGE PUB message too big ${size} > 1000; ` +
      "raise its -max-msg-size",
      "rejected",
    ],
  );
  assert.equal(second!.status, "rejected");
  assert.deepEqual([second.reason.message, second.reason.recovery], [
    `${at(nsqd)} closed the connection after an error about another alert`,
    "transient",
  ]);
  await sink.send(small);
  assert.deepEqual(nsqd.topics.get("loops"), [alertJson(small)]);
});

Deno.test("send() says what nsqd refuses, and works when that is over", async () => {
  await using nsqd = await startNsqd();
  const said = [
    ["E_PUB_FAILED PUB failed exiting", `${at(nsqd)}: E_PUB_FAILED PUB failed exiting`, "transient"],
    [
      'E_BAD_TOPIC PUB topic name "loops" is not valid',
      `${
        at(nsqd)
      } refused the topic: E_BAD_TOPIC PUB topic name "loops" is not valid; set SINK_NSQ_TOPIC_NAME`,
      "operator",
    ],
    [
      'E_UNAUTHORIZED AUTH failed for PUB on "loops" ""',
      `${at(nsqd)} demands authorization, which this sink does not have`,
      "operator",
    ],
  ] as const;
  await using sink = open(nsqd.port);
  for (const [error, message, recovery] of said) {
    nsqd.fails = error;
    await assert.rejects(sink.send(alertAbout()), fault(message, recovery));
    await sink.send(alertAbout());
  }
});

Deno.test("connect() says that authorization is demanded", async () => {
  await using nsqd = await startNsqd();
  nsqd.authRequired = true;
  await using sink = open(nsqd.port);
  await assert.rejects(
    sink.connect(),
    fault(`${at(nsqd)} demands authorization, which this sink does not have`, "operator"),
  );
  await waitFor("the connection to be closed", () => nsqd.connections === 0);
});

Deno.test("connect() says that nobody listens, or somebody else", async () => {
  const other = createServer((socket) =>
    void socket.on("error", () => {}).resume().end("HTTP/1.1 400 Bad Request\r\n\r\n")
  ).listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await using sink = open(port);
  await assert.rejects(
    sink.connect(),
    fault(
      `nsqd at 127.0.0.1:${port} does not speak the protocol of nsqd; set its TCP port, such as 4150`,
      "transient",
    ),
  );
  await using nobody = open(1);
  await assert.rejects(nobody.connect(), fault("nsqd at 127.0.0.1:1: connection refused", "transient"));
  other.close();
  await once(other, "close");
});

Deno.test("a lost connection is told once, and to the alerts in flight", async () => {
  const lost: Fault[] = [];
  const nsqd = await startNsqd();
  const where = at(nsqd);
  await using sink = open(nsqd.port, lost);
  nsqd.isSilent = true;
  await sink.connect();
  const sends = Promise.allSettled([sink.send(alertAbout()), sink.send(alertAbout())]);
  await nsqd[Symbol.asyncDispose]();
  for (const send of await sends) {
    assert.equal(send.status, "rejected");
    assert.equal(send.reason, lost[0]);
  }
  assert.equal(lost.length, 1);
  assert.match(lost[0]!.message, new RegExp(`^${where}(?: closed the connection|: connection lost)$`));
});

Deno.test("disposing the sink settles alerts in flight, though nsqd is silent", async () => {
  await using nsqd = await startNsqd();
  nsqd.isSilent = true;
  const sink = open(nsqd.port);
  await sink.connect();
  const sent = sink.send(alertAbout());
  sent.catch(() => {});
  await sink[Symbol.asyncDispose]();
  await assert.rejects(sent, fault("closed", "transient"));
});

Deno.test("settings that are no nsqd are explained", () => {
  const problems: string[] = [];
  const env = { SINK_NSQ_ADDR: "http://nsq:4151", SINK_NSQ_TOPIC_NAME: "crash loops" };
  assert.equal(nsq.prepare({ flags: {}, env, problems }), undefined);
  assert.deepEqual(problems, [
    'SINK_NSQ_ADDR (--sink-nsq-addr): found "http://nsq:4151"; expected HOST:PORT or [IPv6]:PORT, such as localhost:4150',
    'SINK_NSQ_TOPIC_NAME (--sink-nsq-topic-name): found "crash loops"; expected 1 to 64 of the letters a-z and A-Z, ' +
    "digits, and _.-, and perhaps #ephemeral, such as crash-loops",
  ]);
});
