// The sink `kafka` at the mock cluster of librdkafka: what it writes, and what it says of each thing that can be wrong.
import assert from "node:assert/strict";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Fault } from "../../src/lib/errors.ts";
import { kafka } from "../../src/sinks/kafka/kafka.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Authority } from "../helpers/certificates.ts";
import { errors, type Kafka, startKafka, startKafkaPeer } from "../helpers/kafka.ts";
import { sinkContext } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";

let cluster: Kafka;
Deno.test.beforeAll(async () => void (cluster = await startKafka("loops")));
Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());

function open(brokers: string, more: Record<string, string> = {}): Sink {
  const env = { SINK_KAFKA_BROKERS: brokers, SINK_KAFKA_TOPIC: "loops", ...more };
  const problems: string[] = [];
  const prepared = kafka.prepare({ flags: {}, env, problems });
  assert.deepEqual(problems, []);
  return prepared!.open(sinkContext());
}

const fault = (message: string, recovery = "operator") => ({ name: "Fault", message, recovery });
const about = (loop: string, name: string) => alertAbout(name, { loop });

/** What arrived under a key. */
async function messagesOf(key: string, count: number) {
  return await waitFor(`${count} messages of ${key}`, async () => {
    const found = (await cluster.messages()).filter((message) => message.key === key);
    return found.length >= count && found;
  });
}

Deno.test("send() writes the alert's JSON with the loop as key and the id as header, in order", async () => {
  const alerts = ["a", "b", "c"].map((name) => about("one loop", `caf\u00e9.${name}[0]`));
  {
    await using sink = open(cluster.brokers.join(","));
    for (const alert of alerts) await sink.send(alert);
  }
  const messages = await messagesOf("one loop", 3);
  assert.deepEqual(
    messages.map(({ value, headers }) => ({ value, headers })),
    alerts.map((alert) => ({ value: alertJson(alert), headers: ["id", alert.id] })),
  );
  assert.equal(new Set(messages.map(({ partition }) => partition)).size, 1);
});

Deno.test("what is sent in one turn is one request for each broker", async () => {
  await using peer = await startKafkaPeer(cluster);
  await using sink = open(peer.brokers);
  await Promise.all(Array.from({ length: 100 }, (_, index) => sink.send(about("together", `j.g[${index}]`))));
  assert.equal(peer.produced, 1);
  assert.equal((await messagesOf("together", 100)).length, 100);
});

Deno.test("check() says how many partitions there are", async () => {
  const brokers = cluster.brokers.join(",");
  await using sink = open(brokers);
  assert.equal(await sink.check(), `Kafka at ${brokers}: connected; the topic "loops" has 4 partitions`);
});

Deno.test("the first broker that answers suffices; none is told", async () => {
  await using sink = open(`127.0.0.1:1,${cluster.brokers[1]}`);
  await sink.connect();
  await using nobody = open("127.0.0.1:1");
  await assert.rejects(nobody.connect(), fault("Kafka at 127.0.0.1:1: connection refused", "transient"));
  await using nowhere = open("nosuch.invalid:9092");
  await assert.rejects(
    nowhere.connect(),
    fault("Kafka at nosuch.invalid:9092: host not found", "transient"),
  );
});

Deno.test("connect(), check() and send() say what is wrong with the topic, and can be mended", async () => {
  await using peer = await startKafkaPeer(cluster);
  await using sink = open(peer.brokers);
  for (
    const [error, said] of [
      [errors.unknownTopic, 'the topic "loops" does not exist; create it'],
      [
        errors.unauthorizedTopic,
        'this user may not write to the topic "loops"; give it the ACLs Describe and Write',
      ],
    ] as const
  ) {
    peer.metadataError = error;
    const expected = fault(`Kafka at ${peer.brokers}: ${said}`);
    await assert.rejects(sink.connect(), expected);
    await assert.rejects(sink.check(), expected);
    await assert.rejects(sink.send(about("mended", "a[0]")), expected);
    peer.metadataError = 0;
    await sink.send(about("mended", "a[0]"));
  }
});

