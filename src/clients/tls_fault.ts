// A failed TLS handshake in words: what is wrong with whose certificate, and what to do.
import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { Fault } from "../fault.ts";
import { namesOf, oneOf, printable, quoted } from "../settings.ts";
import { type Tls, tlsOptions, tlsSettings } from "./tls.ts";

/** Codes of node:tls for a certificate whose chain does not end at a known authority, or not now. */
const unverified = /^(SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|CERT_)/;
/** Alerts by which a server says that it minds the client's certificate, or that there is none. */
const mindsCertificate =
  /^(BadCertificate|UnsupportedCertificate|Certificate\w+|UnknownCA|AccessDenied|HandshakeFailure|DecryptError)$/;

/** A failed handshake as a fault that says what to do; undefined where something else went wrong. */
export async function explainTls(
  error: unknown,
  prefix: string,
  tls: Tls,
  url: URL,
): Promise<Fault | undefined> {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const where = printable(url);
  const misconfigured = (sentence: string) => new Fault(sentence, "misconfigured");
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return misconfigured(`${where} does not speak TLS; set the port on which it does`);
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return misconfigured(wrongName(prefix, tls, url, (error as { cert: PeerCertificate }).cert));
  }
  if (unverified.test(code)) return misconfigured(await untrusted(prefix, tls, url));
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (alert === undefined || !mindsCertificate.test(alert)) return undefined;
  const { tlsCertFile, tlsKeyFile } = tlsSettings(prefix);
  if (tls.tlsCertFile !== undefined) {
    return misconfigured(
      `${where} refused the client certificate in ${quoted(tls.tlsCertFile)} (${alert}); ` +
        `set ${namesOf(tlsCertFile)} to one that it accepts`,
    );
  }
  const demands = alert === "CertificateRequired"
    ? "demands a client certificate"
    : `refused the TLS handshake (${alert}), perhaps since it demands a client certificate`;
  return misconfigured(`${where} ${demands}; set ${namesOf(tlsCertFile)} and ${namesOf(tlsKeyFile)}`);
}

function wrongName(prefix: string, tls: Tls, url: URL, certificate: PeerCertificate): string {
  const names = certificate.subjectaltname
    ?.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, "")) ?? [];
  return `the certificate of ${printable(url)} is for ${names.length > 0 ? oneOf(names) : "no host"}, ` +
    `not for ${expectedName(tls, url)}; connect to a name that it is for, or set ` +
    `${namesOf(tlsSettings(prefix).tlsServerName)} to that name`;
}

async function untrusted(prefix: string, tls: Tls, url: URL): Promise<string> {
  const certificate = await shownCertificate(prefix, tls, url);
  const where = printable(url);
  const from = Date.parse(certificate?.valid_from ?? "");
  const to = Date.parse(certificate?.valid_to ?? "");
  if (to < Date.now()) {
    return `the certificate of ${where} expired on ${new Date(to).toISOString()}; renew it there`;
  }
  if (from > Date.now()) {
    return `the certificate of ${where} is not valid before ${new Date(from).toISOString()}; ` +
      "look at the clocks of both machines";
  }
  const { CN, O } = certificate?.issuer ?? {};
  const issuer = CN ?? O;
  const by = issuer === undefined ? "" : `, but by ${quoted(String(issuer))}`;
  const known = tls.tlsCaFile === undefined
    ? "one of the public authorities"
    : `an authority in ${quoted(tls.tlsCaFile)}`;
  return `the certificate of ${where} is not signed by ${known}${by}; set ` +
    `${namesOf(tlsSettings(prefix).tlsCaFile)} to a file that holds its authority's certificate`;
}

/** The certificate that the server shows, looked at without being trusted: only the handshake takes place. */
function shownCertificate(prefix: string, tls: Tls, url: URL): Promise<PeerCertificate | undefined> {
  const { promise, resolve } = Promise.withResolvers<PeerCertificate | undefined>();
  const name = expectedName(tls, url);
  const socket = connect({
    ...(isIP(name) === 0 && { servername: name }),
    ...tlsOptions(prefix, tls),
    host: hostOf(url),
    port: Number(url.port || 5671),
    rejectUnauthorized: false,
    timeout: 5_000,
  }, () => resolve(socket.getPeerCertificate()));
  for (const event of ["error", "timeout", "close"]) socket.on(event, () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}

function expectedName(tls: Tls, url: URL): string {
  return tls.tlsServerName ?? hostOf(url);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
