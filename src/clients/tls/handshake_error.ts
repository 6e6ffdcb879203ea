// Explains a failed TLS handshake: whose certificate is wrong, why, and what to do.
import { isIP } from "node:net";
import { connect, type ConnectionOptions, type PeerCertificate } from "node:tls";
import { Fault } from "../../lib/errors.ts";
import { namesOf, type Setting } from "../../lib/settings/setting.ts";
import { oneOf } from "../../lib/settings/parsers.ts";
import { printable, quoted } from "../../lib/settings/redact.ts";
import { type Tls, tlsOptions, tlsSettings } from "./settings.ts";

/** Codes of node:tls for a certificate whose chain does not end at a known CA, or not now. */
const unverified = /^(SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|CERT_)/;
/** Alerts by which a server rejects the client's certificate, or demands one. */
const rejectsCertificate =
  /^(BadCertificate|UnsupportedCertificate|Certificate\w+|UnknownCA|AccessDenied|HandshakeFailure|DecryptError)$/;

/** A TLS server, and the settings of the connection. */
export interface Peer {
  /** For people, without a password. */
  readonly where: string;
  readonly host: string;
  readonly port: number;
  /** The options of the connection, read again. @throws {Fault} */
  options(): ConnectionOptions;
  readonly serverName: string | undefined;
  /** The files of the trusted CA certificates and of the client certificate. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly settings: Readonly<Record<"ca" | "cert" | "key", Setting<unknown>>> & {
    readonly serverName?: Setting<unknown>;
  };
}

/** A failed handshake of AMQP as a fault that says what to do; undefined if something else went wrong. */
export function explainTls(error: unknown, prefix: string, tls: Tls, url: URL): Promise<Fault | undefined> {
  const { tlsCaFile, tlsCertFile, tlsKeyFile, tlsServerName } = tlsSettings(prefix);
  return explainHandshake(error, {
    where: printable(url),
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 5671),
    options: () => tlsOptions(prefix, tls),
    serverName: tls.tlsServerName,
    caFile: tls.tlsCaFile,
    certFile: tls.tlsCertFile,
    settings: { ca: tlsCaFile, cert: tlsCertFile, key: tlsKeyFile, serverName: tlsServerName },
  });
}

/** A failed handshake as a fault that says what to do; undefined if something else went wrong. */
export async function explainHandshake(error: unknown, peer: Peer): Promise<Fault | undefined> {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const { where, settings } = peer;
  const misconfigured = (sentence: string) => new Fault(sentence, "config");
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return misconfigured(`${where} does not speak TLS; set the port on which it does`);
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return misconfigured(wrongName(peer, (error as { cert: PeerCertificate }).cert));
  }
  if (unverified.test(code)) return misconfigured(await untrusted(peer));
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (alert === undefined || !rejectsCertificate.test(alert)) return undefined;
  if (peer.certFile !== undefined) {
    return misconfigured(
      `${where} refused the client certificate in ${quoted(peer.certFile)} (${alert}); ` +
        `set ${namesOf(settings.cert)} to one that it accepts`,
    );
  }
  const demands = alert === "CertificateRequired"
    ? "demands a client certificate"
    : `refused the TLS handshake (${alert}), perhaps since it demands a client certificate`;
  return misconfigured(`${where} ${demands}; set ${namesOf(settings.cert)} and ${namesOf(settings.key)}`);
}

function wrongName({ where, settings, ...peer }: Peer, certificate: PeerCertificate): string {
  const names = certificate.subjectaltname
    ?.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, "")) ?? [];
  return `the certificate of ${where} is for ${names.length > 0 ? oneOf(names) : "no host"}, ` +
    `not for ${peer.serverName ?? peer.host}; connect to a name that it is for` +
    (settings.serverName === undefined ? "" : `, or set ${namesOf(settings.serverName)} to that name`);
}

async function untrusted(peer: Peer): Promise<string> {
  const certificate = await shownCertificate(peer);
  const { where, caFile, settings } = peer;
  const from = Date.parse(certificate?.valid_from ?? "");
  const to = Date.parse(certificate?.valid_to ?? "");
  if (to < Date.now()) {
    return `the certificate of ${where} expired on ${new Date(to).toISOString()}; renew it there`;
  }
  if (from > Date.now()) {
    return `the certificate of ${where} is not valid before ${new Date(from).toISOString()}; ` +
      "check the clocks of both machines";
  }
  const { CN, O } = certificate?.issuer ?? {};
  const issuer = CN ?? O;
  const by = issuer === undefined ? "" : `, but by ${quoted(String(issuer))}`;
  const known = caFile === undefined ? "a public CA" : `a CA in ${quoted(caFile)}`;
  return `the certificate of ${where} is not signed by ${known}${by}; set ` +
    `${namesOf(settings.ca)} to a file that holds its CA's certificate`;
}

/** The certificate that the server shows, looked at without being trusted: only the handshake takes place. */
function shownCertificate({ host, port, serverName, options }: Peer): Promise<PeerCertificate | undefined> {
  const { promise, resolve } = Promise.withResolvers<PeerCertificate | undefined>();
  const name = serverName ?? host;
  const socket = connect({
    ...(isIP(name) === 0 && { servername: name }),
    ...options(),
    host,
    port,
    rejectUnauthorized: false,
    timeout: 5_000,
  }, () => resolve(socket.getPeerCertificate()));
  for (const event of ["error", "timeout", "close"]) socket.on(event, () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}
