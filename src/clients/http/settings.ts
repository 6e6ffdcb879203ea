// Settings that receivers over HTTP share: TLS, and a login.
import { Buffer } from "node:buffer";
import { namesOf, type Setting, type Values } from "../../lib/settings/setting.ts";
import { optional, text } from "../../lib/settings/parsers.ts";
import { type Tls, tlsConflicts } from "../tls/settings.ts";

/** The settings of TLS to one receiver, whose variables begin with the prefix: `SINK_WEBHOOK_TLS_CA_FILE`. */
export function httpTlsSettings(
  prefix: string,
): Record<Exclude<keyof Tls, "tlsServerName">, Setting<string | undefined>> {
  const setting = (name: string, help: string, example: string) =>
    optional(text({ env: `${prefix}_TLS_${name}`, help, example }));
  return {
    tlsCaFile: setting(
      "CA_FILE",
      "PEM file of CA certificates to trust besides the public ones",
      "/etc/ssl/internal-ca.pem",
    ),
    tlsCertFile: setting("CERT_FILE", "PEM file of the client certificate", "/etc/ssl/client.pem"),
    tlsKeyFile: setting(
      "KEY_FILE",
      "PEM file of the client certificate's private key",
      "/etc/ssl/client.key",
    ),
  };
}

/** The settings of a login. */
export function loginSettings(
  prefix: string,
): Record<"bearerToken" | "basicAuth", Setting<string | undefined>> {
  return {
    bearerToken: optional(text({
      env: `${prefix}_BEARER_TOKEN`,
      help: "token that the receiver gets in the header Authorization",
      example: "3f9c…",
      secret: true,
    })),
    basicAuth: optional(text(
      {
        env: `${prefix}_BASIC_AUTH`,
        help: "user and password for the receiver",
        example: "detector:secret",
        secret: true,
      },
      "user:password",
      /^[^:]+:.*$/s,
    )),
  };
}

/** The values of `httpTlsSettings`. */
export type HttpTls = Values<ReturnType<typeof httpTlsSettings>>;
/** The values of `loginSettings`. */
export type Login = Values<ReturnType<typeof loginSettings>>;

/** The same for those who know all of TLS: a client over HTTP has no name of its own for the server. */
export function tlsOf(values: HttpTls): Tls {
  return { ...values, tlsServerName: undefined };
}

/** Settings that conflict, a line each. */
export function httpConflicts(prefix: string, tls: HttpTls, url: URL, login?: Login): string[] {
  // Its path can be a secret.
  const conflicts = tlsConflicts(prefix, tlsOf(tls), new URL(url.origin), "https");
  if (login?.bearerToken !== undefined && login.basicAuth !== undefined) {
    const { bearerToken, basicAuth } = loginSettings(prefix);
    conflicts.push(`${namesOf(bearerToken)} and ${namesOf(basicAuth)}: found both; give one of them`);
  }
  return conflicts;
}

/** The header of a login. */
export function loginHeaders({ bearerToken, basicAuth }: Login): Record<string, string> {
  if (bearerToken !== undefined) return { authorization: `Bearer ${bearerToken}` };
  if (basicAuth === undefined) return {};
  return { authorization: `Basic ${Buffer.from(basicAuth).toString("base64")}` };
}
