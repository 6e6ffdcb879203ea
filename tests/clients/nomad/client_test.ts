// Nomad's HTTP API behind TLS, on Unix sockets and behind proxies: what is sent, and the exact error for what is wrong.
import assert from "node:assert/strict";
import { NomadClient } from "../../../src/clients/nomad/client.ts";
import { nomadConflicts, type NomadSettings, nomadSettings } from "../../../src/clients/nomad/settings.ts";
import { Fault } from "../../../src/lib/errors.ts";
import { readSettings } from "../../../src/lib/settings/setting.ts";
import { Authority, type Certificate } from "../../helpers/certificates.ts";
import { NomadServer, Recording, type ServerOptions } from "../../helpers/nomad.ts";
import { findServer } from "../../tools/setup.ts";
import { waitFor } from "../../helpers/wait_for.ts";

const recording = new Recording([]);
let directory: string;
let authority: Authority;
let stranger: Authority;
let own: Certificate;
let client: Certificate;
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir();
  authority = await Authority.create(directory, "Nomad CA");
  stranger = await Authority.create(directory, "Other CA");
  own = await authority.sign({ name: "server", hosts: ["DNS:server.global.nomad", "IP:127.0.0.1"] });
  client = await authority.sign({ name: "client", hosts: ["DNS:client.global.nomad"] });
});
Deno.test.afterAll(async () => {
  await Deno.remove(directory, { recursive: true });
});

function settingsOf(env: Record<string, string>): NomadSettings {
  const input = { flags: {}, env, problems: [] };
  const settings = readSettings(nomadSettings, input);
  assert.deepEqual(input.problems, []);
  return settings!;
}

/** Asks for the list of allocations; yields the answer's text. */
async function ask(env: Record<string, string>): Promise<string> {
  const client = new NomadClient(settingsOf(env));
  const { body } = await client.get({ path: "/v1/allocations", idleTimeout: 5_000 });
  return await new Response(ReadableStream.from(body)).text();
}

/** What is wrong, with `server` in the place of the address's host and port. */
async function refused(env: Record<string, string>): Promise<string> {
  try {
    await ask(env);
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return `${error.message.replace(/127\.0\.0\.1:\d+/g, "server")} (${error.recovery})`;
  }
  throw new Error("nothing was wrong");
}

async function serve(
  { cert, key }: Certificate = own,
  ca?: string,
  options: Partial<ServerOptions> = {},
): Promise<NomadServer> {
  const read = (path: string) => Deno.readTextFileSync(path);
  const tls = { cert: read(cert), key: read(key), ...(ca === undefined ? {} : { ca: read(ca) }) };
  return await NomadServer.start({ recording, tls, list: "[]", ...options });
}

Deno.test("the client speaks TLS with an authority of its own, from a file or from a directory", async () => {
  await using server = await serve();
  const NOMAD_ADDR = server.address;
  assert.equal(await ask({ NOMAD_ADDR, NOMAD_CACERT: authority.cert }), "[]");
  const path = await Deno.makeTempDir({ dir: directory });
  await Deno.copyFile(stranger.cert, `${path}/a.pem`);
  await Deno.symlink(authority.cert, `${path}/b.pem`);
  await Deno.mkdir(`${path}/..data`);
  assert.equal(await ask({ NOMAD_ADDR, NOMAD_CAPATH: path }), "[]");
  // The file wins.
  const both = { NOMAD_CAPATH: path, NOMAD_CACERT: stranger.cert };
  assert.match(await refused({ NOMAD_ADDR, ...both }), /not signed by a CA in/);
});

Deno.test("the client shows its certificate", async () => {
  await using server = await serve(own, authority.cert);
  const pair = { NOMAD_CLIENT_CERT: client.cert, NOMAD_CLIENT_KEY: client.key };
  assert.equal(await ask({ NOMAD_ADDR: server.address, NOMAD_CACERT: authority.cert, ...pair }), "[]");
});

Deno.test("get() reports that a certificate is demanded", async () => {
  await using server = await serve(own, authority.cert);
  assert.equal(
    await refused({ NOMAD_ADDR: server.address, NOMAD_CACERT: authority.cert }),
    "https://server demands a client certificate; " +
      "set NOMAD_CLIENT_CERT (--nomad-client-cert) and NOMAD_CLIENT_KEY (--nomad-client-key) (config)",
  );
});

Deno.test("get() reports that the client certificate is refused", async () => {
  const { cert, key } = await stranger.sign({ name: "client" });
  await using server = await OpensslServer.start(own, authority.cert);
  const pair = { NOMAD_CLIENT_CERT: cert, NOMAD_CLIENT_KEY: key };
  assert.equal(
    await refused({ NOMAD_ADDR: server.address, NOMAD_CACERT: authority.cert, ...pair }),
    `https://server refused the client certificate in "${cert}" (UnknownCA); ` +
      "set NOMAD_CLIENT_CERT (--nomad-client-cert) to one that it accepts (config)",
  );
});

