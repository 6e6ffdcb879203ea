// The client for receivers over HTTP: deadlines, answers, connections, proxies, TLS, and what is said where none answers.
import assert from "node:assert/strict";
import { StandIn } from "../../helpers/stand_in.ts";
import { once } from "node:events";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { HttpClient } from "../../../src/clients/http/client.ts";
import { retryAfter } from "../../../src/clients/http/errors.ts";
import type { Tls } from "../../../src/clients/tls/settings.ts";
import { Authority, type Certificate } from "../../helpers/certificates.ts";
import { type Answer, HttpReceiver } from "../../helpers/http_receiver.ts";
import { startProxy } from "../../helpers/proxy.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";

const where = "the receiver";
const secretPath = "/s3cr3t-path?key=s3cr3t-key";
const noTls: Tls = {
  tlsCaFile: undefined,
  tlsCertFile: undefined,
  tlsKeyFile: undefined,
  tlsServerName: undefined,
};

function clientWith(tls: Partial<Tls> = {}, timeout?: number): HttpClient {
  return new HttpClient({
    prefix: "SINK_X",
    tls: { ...noTls, ...tls },
    ...(timeout === undefined ? {} : { timeout }),
  });
}

/** A request to a secret address on this port of 127.0.0.1. */
function requestTo(port: number, scheme = "http"): { url: URL; body: string } {
  return { url: new URL(`${scheme}://127.0.0.1:${port}${secretPath}`), body: "{}" };
}

/** Sending fails with this message, which has no secret. */
async function fails(sending: Promise<unknown>, message: string, recovery = "transient"): Promise<void> {
  assert.ok(!message.includes("s3cr3t"));
  await assert.rejects(within("an end", sending), {
    name: "Fault",
    message: `${where}: ${message}`,
    recovery,
  });
}

/** A server that sends the first half of its answers, and then does this. */
async function startHalfAnswers(then: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ", () => then(socket));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      for (const socket of open) socket.destroy();
      server.close();
      await closed;
    },
  };
}

Deno.test("send() yields status, headers and text of an answer, whatever its status", async () => {
  await using receiver = HttpReceiver.start(() => ({
    status: 418,
    body: "caf\u00e9",
    headers: { "x-a": "b" },
  }));
  using client = clientWith();
  const answer = await client.send({ ...requestTo(receiver.port), method: "PUT" }, where);
  assert.deepEqual([answer.status, answer.text, answer.header("X-A"), answer.header("x-none")], [
    418,
    "caf\u00e9",
    "b",
    undefined,
  ]);
  assert.deepEqual(receiver.paths, [`PUT ${secretPath}`]);
});

Deno.test("send() follows no redirect", async () => {
  await using receiver = HttpReceiver.start(() => ({ status: 302, headers: { location: "/elsewhere" } }));
  using client = clientWith();
  assert.equal((await client.send(requestTo(receiver.port), where)).status, 302);
  assert.equal(receiver.paths.length, 1);
});

Deno.test("send() gives up where there is no answer, or no end of it, in time", async () => {
  const never = Promise.withResolvers<Answer>();
  await using receiver = HttpReceiver.start(() => never.promise);
  using client = clientWith({}, 50);
  await fails(client.send(requestTo(receiver.port), where), "no answer within 0.05 s");
  never.resolve({});

  await using endless = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(10)) })),
  );
  await fails(client.send(requestTo(endless.addr.port), where), "no answer within 0.05 s");

  await using half = await startHalfAnswers((socket) => void socket);
  await fails(client.send(requestTo(half.port), where), "no answer within 0.05 s");
});

Deno.test("send() fails where the connection breaks in the middle of an answer", async () => {
  await using half = await startHalfAnswers((socket) => socket.destroy());
  using client = clientWith();
  await fails(client.send(requestTo(half.port), where), "connection lost");
});

Deno.test("send() reads no more than 1 MB of an answer, and leaves the rest", async () => {
  let cancelled = false;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response(
        new ReadableStream({
          pull: (stream) => stream.enqueue(new TextEncoder().encode("x".repeat(100_000))),
          cancel: () => void (cancelled = true),
        }),
      ),
  );
  using client = clientWith();
  const { text } = await client.send(requestTo(server.addr.port), where);
  assert.equal(text.length, 1 << 20);
  await waitFor("the end of the stream", () => cancelled);
});

