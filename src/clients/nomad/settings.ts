// The settings of Nomad's own command line, with its meanings.
import { readText } from "../../lib/files.ts";
import { namesOf, type Setting, type Values } from "../../lib/settings/setting.ts";
import { optional, text, toggle } from "../../lib/settings/parsers.ts";

/** The address of Nomad. */
export interface NomadAddress {
  /** For people: it holds no secret. */
  readonly shown: string;
  /** Path of a Unix socket; else `host` and `port` are used. */
  readonly socket?: string;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** `user:password` from the address. */
  readonly auth?: string;
}

const address: Setting<NomadAddress> = {
  env: "NOMAD_ADDR",
  help: "address of a Nomad agent",
  accepts: "a URL that begins with http://, https:// or unix://",
  defaultNote: "http://127.0.0.1:4646, or NOMAD_SECRETS_DIR/api.sock where there is one",
  example: "https://nomad.example:4646",
  secret: true,
  parse: parseAddress,
};

/** Returns the current token: a file is read again, since tokens are renewed. */
const token: Setting<() => string> = {
  env: "NOMAD_TOKEN",
  help: "ACL token that has read-job in these namespaces",
  accepts: "text",
  example: "3c5e4d9a-7d70-4a2e-9d3b-6f0e8f1c2b7a",
  secret: true,
  parse(text, path) {
    if (text === "") throw new Error("");
    return () => {
      if (path === undefined) return text;
      try {
        return readText(path);
      } catch {
        return text; // the one that was there at the start
      }
    };
  },
};

/** Every setting of a connection to Nomad. */
export const nomadSettings = {
  address: optional(address),
  region: optional(text({ env: "NOMAD_REGION", help: "region to query", example: "global" })),
  namespace: text({
    env: "NOMAD_NAMESPACE",
    help: "namespace whose allocations are followed; * for all",
    default: "*",
    example: "default",
  }),
  token: optional(token),
  httpAuth: optional(text({
    env: "NOMAD_HTTP_AUTH",
    help: "user and password of a proxy before Nomad",
    example: "user:password",
    secret: true,
  })),
  caFile: optional(text({
    env: "NOMAD_CACERT",
    help: "PEM file of CA certificates to trust in place of the public ones",
    example: "/etc/nomad.d/ca.pem",
  })),
  caDirectory: optional(text({
    env: "NOMAD_CAPATH",
    help: "directory of such files; NOMAD_CACERT wins",
    example: "/etc/nomad.d/ca",
  })),
  clientCertificate: optional(text({
    env: "NOMAD_CLIENT_CERT",
    help: "file with the certificate to show to Nomad",
    example: "/etc/nomad.d/client.pem",
  })),
  clientKey: optional(text({
    env: "NOMAD_CLIENT_KEY",
    help: "file with its key",
    example: "/etc/nomad.d/client-key.pem",
  })),
  serverName: optional(text({
    env: "NOMAD_TLS_SERVER_NAME",
    help: "name that Nomad's certificate must be for, in the place of the host in NOMAD_ADDR",
    example: "server.global.nomad",
  })),
  skipVerify: toggle({
    env: "NOMAD_SKIP_VERIFY",
    help: "accept every certificate: anyone in between can read and change what is sent",
  }),
  secretsDirectory: optional(text({
    env: "NOMAD_SECRETS_DIR",
    help: "directory in which Nomad puts api.sock for a task with workload identity",
    example: "/secrets",
  })),
};

/** Their values. */
export type NomadSettings = Values<typeof nomadSettings>;

/** Settings that conflict, a line each. */
export function nomadConflicts(values: NomadSettings): string[] {
  const { clientCertificate, clientKey } = nomadSettings;
  const missing = values.clientCertificate === undefined ? clientCertificate : clientKey;
  const given = missing === clientKey ? clientCertificate : clientKey;
  if ((values.clientCertificate === undefined) === (values.clientKey === undefined)) return [];
  return [`Missing ${namesOf(missing)}: ${missing.help}, since ${namesOf(given)} is set`];
}

/** The address that the settings give. */
export function addressOf({ address, secretsDirectory }: NomadSettings): NomadAddress {
  return address ?? parseAddress(taskApi(secretsDirectory) ?? "http://127.0.0.1:4646");
}

/** The address of the API that Nomad gives to a task with workload identity, if there is one. */
export function taskApi(secretsDirectory: string | undefined): string | undefined {
  if (secretsDirectory === undefined) return undefined;
  const socket = `${secretsDirectory}/api.sock`;
  try {
    Deno.statSync(socket);
    return `unix://${socket}`;
  } catch {
    return undefined;
  }
}

function parseAddress(text: string): NomadAddress {
  if (text.startsWith("unix://")) {
    const socket = text.slice("unix://".length);
    if (socket === "") throw new Error("without a path");
    return { shown: text, socket, host: "localhost", port: 0, secure: false };
  }
  const url = URL.parse(text);
  if (url === null) throw new Error("not a URL");
  if (!["http:", "https:"].includes(url.protocol)) throw new Error(`a URL of ${url.protocol}`);
  const secure = url.protocol === "https:";
  const auth = url.username && `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    shown: url.origin,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (secure ? 443 : 80)),
    secure,
    ...(auth ? { auth } : {}),
  };
}
