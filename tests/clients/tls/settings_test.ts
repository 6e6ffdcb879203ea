// TLS settings and the files they name: what goes together, what is read, and the exact error for what is wrong.
import assert from "node:assert/strict";
import { type Tls, tlsConflicts, tlsOptions } from "../../../src/clients/tls/settings.ts";
import { Fault } from "../../../src/lib/errors.ts";
import { Authority, type Certificate } from "../../helpers/certificates.ts";

let directory: string;
let authority: Authority;
let client: Certificate;
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir();
  authority = await Authority.create(directory, "Test CA");
  client = await authority.sign({ name: "client" });
});
Deno.test.afterAll(async () => {
  await Deno.remove(directory, { recursive: true });
});

/** What is given, and nothing else. */
function tls(given: Partial<Tls>): Tls {
  return {
    tlsCaFile: undefined,
    tlsCertFile: undefined,
    tlsKeyFile: undefined,
    tlsServerName: undefined,
    ...given,
  };
}

/** A file with this text. */
function file(name: string, text: string | Uint8Array): string {
  const path = `${directory}/${name}`;
  Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
  return path;
}

function refused(given: Partial<Tls>): string {
  try {
    tlsOptions("SINK_AMQP", tls(given));
  } catch (error) {
    assert.ok(error instanceof Fault);
    assert.equal(error.recovery, "config");
    return error.message;
  }
  throw new Error("nothing was wrong");
}

Deno.test("tlsConflicts() finds nothing where all goes together", () => {
  const url = new URL("amqps://rabbit/");
  const all = { tlsCaFile: "ca", tlsCertFile: "cert", tlsKeyFile: "key", tlsServerName: "name" };
  for (const given of [{}, { tlsCaFile: "ca" }, { tlsServerName: "name" }, all]) {
    assert.deepEqual(tlsConflicts("AMQP", tls(given), url, "amqps"), []);
  }
  assert.deepEqual(tlsConflicts("AMQP", tls({}), new URL("amqp://rabbit/"), "amqps"), []);
});

Deno.test("tlsConflicts() reports that a certificate lacks its key, and a key its certificate", () => {
  const url = new URL("amqps://rabbit/");
  assert.deepEqual(tlsConflicts("AMQP", tls({ tlsCertFile: "c.pem" }), url, "amqps"), [
    "Missing AMQP_TLS_KEY_FILE (--amqp-tls-key-file): PEM file of the client certificate's private key, " +
    "since AMQP_TLS_CERT_FILE (--amqp-tls-cert-file) is set",
  ]);
  assert.deepEqual(tlsConflicts("SINK_AMQP", tls({ tlsKeyFile: "c.key" }), url, "amqps"), [
    "Missing SINK_AMQP_TLS_CERT_FILE (--sink-amqp-tls-cert-file): PEM file of the client certificate, " +
    "since SINK_AMQP_TLS_KEY_FILE (--sink-amqp-tls-key-file) is set",
  ]);
});

Deno.test("tlsConflicts() reports that the URL asks for no TLS, without its password", () => {
  const url = new URL("amqp://guest:hunter2@rabbit/");
  assert.deepEqual(tlsConflicts("AMQP", tls({ tlsServerName: "name" }), url, "amqps"), [
    "AMQP_TLS_SERVER_NAME (--amqp-tls-server-name): found for amqp://guest:***@rabbit/, which is without TLS; " +
    "let the URL begin with amqps://",
  ]);
});

Deno.test("tlsOptions() reads the files again each time", async () => {
  const renewed = await authority.sign({ name: "client" });
  const given = {
    tlsCaFile: file("ca.pem", Deno.readTextFileSync(authority.cert)),
    tlsCertFile: file("renewed.pem", Deno.readTextFileSync(client.cert)),
    tlsKeyFile: file("renewed.key", Deno.readTextFileSync(client.key)),
    tlsServerName: "name",
  };
  const before = tlsOptions("AMQP", given);
  assert.equal(before.servername, "name");
  assert.equal(`${before.cert}\n`, Deno.readTextFileSync(client.cert));
  file("renewed.pem", Deno.readTextFileSync(renewed.cert));
  file("renewed.key", Deno.readTextFileSync(renewed.key));
  const after = tlsOptions("AMQP", given);
  assert.equal(`${after.cert}\n`, Deno.readTextFileSync(renewed.cert));
  assert.equal(`${after.key}\n`, Deno.readTextFileSync(renewed.key));
});