Deno.test("send() reads no more than 1 MB of an answer that was compressed", async () => {
  const body = new Uint8Array(gzipSync(new Uint8Array(5_000_000).fill(120)));
  const headers = { "content-encoding": "gzip", "content-length": String(body.length) };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(body, { headers }),
  );
  using client = clientWith();
  const { text } = await client.send(requestTo(server.addr.port), where);
  assert.equal(text.length, 1 << 20);
});

Deno.test("send() says what it found where nobody answers, and no address", async () => {
  using client = clientWith();
  await using receiver = HttpReceiver.start();
  await using proxy = await startProxy(receiver.port);
  receiver.answering = async () => {
    await proxy.cut();
    return {};
  };
  await fails(client.send(requestTo(proxy.port), where), "connection lost");
  proxy.refuse();
  await fails(client.send(requestTo(proxy.port), where), "connection refused");
  await fails(
    client.send({ url: new URL(`http://nowhere.invalid${secretPath}`) }, where),
    "host not found",
  );
  await fails(
    client.send(requestTo(receiver.port, "https"), where),
    "it does not speak TLS; use http:// in the URL",
    "operator",
  );
  await fails(client.send(requestTo(1), where), "Requests to port 1 are blocked");
});

Deno.test("send() keeps a connection alive and uses it again, until renew()", async () => {
  await using receiver = HttpReceiver.start();
  using client = clientWith();
  const ports = new Set<number>();
  receiver.answering = ({ senderPort }) => {
    ports.add(senderPort);
    return { body: "x".repeat(10_000) };
  };
  for (let count = 0; count < 10; count++) await client.send(requestTo(receiver.port), where);
  assert.equal(ports.size, 1);
  client.renew();
  await client.send(requestTo(receiver.port), where);
  assert.equal(ports.size, 2);
});

Deno.test("disposal ends what is pending at once, and what comes later", async () => {
  const arrived = Promise.withResolvers<void>();
  const never = Promise.withResolvers<Answer>();
  await using receiver = HttpReceiver.start(() => {
    arrived.resolve();
    return never.promise;
  });
  const client = clientWith();
  const closed = { name: "Fault", message: "closed" };
  const pending = assert.rejects(client.send(requestTo(receiver.port), where), closed);
  await within("the request", arrived.promise);
  client[Symbol.dispose]();
  await within("the end", pending);
  await assert.rejects(client.send(requestTo(receiver.port), where), closed);
  never.resolve({});
  assert.equal(receiver.paths.length, 1);
});

Deno.test("send() obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY", async () => {
  await using proxy = HttpReceiver.start(({ method }) =>
    method === "CONNECT" ? { status: 403 } : { body: "through the proxy" }
  );
  await using receiver = HttpReceiver.start(() => ({ body: "direct" }));
  const program = `
    import { HttpClient } from "./src/clients/http/client.ts";
    using client = new HttpClient({ prefix: "SINK_X" });
    const urls = ["http://receiver.invalid/a", "http://localhost:${receiver.port}/b",
      "http://127.0.0.1:${receiver.port}/c", "https://receiver.invalid/d"];
    for (const url of urls) {
      console.log(await client.send({ url: new URL(url) }, "there").then(({ text }) => text, ({ name }) => name));
    }`;
  const address = `http://127.0.0.1:${proxy.port}`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    cwd: new URL("../../../", import.meta.url),
    env: { HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: "127.0.0.1" },
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    "through the proxy\nthrough the proxy\ndirect\nFault\n",
    new TextDecoder().decode(stderr),
  );
  // For TLS it is asked for a tunnel, which this one refuses.
  assert.equal(proxy.paths.length, 3);
  assert.match(proxy.paths[2]!, /^CONNECT /);
});

