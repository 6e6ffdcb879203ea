// The program and a RabbitMQ that speaks TLS: which certificates it takes, and what it says about those that it does not.
import assert from "node:assert/strict";
import { Authority, type Certificate } from "../helpers/certificates.ts";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { freePort, type RabbitMq, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";

let broker: RabbitMq;
let directory: string;
let files: Readonly<Record<"ca" | "otherCa", string>>;
let clients: Readonly<Record<"own" | "others" | "expired", Certificate>>;
let own: BrokerClient;

/** The ports on which the broker speaks TLS, each with another certificate or another demand. */
const ports = {
  good: freePort(),
  elsewhere: freePort(),
  expired: freePort(),
  demanding: freePort(),
  demanding12: freePort(),
};

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir();
  const [started, ca, other] = await Promise.all([
    startRabbitMq(),
    Authority.create(directory, "Own CA"),
    Authority.create(directory, "Other CA"),
  ]);
  broker = started;
  files = { ca: ca.cert, otherCa: other.cert };
  clients = {
    own: await ca.sign({ name: "client" }),
    others: await other.sign({ name: "client" }),
    expired: await ca.sign({ name: "client", expired: true }),
  };
  const hosts = ["DNS:localhost", "DNS:rabbit.example", "IP:127.0.0.1"];
  const good = await ca.sign({ name: "good", hosts });
  const elsewhere = await ca.sign({ name: "elsewhere", hosts: ["DNS:rabbit.example"] });
  const expired = await ca.sign({ name: "expired", hosts, expired: true });
  const demand = ",{verify,verify_peer},{fail_if_no_peer_cert,true}";
  await broker.ctl(
    "eval",
    [
      listener(ports.good, good),
      listener(ports.elsewhere, elsewhere),
      listener(ports.expired, expired),
      listener(ports.demanding, good, demand),
      listener(ports.demanding12, good, `${demand},{versions,['tlsv1.2']}`),
    ].join(", ") + ".",
  );
  own = await brokerClient(broker.url);
});
Deno.test.afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});

/** What makes the broker listen, in Erlang. */
function listener(port: number, { cert, key }: Certificate, more = ""): string {
  return `rabbit_networking:start_ssl_listener({"127.0.0.1", ${port}}, ` +
    `[{cacertfile,"${files.ca}"},{certfile,"${cert}"},{keyfile,"${key}"}${more}], 1)`;
}

function url(port: keyof typeof ports, host = "localhost"): string {
  return `amqps://guest:guest@${host}:${ports[port]}/`;
}

/** The URL as it is printed. */
function shown(port: keyof typeof ports, host = "localhost"): string {
  return url(port, host).replace("guest:guest", "guest:***");
}

/** The environment that consumes by TLS and notifies on stdout. */
function sourceEnv(port: keyof typeof ports, more: Record<string, string> = {}): Record<string, string> {
  return {
    AMQP_CONNECTION: url(port),
    AMQP_QUEUE: "in",
    AMQP_TLS_CA_FILE: files.ca,
    RESTART_COUNT: "2",
    ...more,
  };
}

/** The environment that reads nothing and notifies by TLS. */
function sinkEnv(port: keyof typeof ports, more: Record<string, string> = {}): Record<string, string> {
  return {
    SOURCE_TYPE: "stdin",
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: url(port),
    SINK_AMQP_EXCHANGE: "amq.topic",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
    SINK_AMQP_TLS_CA_FILE: files.ca,
    ...more,
  };
}

function client({ cert, key }: Certificate, prefix = "AMQP"): Record<string, string> {
  return { [`${prefix}_TLS_CERT_FILE`]: cert, [`${prefix}_TLS_KEY_FILE`]: key };
}

/** What `check` says about the source. */
async function sourceCheck(env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await run({ args: ["check"], env });
  assert.equal(stderr, "");
  const [source] = stdout.split("\n");
  assert.equal(code, source!.startsWith("ok ") ? 0 : 1);
  return source!;
}

/** An error that ends the start, without its time. */
async function startError(env: Record<string, string>): Promise<string> {
  const { code, stderr } = await run({ env });
  assert.equal(code, 1, stderr);
  return stderr.replace(/^\S+ /, "");
}

