// Explains errors of Nomad's HTTP API: what was found, and what to do.
import { Fault } from "../../lib/errors.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { type NomadAddress, type NomadSettings, nomadSettings } from "./settings.ts";
import { nomadTls } from "./tls.ts";
import { explainHandshake, type Peer } from "../tls/handshake_error.ts";

/** A response that is a refusal, or not Nomad's. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly location: string | undefined;
  /** Its header `WWW-Authenticate`. */
  readonly challenge: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/** The server does not accept the token, or not for this request. */
export class RefusedToken extends Fault {}

/** The server answered so, and it is neither a refusal of the token nor a fault of the settings. */
export class UnexpectedAnswer extends Fault {
  /** `said`: the beginning of its body, as one line. */
  constructor(message: string, readonly status: number, readonly said: string) {
    super(message);
  }
}

/** Nomad says that there is no such job. */
export class NoSuchJob extends Fault {}

/** Nomad's messages about a refused token, after the prefixes of its layers. */
const refusesToken =
  /^(?:[^:]+: )*(?:Permission denied|ACL token (?:not found|expired|is invalid)|UUID must be 36 characters)$/i;

/**
 * Explains a refusal. Only Nomad's own messages about token and settings, exact texts of its `agent/http.go` and `acl`,
 * are faults of the settings: anything else may come from a proxy, and pass.
 */
export function explainResponse({ status, type, location, challenge, text }: Refusal, where: string): Fault {
  const said = oneLine(text);
  const found = (what: string) => new Fault(`${where} ${what}`);
  const wrong = (what: string) => new Fault(`${where} ${what}`, "config");
  const address = namesOf(nomadSettings.address);
  if (isHtml(type)) {
    if (status >= 500) return found(`answered ${status}: an HTML page`);
    if (status < 300 || status >= 400) {
      return found(`answered ${status} with an HTML page, as a proxy does; set ${address} to Nomad itself`);
    }
  }
  if ([403, 500].includes(status) && refusesToken.test(said)) return refusedToken(where, said);
  if (status === 401 && /^basic\b/i.test(challenge ?? "")) {
    return wrong(`refused user and password; set ${namesOf(nomadSettings.httpAuth)}`);
  }
  if (status === 500 && /^(?:[^:]+: )*No path to region$/.test(said)) {
    return wrong(`knows no such region; set ${namesOf(nomadSettings.region)} to one that it knows`);
  }
  if (status === 400 && said === "Client sent an HTTP request to an HTTPS server.") {
    return wrong(`speaks TLS; use https:// in ${address}`);
  }
  if (status >= 300 && status < 400) {
    return found(`answered ${status}, go to ${shownLocation(location)}; set ${address} to that address`);
  }
  if (status === 404 && said === "job not found") return new NoSuchJob(`${where} knows no such job`);
  const advice = status === 404
    ? `answered 404 (${said}), so it is not Nomad, or older than Nomad 1.0; set ${address} to another server`
    : `answered ${status}: ${said}`;
  return new UnexpectedAnswer(`${where} ${advice}`, status, said);
}

/** The server does not accept the token. */
export function refusedToken(where: string, said: string): RefusedToken {
  return new RefusedToken(
    `${where} refused the token: ${said}; set ${namesOf(nomadSettings.token)} to one that has read-job in ` +
      `every namespace of ${namesOf(nomadSettings.namespace)}`,
    "config",
  );
}

/** Explains an error of the connection. */
export async function explainError(
  error: unknown,
  address: NomadAddress,
  settings: NomadSettings,
): Promise<Fault> {
  if (error instanceof Fault) return error;
  const tls = address.secure ? await explainHandshake(error, peerOf(address, settings)) : undefined;
  if (tls !== undefined) return tls;
  const { code = "", message } = error as Error & { code?: string };
  for (const { words, found, recovery } of causes) {
    if (words.test(`${code} ${message}`)) return new Fault(`${address.shown}${found}`, recovery);
  }
  return new Fault(`${address.shown}: ${oneLine(message)}`);
}

function peerOf({ shown, host, port }: NomadAddress, settings: NomadSettings): Peer {
  const { caFile, clientCertificate, clientKey, serverName } = nomadSettings;
  return {
    where: shown,
    host,
    port,
    options: () => nomadTls(settings),
    serverName: settings.serverName,
    caFile: settings.caFile ?? settings.caDirectory,
    certFile: settings.clientCertificate,
    settings: { ca: caFile, cert: clientCertificate, key: clientKey, serverName },
  };
}

const setAddress = `set ${namesOf(nomadSettings.address)}`;

/** By node's error codes, and by message if there is no code. */
const causes: { words: RegExp; found: string; recovery?: Fault["recovery"] }[] = [
  { words: /ECONNREFUSED/, found: `: connection refused; start Nomad, or ${setAddress}` },
  { words: /ENOENT/, found: `: there is no such socket; start Nomad, or ${setAddress}` },
  { words: /ENOTFOUND|EAI_AGAIN/, found: `: host not found; ${setAddress}` },
  {
    words: /EACCES|EPERM|NotCapable|PermissionDenied/,
    found: ": permission denied; give this user read and write access",
    recovery: "config",
  },
  {
    words: /HPE_/,
    found: ` does not speak HTTP; ${setAddress} to Nomad's HTTP address`,
  },
  { words: /Z_BUF_ERROR/, found: ": the answer breaks off" },
  { words: /Z_\w+_ERROR/, found: ": the answer should be gzip and is not" },
  { words: /ECONNRESET|EPIPE|socket hang up|aborted/, found: ": connection lost" },
];

function isHtml(type: string): boolean {
  return type.startsWith("text/html");
}

/** Without user, password and query, which can be secret. */
function shownLocation(location: string | undefined): string {
  const url = URL.parse(location ?? "");
  return url === null ? "an invalid address" : url.origin + url.pathname;
}

/** A foreign text as one short line. */
export function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  if (line === "") return "nothing said";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