Deno.test("send() trusts the authority in a file besides the public ones, and says which certificates it does not", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [own, other] = await Promise.all(["own", "other"].map((name) => Authority.create(directory, name)));
    const hosts = ["IP:127.0.0.1"];
    const good = await own!.sign({ name: "receiver", hosts });
    await withTls(good, async (port) => {
      using trusting = clientWith({ tlsCaFile: own!.cert });
      assert.equal((await trusting.send(requestTo(port, "https"), where)).status, 200);
      for (const client of [clientWith(), clientWith({ tlsCaFile: other!.cert })]) {
        await fails(
          client.send(requestTo(port, "https"), where),
          "its certificate is not signed by a known CA; name the file of that CA's certificate in the " +
            "settings of TLS",
          "operator",
        );
        client[Symbol.dispose]();
      }
      await fails(trusting.send(requestTo(port), where), "connection lost");
    });
    for (
      const { subject, message } of [
        { subject: { hosts, expired: true }, message: "its certificate has expired; renew it there" },
        {
          subject: { hosts: ["DNS:a.example", "DNS:b.example", "IP:127.0.0.2"] },
          message:
            "its certificate is for a.example, b.example or 127.0.0.2; connect to a name that it is for",
        },
      ]
    ) {
      await withTls(await own!.sign({ name: "receiver", ...subject }), async (port) => {
        using client = clientWith({ tlsCaFile: own!.cert });
        await fails(client.send(requestTo(port, "https"), where), message, "operator");
      });
    }
    await demandsCertificate(own!, good, await own!.sign({ name: "detector", hosts: ["DNS:detector"] }));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function withTls({ cert, key }: Certificate, run: (port: number) => Promise<void>): Promise<void> {
  const [certText, keyText] = await Promise.all([Deno.readTextFile(cert), Deno.readTextFile(key)]);
  await using receiver = HttpReceiver.start(undefined, { cert: certText, key: keyText });
  await run(receiver.port);
}

/** A server that takes only clients with a certificate. */
async function demandsCertificate(
  authority: Authority,
  { cert, key }: Certificate,
  own: Certificate,
): Promise<void> {
  const [certText, keyText, ca] = [cert, key, authority.cert].map((path) => Deno.readTextFileSync(path));
  const options = { cert: certText!, key: keyText!, ca: ca!, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (_, response) => response.end("welcome"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  {
    using without = clientWith({ tlsCaFile: authority.cert });
    await fails(
      without.send(requestTo(port, "https"), where),
      "it requires a client certificate; set its files in the TLS settings",
      "operator",
    );
    using client = clientWith({ tlsCaFile: authority.cert, tlsCertFile: own.cert, tlsKeyFile: own.key });
    assert.equal((await client.send(requestTo(port, "https"), where)).text, "welcome");
  }
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

Deno.test("open() reads the files of TLS, and says which is wrong", () => {
  using client = clientWith({ tlsCaFile: "/nowhere/ca.pem" });
  assert.throws(() => client.open(), {
    name: "Fault",
    message:
      'SINK_X_TLS_CA_FILE (--sink-x-tls-ca-file): cannot read "/nowhere/ca.pem": there is no such file; set it ' +
      "to a PEM file of certificates",
    recovery: "config",
  });
});

Deno.test("retryAfter() reads seconds and dates of HTTP; what is over or makes no sense is no wish", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  for (
    const [header, expected] of [
      [undefined, 0],
      ["0", 0],
      ["30", 30_000],
      [" 1.5 ", 1_500],
      ["Wed, 25 Nov 2026 12:00:10 GMT", 10_000],
      ["Wed, 25 Nov 2026 11:59:00 GMT", 0],
      ["soon", 0],
      ["-5", 0],
      ["", 0],
    ] as const
  ) assert.equal(retryAfter(header, now), expected, header);
});

Deno.test("send() sends a request once where each has a connection of its own, and the connection breaks", async () => {
  await using server = new StandIn(() => ({ status: 200, body: "ok" }));
  await server.listen();
  using client = new HttpClient({ prefix: "SINK_X", single: true });
  const url = new URL(`http://127.0.0.1:${server.port}/`);
  assert.equal((await client.send({ url, body: "first" }, "there")).text, "ok");
  server.faults.push("cut");
  await assert.rejects(client.send({ url, body: "second" }, "there"), {
    message: "there: connection lost",
    recovery: "transient",
  });
  assert.deepEqual(server.requests.map(({ body }) => body), ["first", "second"]);
});
