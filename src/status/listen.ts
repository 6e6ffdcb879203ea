// The settings of the status server, and how it binds its address.
import { Fault } from "../lib/errors.ts";
import { keepToOwner } from "../lib/files.ts";
import { namesOf, type Setting, type Values } from "../lib/settings/setting.ts";
import { optional, text } from "../lib/settings/parsers.ts";
import { quoted } from "../lib/settings/redact.ts";

/** A TCP address or a Unix socket. */
export type Address =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

const listen: Setting<Address> = {
  env: "LISTEN",
  help: "where metrics, health and the page are served over HTTP",
  accepts: "HOST:PORT, [IPv6]:PORT, :PORT for all interfaces, or unix:PATH",
  defaultNote: "off",
  example: "127.0.0.1:9465",
  parse(text) {
    const path = /^unix:(.+)$/s.exec(text)?.[1];
    if (path !== undefined) return { path };
    const [, ipv6, host, digits] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/[\]@]*)):([0-9]{1,5})$/.exec(text) ?? [];
    const port = Number(digits ?? NaN);
    if (!(port <= 65_535)) throw new Error("");
    return { hostname: ipv6 ?? (host || "::"), port };
  },
};

/** The settings of the status server. */
export const listenSettings = {
  listen: optional(listen),
  token: optional(text({
    env: "LISTEN_TOKEN",
    help: "bearer token required for everything except /livez, /readyz and the page shell",
    secret: true,
    example: "3c5e4d9a7d704a2e9d3b6f0e8f1c2b7a",
  })),
};

/** Their values. */
export type ListenSettings = Values<typeof listenSettings>;

/** A listener and its address. */
export interface Listening {
  readonly listener: Deno.Listener;
  /** For the log: `http://127.0.0.1:9465/`, `unix:/run/detector.sock`. */
  readonly where: string;
}

/** Listens on the address. @throws {Fault} if that is not possible. */
export async function bind(address: Address): Promise<Listening> {
  try {
    if ("path" in address) {
      await removeStale(address.path);
      const listener = Deno.listen({ transport: "unix", path: address.path });
      keepToOwner(address.path);
      return { listener, where: `unix:${address.path}` };
    }
    const listener = Deno.listen(address);
    const { hostname, port } = listener.addr;
    return { listener, where: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/` };
  } catch (error) {
    throw new Fault(
      `${namesOf(listen)}: cannot listen on ${written(address)}: ${reasonOf(error)}`,
      "config",
    );
  }
}

/** Removes a socket that no process listens on. @throws {Error} if a process does, or if it is no socket. */
async function removeStale(path: string): Promise<void> {
  let found;
  try {
    found = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!found.isSocket) throw new Error("it exists and is no socket; name another path");
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return await Deno.remove(path);
  }
  throw new Error("another process listens there; name another path");
}

function written(address: Address): string {
  if ("path" in address) return quoted(address.path);
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function reasonOf(error: unknown): string {
  const { AddrInUse, AddrNotAvailable, PermissionDenied, NotFound } = Deno.errors;
  if (error instanceof AddrInUse) return "another process listens there; choose another port";
  if (error instanceof AddrNotAvailable) return "this machine does not have that address";
  if (error instanceof PermissionDenied) {
    return "it is not permitted; choose a port above 1023, or another path";
  }
  if (error instanceof NotFound) return "there is no such directory";
  const message = error instanceof Error ? error.message : String(error);
  return /lookup address/.test(message) ? "no such host is known" : message;
}