Deno.test("TLS with its own authority, by name and by address, and with a client certificate that is demanded", async () => {
  await own.queue("in");
  const connected = /^ok {6}source: amqps:\S+ connected, queue "in" exists/;
  const byAddress = { AMQP_CONNECTION: url("good", "127.0.0.1") };
  const byOtherName = { AMQP_TLS_SERVER_NAME: "rabbit.example" };
  assert.match(await sourceCheck(sourceEnv("good")), connected);
  assert.match(await sourceCheck(sourceEnv("good", byAddress)), connected);
  assert.match(await sourceCheck(sourceEnv("elsewhere", byOtherName)), connected);
  assert.match(await sourceCheck(sourceEnv("demanding", client(clients.own))), connected);
  assert.match(await sourceCheck(sourceEnv("demanding12", client(clients.own))), connected);
});

Deno.test("an update that comes by TLS, an alert that goes by TLS, each with certificates of its own", async () => {
  await own.queue("in");
  await own.queue("out");
  await own.channel.bindQueue("out", "amq.topic", "crash-loop");
  const sink = sinkEnv("demanding", client(clients.own, "SINK_AMQP"));
  await using program = new Program({ env: { ...sink, ...sourceEnv("good"), SOURCE_TYPE: "amqp" } });
  await program.logged("source amqp: consumes");
  await own.put("in", restarts(2));
  await own.take("out", 1);
});

const caFile = "AMQP_TLS_CA_FILE (--amqp-tls-ca-file)";
const certFile = "AMQP_TLS_CERT_FILE (--amqp-tls-cert-file)";
const keyFile = "AMQP_TLS_KEY_FILE (--amqp-tls-key-file)";

/** What is wrong, the environment, and what is said after the place. */
const faults: readonly (readonly [what: string, env: () => Record<string, string>, said: () => string])[] = [
  [
    "no authority given",
    () => sourceEnv("good", { AMQP_TLS_CA_FILE: "" }),
    () =>
      `the certificate of ${shown("good")} is not signed by a public CA, but by "Own CA"; ` +
      `set ${caFile} to a file that holds its CA's certificate`,
  ],
  [
    "another authority",
    () => sourceEnv("good", { AMQP_TLS_CA_FILE: files.otherCa }),
    () =>
      `the certificate of ${shown("good")} is not signed by a CA in "${files.otherCa}", but by "Own CA"; ` +
      `set ${caFile} to a file that holds its CA's certificate`,
  ],
  [
    "a certificate that expired",
    () => sourceEnv("expired"),
    () => `the certificate of ${shown("expired")} expired on 2020-02-01T00:00:00.000Z; renew it there`,
  ],
  [
    "a certificate for another host",
    () => sourceEnv("elsewhere"),
    () =>
      `the certificate of ${
        shown("elsewhere")
      } is for rabbit.example, not for localhost; connect to a name ` +
      "that it is for, or set AMQP_TLS_SERVER_NAME (--amqp-tls-server-name) to that name",
  ],
  [
    "a certificate for another address",
    () => sourceEnv("elsewhere", { AMQP_CONNECTION: url("elsewhere", "127.0.0.1") }),
    () =>
      `the certificate of ${shown("elsewhere", "127.0.0.1")} is for rabbit.example, not for 127.0.0.1; ` +
      "connect to a name that it is for, or set AMQP_TLS_SERVER_NAME (--amqp-tls-server-name) to that name",
  ],
  [
    "another server name than the certificate's",
    () => sourceEnv("good", { AMQP_TLS_SERVER_NAME: "other.example" }),
    () =>
      `the certificate of ${
        shown("good")
      } is for localhost, rabbit.example or 127.0.0.1, not for other.example; ` +
      "connect to a name that it is for, or set AMQP_TLS_SERVER_NAME (--amqp-tls-server-name) to that name",
  ],
  [
    "no client certificate where one is demanded",
    () => sourceEnv("demanding"),
    () => `${shown("demanding")} demands a client certificate; set ${certFile} and ${keyFile}`,
  ],
  [
    "no client certificate where one is demanded, in TLS 1.2",
    () => sourceEnv("demanding12"),
    () =>
      `${
        shown("demanding12")
      } refused the TLS handshake (HandshakeFailure), perhaps since it demands a client ` +
      `certificate; set ${certFile} and ${keyFile}`,
  ],
  [
    "a client certificate of another authority",
    () => sourceEnv("demanding", client(clients.others)),
    () =>
      `${shown("demanding")} refused the client certificate in "${clients.others.cert}" (UnknownCA); ` +
      `set ${certFile} to one that it accepts`,
  ],
  [
    "a client certificate that expired",
    () => sourceEnv("demanding", client(clients.expired)),
    () =>
      `${
        shown("demanding")
      } refused the client certificate in "${clients.expired.cert}" (CertificateExpired); ` +
      `set ${certFile} to one that it accepts`,
  ],
  [
    "a port without TLS",
    () => sourceEnv("good", { AMQP_CONNECTION: `amqps://guest:guest@localhost:${broker.port}/` }),
    () => `amqps://guest:***@localhost:${broker.port}/ does not speak TLS; set the port on which it does`,
  ],
  [
    "a file that is missing",
    () => sourceEnv("good", { AMQP_TLS_CA_FILE: `${directory}/nosuch` }),
    () =>
      `${caFile}: cannot read "${directory}/nosuch": there is no such file; ` +
      "set it to a PEM file of certificates",
  ],
];