Deno.test("an alert too large for the topic is refused for good, and those sent with it arrive", async () => {
  await using peer = await startKafkaPeer(cluster);
  peer.maxBytes = 10_000;
  await using sink = open(peer.brokers);
  const large = alertAbout("large[0]", {
    loop: "sizes",
    lastEvent: `{"Name":"large[0]","Filling":"${"x".repeat(10_000)}"}`,
  });
  const small = [about("sizes", "a[0]"), about("sizes", "b[0]")];
  const [first, second, third] = await Promise.allSettled(
    [small[0]!, large, small[1]!].map((one) => sink.send(one)),
  );
  assert.deepEqual([first!.status, second!.status, third!.status], ["fulfilled", "rejected", "fulfilled"]);
  const { message, recovery } = (second as PromiseRejectedResult).reason as Fault;
  assert.deepEqual([message, recovery], [
    `Kafka at ${peer.brokers}: the alert is larger than the topic "loops" takes; raise its max.message.bytes`,
    "rejected",
  ]);
  const messages = await messagesOf("sizes", 2);
  assert.deepEqual(messages.map(({ value }) => value), small.map((alert) => alertJson(alert)));
});

Deno.test("send() says that too few replicas are in sync, and works when that is over", async () => {
  await using peer = await startKafkaPeer(cluster);
  await using sink = open(peer.brokers);
  peer.produceError = errors.notEnoughReplicas;
  await assert.rejects(
    sink.send(about("replicas", "a[0]")),
    fault(`Kafka at ${peer.brokers}: too few replicas of the topic "loops" are in sync`, "transient"),
  );
  peer.produceError = 0;
  await sink.send(about("replicas", "a[0]"));
});

