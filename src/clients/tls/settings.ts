// The settings of TLS and the files they name, which are read at each connection so that renewed certificates are used.
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import { Fault } from "../../lib/errors.ts";
import { readText } from "../../lib/files.ts";
import { namesOf, type Setting } from "../../lib/settings/setting.ts";
import { optional, text } from "../../lib/settings/parsers.ts";
import { printable, quoted } from "../../lib/settings/redact.ts";

/** The settings of TLS to one server, whose variables begin with the prefix: `AMQP_TLS_CA_FILE` for `AMQP`. `server` is
 * its name in examples. */
export function tlsSettings(
  prefix: string,
  server = "rabbitmq",
): Record<keyof Tls, Setting<string | undefined>> {
  const setting = (name: string, help: string, example: string) =>
    optional(text({ env: `${prefix}_TLS_${name}`, help, example }));
  return {
    tlsCaFile: setting(
      "CA_FILE",
      "PEM file of CA certificates to trust in place of the public ones",
      `/etc/${server}/ca.pem`,
    ),
    tlsCertFile: setting("CERT_FILE", "PEM file of the client certificate", `/etc/${server}/client.pem`),
    tlsKeyFile: setting(
      "KEY_FILE",
      "PEM file of the client certificate's private key",
      `/etc/${server}/client.key`,
    ),
    tlsServerName: setting(
      "SERVER_NAME",
      "name that the server's certificate must be for, in place of the URL's host",
      `${server}.example.com`,
    ),
  };
}

/** The values of `tlsSettings`: paths of files, and a name. */
export interface Tls {
  readonly tlsCaFile: string | undefined;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly tlsServerName: string | undefined;
}

/** Settings that conflict, a line each. `scheme` is that of URLs with TLS. */
export function tlsConflicts(prefix: string, tls: Tls, url: URL, scheme: string): string[] {
  const settings = tlsSettings(prefix);
  const keys = Object.keys(settings) as (keyof Tls)[];
  const given = keys.filter((key) => tls[key] !== undefined).map((key) => namesOf(settings[key]));
  const lines: string[] = [];
  if (given.length > 0 && url.protocol !== `${scheme}:`) {
    lines.push(
      `${given[0]}: found for ${printable(url)}, which is without TLS; ` +
        `let the URL begin with ${scheme}://`,
    );
  }
  for (const [one, other] of [["tlsCertFile", "tlsKeyFile"], ["tlsKeyFile", "tlsCertFile"]] as const) {
    if (tls[one] === undefined || tls[other] !== undefined) continue;
    lines.push(
      `Missing ${namesOf(settings[other])}: ${settings[other].help}, since ${namesOf(settings[one])} is set`,
    );
  }
  return lines;
}

/** The options of a connection. @throws {Fault} if a file is missing or wrong. */
export function tlsOptions(prefix: string, tls: Tls): ConnectionOptions {
  const settings = tlsSettings(prefix);
  const { tlsCaFile, tlsCertFile, tlsKeyFile, tlsServerName } = tls;
  const options: ConnectionOptions = {};
  if (tlsServerName !== undefined) options.servername = tlsServerName;
  if (tlsCaFile !== undefined) options.ca = certificates(settings.tlsCaFile, tlsCaFile);
  if (tlsCertFile !== undefined && tlsKeyFile !== undefined) {
    Object.assign(options, pair(settings.tlsCertFile, tlsCertFile, settings.tlsKeyFile, tlsKeyFile));
  }
  return options;
}

/** A client's certificate and its key, from the files of these settings. @throws {Fault} */
export function pair(
  certSetting: Setting<unknown>,
  certFile: string,
  keySetting: Setting<unknown>,
  keyFile: string,
): { cert: string; key: string } {
  const chain = certificates(certSetting, certFile);
  const key = privateKey(keySetting, keyFile);
  if (!new X509Certificate(chain[0]!).checkPrivateKey(createPrivateKey(key))) {
    throw wrongFile(
      keySetting,
      `the key in ${quoted(keyFile)} is not that of the certificate in ${quoted(certFile)}; ` +
        "name the files of one pair",
    );
  }
  return { cert: chain.join("\n"), key };
}

/** The certificates in a file that a setting names. @throws {Fault} */
export function certificates(setting: Setting<unknown>, path: string): string[] {
  const advice = "set it to a PEM file of certificates";
  const found = read(setting, path, advice).match(
    /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs,
  );
  if (found === null) throw wrongFile(setting, `${quoted(path)} holds no certificate; ${advice}`);
  for (const [index, certificate] of found.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw wrongFile(setting, `certificate ${index + 1} in ${quoted(path)} is damaged; ${advice}`);
    }
  }
  return found;
}

function privateKey(setting: Setting<unknown>, path: string): string {
  const advice = "set it to a PEM file of a private key without a passphrase";
  const [key] = /-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----/s
    .exec(read(setting, path, advice)) ?? [];
  if (key === undefined) throw wrongFile(setting, `${quoted(path)} holds no private key; ${advice}`);
  // For an encrypted one the passphrase would be asked for on the terminal.
  if (/ENCRYPTED/.test(key)) {
    throw wrongFile(setting, `the key in ${quoted(path)} has a passphrase; ${advice}`);
  }
  try {
    createPrivateKey(key);
  } catch {
    throw wrongFile(setting, `the key in ${quoted(path)} is damaged; ${advice}`);
  }
  return key;
}

function read(setting: Setting<unknown>, path: string, advice: string): string {
  try {
    return readText(path);
  } catch (error) {
    throw wrongFile(setting, `cannot read ${quoted(path)}: ${(error as Error).message}; ${advice}`);
  }
}

function wrongFile(setting: Setting<unknown>, problem: string): Fault {
  return new Fault(`${namesOf(setting)}: ${problem}`, "config");
}