/** A TLS server that refuses clients' certificates with an alert, as Nomad does and node does not. */
class OpensslServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly address: string) {
    this.#child = child;
  }

  static async start({ cert, key }: Certificate, ca: string): Promise<OpensslServer> {
    const port = freePort();
    const child = new Deno.Command(findServer("openssl"), {
      args: [
        ...["s_server", "-accept", `127.0.0.1:${port}`, "-cert", cert, "-key", key, "-CAfile", ca],
        ...["-Verify", "1", "-verify_return_error", "-quiet"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await waitFor(
      "openssl to listen",
      () => Deno.connect({ port }).then((it) => (it.close(), true), () => false),
    );
    return new OpensslServer(child, `https://127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("get() reports an untrusted server certificate", async () => {
  await using server = await serve();
  const advice = "set NOMAD_CACERT (--nomad-cacert) to a file that holds its CA's certificate (config)";
  for (
    const [env, by] of [
      [{}, "a public CA"],
      [{ NOMAD_CACERT: stranger.cert }, `a CA in "${stranger.cert}"`],
    ] as const
  ) {
    assert.equal(
      await refused({ NOMAD_ADDR: server.address, ...env }),
      `the certificate of https://server is not signed by ${by}, but by "Nomad CA"; ${advice}`,
    );
  }
});

Deno.test("get() reports an expired server certificate", async () => {
  const expired = await authority.sign({ name: "server", hosts: ["IP:127.0.0.1"], expired: true });
  await using server = await serve(expired);
  assert.equal(
    await refused({ NOMAD_ADDR: server.address, NOMAD_CACERT: authority.cert }),
    "the certificate of https://server expired on 2020-02-01T00:00:00.000Z; renew it there (config)",
  );
});

Deno.test("get() reports the names of the server certificate, and accepts one of them", async () => {
  const named = await authority.sign({ name: "server", hosts: ["DNS:server.global.nomad", "DNS:localhost"] });
  await using server = await serve(named);
  const env = { NOMAD_ADDR: server.address, NOMAD_CACERT: authority.cert };
  assert.equal(await ask({ ...env, NOMAD_TLS_SERVER_NAME: "server.global.nomad" }), "[]");
  assert.equal(
    await refused(env),
    "the certificate of https://server is for server.global.nomad or localhost, not for 127.0.0.1; " +
      "connect to a name that it is for, or set NOMAD_TLS_SERVER_NAME (--nomad-tls-server-name) to that name " +
      "(config)",
  );
  assert.equal(
    await refused({ ...env, NOMAD_TLS_SERVER_NAME: "server.eu.nomad" }),
    "the certificate of https://server is for server.global.nomad or localhost, not for server.eu.nomad; " +
      "connect to a name that it is for, or set NOMAD_TLS_SERVER_NAME (--nomad-tls-server-name) to that name " +
      "(config)",
  );
});

Deno.test("get() accepts every certificate with NOMAD_SKIP_VERIFY", async () => {
  const expired = await stranger.sign({ name: "server", hosts: ["DNS:elsewhere"], expired: true });
  await using server = await serve(expired, authority.cert);
  const pair = { NOMAD_CLIENT_CERT: client.cert, NOMAD_CLIENT_KEY: client.key };
  assert.equal(await ask({ NOMAD_ADDR: server.address, NOMAD_SKIP_VERIFY: "true", ...pair }), "[]");
});

Deno.test("get() reports a server without TLS, or without HTTP", async () => {
  await using plain = await NomadServer.start({ recording });
  assert.equal(
    await refused({ NOMAD_ADDR: plain.address.replace("http:", "https:"), NOMAD_CACERT: authority.cert }),
    "https://server does not speak TLS; set the port on which it does (config)",
  );
  await using secure = await serve();
  assert.equal(
    await refused({ NOMAD_ADDR: secure.address.replace("https:", "http:") }),
    "http://server does not speak HTTP; set NOMAD_ADDR (--nomad-addr) to Nomad's HTTP address (transient)",
  );
});

Deno.test("get() reports what is wrong with the files of TLS", async () => {
  const empty = await Deno.makeTempDir({ dir: directory });
  const NOMAD_ADDR = "https://127.0.0.1:1";
  const pem = "set it to a PEM file of certificates (config)";
  assert.equal(
    await refused({ NOMAD_ADDR, NOMAD_CACERT: "/nosuch" }),
    `NOMAD_CACERT (--nomad-cacert): cannot read "/nosuch": there is no such file; ${pem}`,
  );
  assert.equal(
    await refused({ NOMAD_ADDR, NOMAD_CACERT: client.key }),
    `NOMAD_CACERT (--nomad-cacert): "${client.key}" holds no certificate; ${pem}`,
  );
  const directories = "set it to a directory of PEM files (config)";
  assert.equal(
    await refused({ NOMAD_ADDR, NOMAD_CAPATH: "/nosuch" }),
    `NOMAD_CAPATH (--nomad-capath): cannot read "/nosuch": there is no such file; ${directories}`,
  );
  assert.equal(
    await refused({ NOMAD_ADDR, NOMAD_CAPATH: empty }),
    `NOMAD_CAPATH (--nomad-capath): there is no file in "${empty}"; ${directories}`,
  );
  assert.equal(
    await refused({ NOMAD_ADDR, NOMAD_CLIENT_CERT: client.cert, NOMAD_CLIENT_KEY: own.key }),
    `NOMAD_CLIENT_KEY (--nomad-client-key): the key in "${own.key}" is not that of the certificate in ` +
      `"${client.cert}"; name the files of one pair (config)`,
  );
});

Deno.test("nomadConflicts() reports that a certificate lacks its key, and a key its certificate", () => {
  const conflicts = (env: Record<string, string>) => nomadConflicts(settingsOf(env));
  assert.deepEqual(conflicts({}), []);
  assert.deepEqual(conflicts({ NOMAD_CLIENT_CERT: "c", NOMAD_CLIENT_KEY: "k" }), []);
  assert.deepEqual(conflicts({ NOMAD_CLIENT_CERT: "c" }), [
    "Missing NOMAD_CLIENT_KEY (--nomad-client-key): file with its key, " +
    "since NOMAD_CLIENT_CERT (--nomad-client-cert) is set",
  ]);
  assert.deepEqual(conflicts({ NOMAD_CLIENT_KEY: "k" }), [
    "Missing NOMAD_CLIENT_CERT (--nomad-client-cert): file with the certificate to show to Nomad, " +
    "since NOMAD_CLIENT_KEY (--nomad-client-key) is set",
  ]);
});

Deno.test("the client speaks through a Unix socket, that of a task with workload identity by itself", async () => {
  await using server = await NomadServer.start({ recording, list: "[]", socket: `${directory}/api.sock` });
  assert.equal(server.address, `unix://${directory}/api.sock`);
  assert.equal(await ask({ NOMAD_ADDR: server.address }), "[]");
  assert.equal(await ask({ NOMAD_SECRETS_DIR: directory, NOMAD_TOKEN: "identity" }), "[]");
  assert.equal(server.headers["x-nomad-token"], "identity");
  assert.equal(
    await refused({ NOMAD_ADDR: `unix://${directory}/none.sock` }),
    `unix://${directory}/none.sock: there is no such socket; start Nomad, or set NOMAD_ADDR (--nomad-addr) (transient)`,
  );
});

Deno.test("get() reports a refused connection and a host that is not found", async () => {
  assert.equal(
    await refused({ NOMAD_ADDR: `http://127.0.0.1:${freePort()}` }),
    "http://server: connection refused; start Nomad, or set NOMAD_ADDR (--nomad-addr) (transient)",
  );
  assert.equal(
    await refused({ NOMAD_ADDR: "http://nosuch.invalid:4646" }),
    "http://nosuch.invalid:4646: host not found; set NOMAD_ADDR (--nomad-addr) (transient)",
  );
});

Deno.test("the client sends token, region and HTTP authentication, those in the address too", async () => {
  await using server = await NomadServer.start({ recording, list: "[]", token: "secret" });
  const env = { NOMAD_ADDR: server.address, NOMAD_TOKEN: "secret", NOMAD_REGION: "eu west" };
  assert.equal(await ask({ ...env, NOMAD_HTTP_AUTH: "user:pass:word" }), "[]");
  assert.equal(server.headers.authorization, `Basic ${btoa("user:pass:word")}`);
  assert.equal(server.requests.at(-1), "GET /v1/allocations?region=eu+west");
  assert.equal(await ask({ ...env, NOMAD_ADDR: server.address.replace("//", "//user:p%40ss@") }), "[]");
  assert.equal(server.headers.authorization, `Basic ${btoa("user:p@ss")}`);
  // A password in the address is not shown.
  const wrong = { NOMAD_ADDR: server.address.replace("//", "//user:p%40ss@"), NOMAD_TOKEN: "wrong" };
  assert.equal(
    await refused(wrong),
    "http://server refused the token: ACL token not found; set NOMAD_TOKEN (--nomad-token) to one that has " +
      "read-job in every namespace of NOMAD_NAMESPACE (--nomad-namespace) (config)",
  );
});

Deno.test("NOMAD_ADDR is refused if it is not an address of Nomad", () => {
  for (
    const [text, reason] of [
      ["nomad:4646", ", a URL of nomad:"],
      ["nomad", ", not a URL"],
      ["ftp://nomad", ", a URL of ftp:"],
      ["unix://", ", without a path"],
    ]
  ) {
    const input = { flags: {}, env: { NOMAD_ADDR: text }, problems: [] as string[] };
    readSettings(nomadSettings, input);
    assert.deepEqual(input.problems, [
      `NOMAD_ADDR (--nomad-addr): found a value that is not shown here${reason}; expected a URL that begins with ` +
      "http://, https:// or unix://, such as https://nomad.example:4646",
    ]);
  }
});
