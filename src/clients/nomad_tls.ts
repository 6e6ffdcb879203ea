// The files of TLS: read at every connection, so that renewed ones are used, and examined, since node:tls keeps
// silent about what it cannot read.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Fault } from "../fault.ts";
import type { NomadSettings } from "./nomad_settings.ts";

/** What node:https is given. */
export interface TlsOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** The options that the settings give. @throws {Fault} where a file is not what it should be. */
export function tlsOptions(settings: NomadSettings): TlsOptions {
  const { caFile, caDirectory, serverName, skipVerify } = settings;
  const ca = caFile !== undefined
    ? [readCertificates("NOMAD_CACERT", caFile)]
    : caDirectory !== undefined
    ? readDirectory(caDirectory)
    : undefined;
  return {
    ...(ca ? { ca } : {}),
    ...clientCertificate(settings),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  };
}

function clientCertificate({ clientCertificate, clientKey }: NomadSettings): { cert?: string; key?: string } {
  if (clientCertificate === undefined && clientKey === undefined) return {};
  if (clientCertificate === undefined) throw oneOfTwo("NOMAD_CLIENT_KEY", "NOMAD_CLIENT_CERT");
  if (clientKey === undefined) throw oneOfTwo("NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY");
  const cert = readCertificates("NOMAD_CLIENT_CERT", clientCertificate);
  const text = read("NOMAD_CLIENT_KEY", clientKey);
  let key;
  try {
    key = createPrivateKey(text);
  } catch {
    throw unusable("NOMAD_CLIENT_KEY", clientKey, "it holds no key that can be read without a password");
  }
  if (!new X509Certificate(cert).checkPrivateKey(key)) {
    throw unusable(
      "NOMAD_CLIENT_KEY",
      clientKey,
      "it is not the key of the certificate in NOMAD_CLIENT_CERT",
    );
  }
  return { cert, key: key.export({ type: "pkcs8", format: "pem" }) as string };
}

function oneOfTwo(given: string, missing: string): Fault {
  return new Fault(`${given} is set and ${missing} is not; set both or none`, "misconfigured");
}

/** The files of a directory, in it and not below it. */
function readDirectory(path: string): string[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(path)].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
    // Kubernetes mounts each file as a link, and beside them one to a directory.
    names = names.filter((name) => Deno.statSync(`${path}/${name}`).isFile);
  } catch (error) {
    throw unusable("NOMAD_CAPATH", path, reasonOf(error));
  }
  if (names.length === 0) throw unusable("NOMAD_CAPATH", path, "there is no file in it");
  return names.sort().map((name) => readCertificates("NOMAD_CAPATH", `${path}/${name}`));
}

function readCertificates(setting: string, path: string): string {
  const text = read(setting, path);
  try {
    for (const certificate of text.match(pem) ?? [""]) new X509Certificate(certificate);
  } catch {
    throw unusable(setting, path, "it holds no certificate in PEM");
  }
  return text;
}

const pem = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g;

function read(setting: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw unusable(setting, path, reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not read it";
  return (error as Error).message;
}

function unusable(setting: string, path: string, reason: string): Fault {
  return new Fault(`cannot use ${setting} ${JSON.stringify(path)}: ${reason}`, "misconfigured");
}