for (const [what, env, said] of faults) {
  Deno.test(`TLS with ${what}: one clear line, exit 1, and check says the same`, async () => {
    await own.queue("in");
    assert.equal(await startError(env()), `error source amqp: ${said()}\n`);
    assert.equal(await sourceCheck(env()), `failed  source: ${said()}`);
  });
}

Deno.test("TLS faults of the sink name the sink's settings and end the start", async () => {
  assert.equal(
    await startError(sinkEnv("good", { SINK_AMQP_TLS_CA_FILE: files.otherCa })),
    `error sink amqp: the certificate of ${shown("good")} is not signed by a CA in "${files.otherCa}", ` +
      'but by "Own CA"; set SINK_AMQP_TLS_CA_FILE (--sink-amqp-tls-ca-file) to a file that holds its ' +
      "CA's certificate\n",
  );
  assert.equal(
    await startError(sinkEnv("demanding")),
    `error sink amqp: ${shown("demanding")} demands a client certificate; ` +
      "set SINK_AMQP_TLS_CERT_FILE (--sink-amqp-tls-cert-file) and SINK_AMQP_TLS_KEY_FILE (--sink-amqp-tls-key-file)\n",
  );
});

Deno.test("TLS settings that do not go together are errors at once, a line each", async () => {
  const plain = broker.url;
  const { code, stderr } = await run({
    env: {
      ...sinkEnv("good", { SINK_AMQP_TLS_CERT_FILE: "client.pem" }),
      ...sourceEnv("good", { AMQP_CONNECTION: plain, SOURCE_TYPE: "amqp" }),
    },
  });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `${caFile}: found for ${plain.replace("guest:guest", "guest:***")}, which is without TLS; ` +
      "let the URL begin with amqps://\n" +
      "Missing SINK_AMQP_TLS_KEY_FILE (--sink-amqp-tls-key-file): PEM file of the client certificate's private key, " +
      "since SINK_AMQP_TLS_CERT_FILE (--sink-amqp-tls-cert-file) is set\n",
  );
});

Deno.test(
  "a certificate that goes bad after it once worked is waited out, and a renewed one is taken",
  restartsBroker,
  async () => {
    await own.queue("in");
    const cert = `${directory}/current.pem`;
    const key = `${directory}/current.key`;
    const use = async (certificate: Certificate) => {
      await Deno.copyFile(certificate.cert, cert);
      await Deno.copyFile(certificate.key, key);
    };
    await use(clients.own);
    await using program = new Program({ env: sourceEnv("demanding", client({ cert, key })) });
    await program.logged("source amqp: consumes");
    await use(clients.expired);
    await broker.ctl("close_all_connections", "--vhost", "/", "test closes it");
    await program.logged(`refused the client certificate in "${cert}" (CertificateExpired)`);
    await use(clients.own);
    await program.logged("source amqp: recovered after");
    await using again = await brokerClient(broker.url);
    await again.put("in", restarts(2));
    await program.logged("crash loop");
  },
);