Deno.test("tlsOptions() takes files with several certificates and with words between them", async () => {
  const other = await Authority.create(directory, "Other CA");
  const [one, two] = [authority, other].map(({ cert }) => Deno.readTextFileSync(cert).trim());
  const bundle = file("bundle.pem", `# one\n${one}\r\n\n# two\n${two}\n`);
  assert.deepEqual(tlsOptions("AMQP", tls({ tlsCaFile: bundle })), { ca: [one, two] });
  const chain = file("chain.pem", `${Deno.readTextFileSync(client.cert)}${one}\n`);
  const both = file("both.pem", Deno.readTextFileSync(client.cert) + Deno.readTextFileSync(client.key));
  assert.match(
    String(tlsOptions("AMQP", tls({ tlsCertFile: chain, tlsKeyFile: client.key })).cert),
    /END CERTIFICATE-----\n-----BEGIN/,
  );
  assert.match(
    String(tlsOptions("AMQP", tls({ tlsCertFile: both, tlsKeyFile: both })).key),
    /^-----BEGIN PRIVATE KEY/,
  );
});

const damaged = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;

const wrongCaFiles: readonly (readonly [text: string | Uint8Array, problem: string])[] = [
  ["", "holds no certificate"],
  ["garbage", "holds no certificate"],
  [new Uint8Array([0x30, 0x82, 0xff, 0x00]), "holds no certificate"],
  [damaged("PRIVATE KEY"), "holds no certificate"],
  ["-----BEGIN CERTIFICATE-----\nAAAA\n", "holds no certificate"],
];

Deno.test("tlsOptions() reports exactly what is wrong with a file of authorities", () => {
  const names = "SINK_AMQP_TLS_CA_FILE (--sink-amqp-tls-ca-file)";
  const advice = "set it to a PEM file of certificates";
  for (const [text, problem] of wrongCaFiles) {
    const path = file("wrong.pem", text);
    assert.equal(refused({ tlsCaFile: path }), `${names}: "${path}" ${problem}; ${advice}`);
  }
  const second = file("second.pem", Deno.readTextFileSync(authority.cert) + damaged("CERTIFICATE"));
  assert.equal(
    refused({ tlsCaFile: second }),
    `${names}: certificate 2 in "${second}" is damaged; ${advice}`,
  );
  assert.equal(
    refused({ tlsCaFile: `${directory}/nosuch` }),
    `${names}: cannot read "${directory}/nosuch": there is no such file; ${advice}`,
  );
  assert.equal(
    refused({ tlsCaFile: directory }),
    `${names}: cannot read "${directory}": it is a directory; ${advice}`,
  );
});

Deno.test("tlsOptions() reports exactly what is wrong with a client certificate", () => {
  const path = file("wrong.pem", "garbage");
  assert.equal(
    refused({ tlsCertFile: path, tlsKeyFile: client.key }),
    `SINK_AMQP_TLS_CERT_FILE (--sink-amqp-tls-cert-file): "${path}" holds no certificate; ` +
      "set it to a PEM file of certificates",
  );
});

Deno.test("tlsOptions() reports exactly what is wrong with a private key", async () => {
  const names = "SINK_AMQP_TLS_KEY_FILE (--sink-amqp-tls-key-file)";
  const advice = "set it to a PEM file of a private key without a passphrase";
  const path = `${directory}/wrong.key`;
  const key = (text: string) => refused({ tlsCertFile: client.cert, tlsKeyFile: file("wrong.key", text) });
  assert.equal(key("garbage"), `${names}: "${path}" holds no private key; ${advice}`);
  assert.equal(key(damaged("PRIVATE KEY")), `${names}: the key in "${path}" is damaged; ${advice}`);
  const withPassphrase = `${names}: the key in "${path}" has a passphrase; ${advice}`;
  assert.equal(key(damaged("ENCRYPTED PRIVATE KEY")), withPassphrase);
  assert.equal(
    key("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
    withPassphrase,
  );
  assert.equal(
    refused({ tlsCertFile: client.cert, tlsKeyFile: `${directory}/nosuch` }),
    `${names}: cannot read "${directory}/nosuch": there is no such file; ${advice}`,
  );
  const other = await authority.sign({ name: "other" });
  assert.equal(
    refused({ tlsCertFile: client.cert, tlsKeyFile: other.key }),
    `${names}: the key in "${other.key}" is not that of the certificate in "${client.cert}"; ` +
      "name the files of one pair",
  );
});
