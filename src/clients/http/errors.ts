// Explains what went wrong over HTTP, for receivers of alerts: what was found, and whether a retry can help.
import { cut } from "../../lib/cut.ts";
import { Fault } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";
import { oneOf } from "../../lib/settings/parsers.ts";

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** The body as text, cut at 1 MB. */
  readonly text: string;
}

/** A request of `fetch` without an answer, in words. `where` is the address for people. */
export function explainRequest(error: Error, where: string): Fault {
  const chain: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) chain.push(cause.message);
  const said = chain.join(": ");
  for (const { words, found } of causes) if (words.test(said)) return new Fault(`${where}: ${found}`);
  const tls = explainTls(said);
  if (tls !== undefined) return new Fault(`${where}: ${plain(tls)}`, "operator");
  // What stands before can have the address in it, which can be secret.
  const rest = said.split(": ").at(-1)!;
  return new Fault(`${where}: ${plain(rest)}`);
}

const causes: readonly { readonly words: RegExp; readonly found: string }[] = [
  { words: /[Cc]onnection refused|os error 111|os error 61|os error 10061/, found: "connection refused" },
  { words: /failed to lookup address|dns error/, found: "host not found" },
  {
    words:
      /connection (?:closed|reset)|broken pipe|before message completed|unexpected EOF|SendRequest|reading a body/i,
    found: "connection lost",
  },
];

/** What is wrong with TLS; undefined where nothing is. The words are those of rustls, without the time, which differs. */
function explainTls(said: string): string | undefined {
  if (/InvalidContentType/.test(said)) return "it does not speak TLS; use http:// in the URL";
  const alert = /received fatal alert: (\w+)/.exec(said)?.[1];
  if (alert === "CertificateRequired") {
    return "it requires a client certificate; set its files in the TLS settings";
  }
  if (alert !== undefined) return `it refused the TLS handshake (${alert})`;
  const certificate = /invalid peer certificate: (.*)$/.exec(said)?.[1];
  if (certificate === undefined) return undefined;
  if (/expired/.test(certificate)) return "its certificate has expired; renew it there";
  if (/not valid yet/.test(certificate)) {
    return "its certificate is not valid yet; check the clocks of both machines";
  }
  if (/UnknownIssuer/.test(certificate)) {
    return "its certificate is not signed by a known CA; name the file of that CA's certificate in the " +
      "settings of TLS";
  }
  const names = [...certificate.matchAll(/(?:DnsName|IpAddress)\("?([^"()]*)"?\)/g)].map(([, name]) => name!);
  if (/not valid for name/.test(certificate)) {
    return `its certificate is for ${
      names.length > 0 ? oneOf(names) : "no host"
    }; connect to a name that it is for`;
  }
  return `its certificate is not trusted: ${certificate}`;
}

/**
 * An answer that is no success, in words: 429 and 5xx pass, and the wish to wait is obeyed; a refusal of the login or
 * of the address takes an operator; what else a receiver refuses it refuses for good. `secrets` are left out of what the
 * receiver said.
 */
export function explainAnswer(
  { status, header, text }: HttpAnswer,
  where: string,
  secrets: readonly string[] = [],
): Fault {
  const said = quoteAnswer(text, secrets);
  const answered = `${where} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    return new Fault(
      `${answered}: redirects are not followed; set the address to their target`,
      "operator",
    );
  }
  if (
    status === 401 || status === 403 || status === 404 || status === 405 || status === 407 || status === 410
  ) {
    return new Fault(answered, "operator");
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return new Fault(answered, "transient", retryAfter(header("retry-after")));
  }
  return new Fault(answered, "rejected");
}

/** The milliseconds of a header `Retry-After`: seconds, or a date of HTTP. */
export function retryAfter(header: string | undefined, now = Date.now()): number {
  if (header === undefined) return 0;
  if (/^\d+(?:\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** What a receiver said, as one short line without the secrets. */
export function quoteAnswer(text: string, secrets: readonly string[] = []): string {
  const open = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), text);
  return cut(plain(open.trim().replaceAll(/\s+/g, " ")), 200);
}

/** Shorter parts of an address are words, such as "services". */
const minSecretLength = 9;

/** What may be secret of an address that only its owner knows: its path, its query and their parts. */
export function secretsOf({ pathname, search, searchParams }: URL): string[] {
  const parts = [
    pathname + search,
    ...pathname.split("/"),
    ...search.split(/[?&=]/),
    ...searchParams.values(),
  ];
  return [...parts, ...parts.map(decoded)].filter((part) => part.length >= minSecretLength);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