Deno.test("a login by SASL/PLAIN over TLS with an authority of one's own", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const authority = await Authority.create(directory, "test authority");
    const own = await authority.sign({ name: "kafka", hosts: ["IP:127.0.0.1"] });
    await using peer = await startKafkaPeer(cluster, { login: "detector:hunter2", tls: own });
    const secured = { SINK_KAFKA_CA_CERT_PATH: authority.cert };
    const login = { SINK_KAFKA_USER: "detector", SINK_KAFKA_PASSWORD: "hunter2" };
    await using sink = open(peer.brokers, { ...secured, ...login });
    await sink.send(about("secured", "a[0]"));
    await messagesOf("secured", 1);

    const where = `Kafka at ${peer.brokers}`;
    await using wrong = open(peer.brokers, { ...secured, ...login, SINK_KAFKA_PASSWORD: "hunter3" });
    await assert.rejects(
      wrong.connect(),
      fault(
        `${where} refused user and password; set SINK_KAFKA_USER and SINK_KAFKA_PASSWORD to the right ones`,
      ),
    );
    await using anonymous = open(peer.brokers, secured);
    await assert.rejects(
      anonymous.connect(),
      fault(
        `${where} closed the connection; it may expect a login, which is SINK_KAFKA_USER and SINK_KAFKA_PASSWORD`,
        "transient",
      ),
    );
    const other = await Authority.create(directory, "another authority");
    await using wary = open(peer.brokers, { ...secured, ...login, SINK_KAFKA_CA_CERT_PATH: other.cert });
    await assert.rejects(wary.connect(), ({ message, recovery }: Fault) => {
      assert.match(
        message,
        new RegExp(
          `^the certificate of Kafka at 127\\.0\\.0\\.1:\\d+ is not signed by a CA in "${
            RegExp.escape(other.cert)
          }", but by "test authority"; set SINK_KAFKA_CA_CERT_PATH \\(--sink-kafka-ca-cert-path\\) to a file that holds ` +
            "its CA's certificate$",
        ),
      );
      assert.equal(recovery, "config");
      return true;
    });
    const demanding = { tls: { ...own, clientCa: authority.cert } };
    await using stern = await startKafkaPeer(cluster, demanding);
    await using without = open(stern.brokers, secured);
    await assert.rejects(without.connect(), ({ message, recovery }: Fault) => {
      assert.match(
        message,
        /^Kafka at 127\.0\.0\.1:\d+ demands a client certificate; set SINK_KAFKA_CERT_PATH \(--sink-kafka-cert-path\) and SINK_KAFKA_KEY_PATH \(--sink-kafka-key-path\)$/,
      );
      assert.equal(recovery, "config");
      return true;
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("connect() says that the brokers take no SASL/PLAIN", async () => {
  await using peer = await startKafkaPeer(cluster, { login: "u:p", mechanism: "SCRAM-SHA-512" });
  await using sink = open(peer.brokers, { SINK_KAFKA_USER: "u", SINK_KAFKA_PASSWORD: "p" });
  await assert.rejects(
    sink.connect(),
    fault(
      `Kafka at ${peer.brokers}: it does not offer SASL/PLAIN, the only mechanism that this sink supports; enable it there`,
    ),
  );
});

Deno.test("disposing the sink settles alerts in flight and leaves no connection, though Kafka is silent", async () => {
  await using peer = await startKafkaPeer(cluster);
  peer.isSilent = true;
  const sink = open(peer.brokers);
  const sends = [sink.send(about("silent", "a[0]"))];
  await waitFor("the request", () => peer.produced === 1);
  sends.push(sink.send(about("silent", "b[0]")));
  const settled = Promise.allSettled(sends);
  await sink[Symbol.asyncDispose]();
  for (const send of await settled) {
    assert.equal(send.status, "rejected");
    assert.equal(send.reason.message, "closed");
  }
  await waitFor("the connections to be closed", () => peer.connections === 0);
});

Deno.test("settings that are no Kafka are explained, without the password", () => {
  const problems = (env: Record<string, string>) => {
    const found: string[] = [];
    kafka.prepare({
      flags: {},
      env: { SINK_KAFKA_BROKERS: "k:9092", SINK_KAFKA_TOPIC: "t", ...env },
      problems: found,
    });
    return found;
  };
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ SINK_KAFKA_BROKERS: "[::1]:9092", SINK_KAFKA_TOPIC: "a b" }), [
    'SINK_KAFKA_BROKERS (--sink-kafka-brokers): found "[::1]:9092", with an IPv6 address; give it a name; expected ' +
    "HOST:PORT, one or more, separated by commas, such as kafka-1:9092,kafka-2:9092",
    'SINK_KAFKA_TOPIC (--sink-kafka-topic): found "a b"; expected 1 to 249 of the letters a-z and A-Z, digits, and ' +
    "_.-, such as crash-loops",
  ]);
  assert.deepEqual(problems({ SINK_KAFKA_PASSWORD: "hunter2", SINK_KAFKA_CERT_PATH: "/c" }), [
    "Missing SINK_KAFKA_USER (--sink-kafka-user): user for SASL/PLAIN, since SINK_KAFKA_PASSWORD " +
    "(--sink-kafka-password) is set",
    "Missing SINK_KAFKA_KEY_PATH (--sink-kafka-key-path): PEM file of the client certificate's private key, since " +
    "SINK_KAFKA_CERT_PATH (--sink-kafka-cert-path) is set",
    "Missing SINK_KAFKA_CA_CERT_PATH (--sink-kafka-ca-cert-path): PEM file of CA certificates to trust " +
    "in place of the public ones; turns TLS on, since SINK_KAFKA_CERT_PATH (--sink-kafka-cert-path) is set",
  ]);
  assert.deepEqual(problems({ SINK_KAFKA_USER: "u" }), [
    "Missing SINK_KAFKA_PASSWORD (--sink-kafka-password): password for SASL/PLAIN, since SINK_KAFKA_USER " +
    "(--sink-kafka-user) is set",
  ]);
});
