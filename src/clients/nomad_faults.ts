// What can go wrong with Nomad's HTTP API, in words: what was found, and what to do.
import type { PeerCertificate } from "node:tls";
import { Fault } from "../fault.ts";
import { namesOf, oneOf, quoted } from "../settings.ts";
import { type NomadAddress, type NomadSettings, nomadSettings } from "./nomad_settings.ts";

/** An answer that is not what was asked for. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly location: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/** What an answer means that is not what was asked for. Nomad's own texts are in `agent/http.go` and `acl`. */
export function explainAnswer({ status, type, location, text }: Refusal, where: string): Fault {
  const said = oneLine(text);
  const found = (what: string, healing: Fault["healing"] = "misconfigured") =>
    new Fault(`${where} ${what}`, healing);
  const address = namesOf(nomadSettings.address);
  if (/token|permission denied|UUID must be 36/i.test(said) && [403, 500].includes(status)) {
    return refusedToken(where, said);
  }
  if (status === 401 || status === 407) {
    return found(`refused user and password; set ${namesOf(nomadSettings.httpAuth)}`);
  }
  if (/No path to region/.test(said)) {
    return found(`knows no such region; set ${namesOf(nomadSettings.region)} to one that it knows`);
  }
  if (/HTTP request to an HTTPS server/.test(said)) {
    return found(`speaks TLS; let ${address} begin with https://`);
  }
  if (status >= 300 && status < 400) {
    return found(`answered ${status}, go to ${shownLocation(location)}; set ${address} to where that leads`);
  }
  if (status >= 500) return found(`answered ${status}: ${isHtml(type) ? "an HTML page" : said}`, "heals");
  if (isHtml(type)) {
    return found(`answered ${status} with an HTML page, as a proxy does; set ${address} to Nomad itself`);
  }
  if (status === 404) {
    return found(
      `answered 404 (${said}), as what is not Nomad does, and Nomad before 1.0; set ${address} to a newer one`,
    );
  }
  return found(`answered ${status}: ${said}`, status === 429 ? "heals" : "misconfigured");
}

/** The server does not accept the token. */
export function refusedToken(where: string, said: string): Fault {
  return new Fault(
    `${where} refused the token: ${said}; set ${namesOf(nomadSettings.token)} to one that has read-job in ` +
      `every namespace of ${namesOf(nomadSettings.namespace)}`,
    "misconfigured",
  );
}

/** An error of the connection, in words. */
export function explainError(error: unknown, address: NomadAddress, settings: NomadSettings): Fault {
  if (error instanceof Fault) return error;
  const { code = "", message } = error as Error & { code?: string };
  const where = address.shown;
  for (const { words, sentence, healing } of causes) {
    if (words.test(`${code} ${message}`)) {
      return new Fault(sentence(where, settings, error as Error, address), healing);
    }
  }
  return new Fault(`${where}: ${oneLine(message)}`);
}

/** By node's error codes and OpenSSL's, and by their messages where there is no code. */
const causes: {
  words: RegExp;
  sentence(where: string, settings: NomadSettings, error: Error, address: NomadAddress): string;
  healing?: Fault["healing"];
}[] = [
  {
    words: /ECONNREFUSED/,
    sentence: (where) =>
      `${where}: nobody listens there; start Nomad, or set ${namesOf(nomadSettings.address)}`,
  },
  {
    words: /ENOENT/,
    sentence: (where) =>
      `${where}: there is no such socket; start Nomad, or set ${namesOf(nomadSettings.address)}`,
  },
  {
    words: /ENOTFOUND|EAI_AGAIN/,
    sentence: (where) => `${where}: there is no such host; set ${namesOf(nomadSettings.address)}`,
  },
  {
    words: /EACCES|EPERM|NotCapable|PermissionDenied/,
    sentence: (where) => `${where}: opening it is not permitted; let this user read and write the socket`,
    healing: "misconfigured",
  },
  {
    words: /CERT_HAS_EXPIRED/,
    sentence: (where) => `the certificate of ${where} has expired; renew it there`,
    healing: "misconfigured",
  },
  {
    words: /CERT_NOT_YET_VALID/,
    sentence: (where) => `the certificate of ${where} is not valid yet; look at the clocks of both machines`,
    healing: "misconfigured",
  },
  { words: /SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_/, sentence: untrusted, healing: "misconfigured" },
  { words: /ERR_TLS_CERT_ALTNAME_INVALID/, sentence: wrongName, healing: "misconfigured" },
  {
    words: /received fatal alert: (\w*Certificate\w*|UnknownCA|AccessDenied|HandshakeFailure|DecryptError)/,
    sentence: refusedCertificate,
    healing: "misconfigured",
  },
  {
    words: /WRONG_VERSION_NUMBER/,
    sentence: (where) =>
      `${where} does not speak TLS; let ${
        namesOf(nomadSettings.address)
      } begin with http://, or set another port`,
    healing: "misconfigured",
  },
  {
    words: /HPE_/,
    sentence: (where) =>
      `${where} does not speak HTTP; set ${namesOf(nomadSettings.address)} to Nomad's HTTP address`,
    healing: "misconfigured",
  },
  { words: /Z_BUF_ERROR/, sentence: (where) => `${where}: the answer breaks off` },
  { words: /Z_\w+_ERROR/, sentence: (where) => `${where}: the answer should be gzip and is not` },
  { words: /ECONNRESET|EPIPE|socket hang up|aborted/, sentence: (where) => `${where}: the connection broke` },
];

function untrusted(where: string, { caFile, caDirectory }: NomadSettings): string {
  const files = caFile ?? caDirectory;
  const known = files === undefined ? "one of the public authorities" : `an authority in ${quoted(files)}`;
  return `the certificate of ${where} is not signed by ${known}; set ${namesOf(nomadSettings.caFile)} ` +
    "to a file that holds its authority's certificate";
}

function wrongName(
  where: string,
  { serverName }: NomadSettings,
  error: Error,
  { host }: NomadAddress,
): string {
  const { cert } = error as Error & { cert?: PeerCertificate };
  const names = cert?.subjectaltname?.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, "")) ?? [];
  return `the certificate of ${where} is for ${names.length > 0 ? oneOf(names) : "no host"}, ` +
    `not for ${serverName ?? host}; set ${namesOf(nomadSettings.serverName)} to a name that it is for`;
}

function refusedCertificate(
  where: string,
  { clientCertificate: file }: NomadSettings,
  { message }: Error,
): string {
  const { clientCertificate, clientKey } = nomadSettings;
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (file === undefined) {
    return `${where} demands a client certificate; set ${namesOf(clientCertificate)} and ${
      namesOf(clientKey)
    }`;
  }
  return `${where} refused the client certificate in ${quoted(file)} (${alert}); ` +
    `set ${namesOf(clientCertificate)} to one that it accepts`;
}

function isHtml(type: string): boolean {
  return type.startsWith("text/html");
}

/** Without user, password and query, which can be secret. */
function shownLocation(location: string | undefined): string {
  const url = URL.parse(location ?? "");
  return url === null ? "an address that is none" : url.origin + url.pathname;
}

/** A text of somebody else's as a short line. */
export function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  if (line === "") return "nothing said";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
