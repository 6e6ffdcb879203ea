// What can go wrong with Nomad's HTTP API, in words: what was found, and what to do.
import { Fault } from "../fault.ts";
import type { NomadSettings } from "./nomad_settings.ts";

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
    new Fault(`${where}: ${what}`, healing);
  if (/token|permission denied|UUID must be 36/i.test(said) && [403, 500].includes(status)) {
    return refusedToken(where, said);
  }
  if (status === 401 || status === 407) return found("refused user and password; set NOMAD_HTTP_AUTH");
  if (status === 403) return found(`answers 403: ${said}; something before Nomad refuses`);
  if (/No path to region/.test(said)) {
    return found("knows no such region; set NOMAD_REGION to one of its own");
  }
  if (/HTTP request to an HTTPS server/.test(said)) {
    return found("speaks TLS; begin NOMAD_ADDR with https://");
  }
  if (status >= 300 && status < 400) {
    return found(
      `sends elsewhere (${status}), to ${shownLocation(location)}; set NOMAD_ADDR to where it leads`,
    );
  }
  if (status >= 500) return found(`answers ${status}: ${isHtml(type) ? "an HTML page" : said}`, "heals");
  if (isHtml(type)) {
    return found(`answers ${status} with an HTML page, as a proxy does; set NOMAD_ADDR to Nomad itself`);
  }
  if (status === 404) {
    return found(
      "answers 404; it is not Nomad's address, or Nomad is older than 1.0 and has no event stream",
    );
  }
  return found(`answers ${status}: ${said}`, status === 429 ? "heals" : "misconfigured");
}

/** The server does not accept the token. */
export function refusedToken(where: string, said: string): Fault {
  return new Fault(
    `${where}: refused the token (${said}); ` +
      "set NOMAD_TOKEN to one that has read-job in the namespaces of NOMAD_NAMESPACE",
    "misconfigured",
  );
}

/** An error of the connection, in words. */
export function explainError(error: unknown, where: string, settings: NomadSettings): Fault {
  if (error instanceof Fault) return error;
  const { code = "", message } = error as Error & { code?: string };
  for (const { words, found, healing } of causes) {
    if (words.test(`${code} ${message}`)) {
      const what = typeof found === "string" ? found : found(error as Error, settings);
      return new Fault(`${where}: ${what}`, healing);
    }
  }
  return new Fault(`${where}: ${oneLine(message)}`);
}

type Found = string | ((error: Error, settings: NomadSettings) => string);

/** By node's error codes and OpenSSL's, and by their messages where there is no code. */
const causes: { words: RegExp; found: Found; healing: Fault["healing"] }[] = [
  { words: /ECONNREFUSED/, found: "nobody listens there; start Nomad, or set NOMAD_ADDR", healing: "heals" },
  { words: /ENOENT/, found: "there is no such socket; start Nomad, or set NOMAD_ADDR", healing: "heals" },
  { words: /EACCES|EPERM|NotCapable/, found: "this user may not open it", healing: "misconfigured" },
  {
    words: /ENOTFOUND|EAI_AGAIN/,
    found: "the name of the host is not known; set NOMAD_ADDR",
    healing: "heals",
  },
  {
    words: /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/,
    found: "its certificate is signed by nobody who is trusted; " +
      "set NOMAD_CACERT or NOMAD_CAPATH to the authority that signed it",
    healing: "misconfigured",
  },
  { words: /CERT_HAS_EXPIRED/, found: "its certificate has expired; renew it", healing: "heals" },
  {
    words: /CERT_NOT_YET_VALID/,
    found: "its certificate is not valid yet; compare the clocks",
    healing: "heals",
  },
  {
    words: /ALTNAME_INVALID/,
    found: (error) => `its certificate is for ${namesOf(error)}; set NOMAD_TLS_SERVER_NAME to one of these`,
    healing: "misconfigured",
  },
  { words: /_ALERT_.*CERTIFICATE|_ALERT_UNKNOWN_CA/, found: refusedCertificate, healing: "misconfigured" },
  {
    words: /WRONG_VERSION_NUMBER|InvalidContentType/,
    found: "does not speak TLS; begin NOMAD_ADDR with http://",
    healing: "misconfigured",
  },
  {
    words: /HPE_/,
    found: "does not speak HTTP; set NOMAD_ADDR to Nomad's HTTP address",
    healing: "misconfigured",
  },
  { words: /Z_BUF_ERROR/, found: "its answer breaks off", healing: "heals" },
  { words: /Z_\w+_ERROR/, found: "its answer should be gzip and is not", healing: "heals" },
  { words: /ECONNRESET|EPIPE|socket hang up|aborted/, found: "the connection broke", healing: "heals" },
];

function refusedCertificate({ message }: Error, { clientCertificate }: NomadSettings): string {
  if (clientCertificate === undefined) {
    return "asks for a client's certificate; set NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY";
  }
  const alert = /alert:? (.+)/.exec(message)?.[1] ?? message;
  return `refused the certificate of NOMAD_CLIENT_CERT (${
    oneLine(alert)
  }); set one that its authority signed`;
}

function namesOf(error: Error): string {
  const { cert } = error as Error & { cert?: { subjectaltname?: string } };
  return cert?.subjectaltname ? oneLine(cert.subjectaltname) : "another name";
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
