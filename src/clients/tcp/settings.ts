// The setting of a server's address.
import type { Setting } from "../../lib/settings/setting.ts";

/** A host and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

type Declared<T> = Omit<Setting<T>, "parse" | "accepts">;

/** A setting that takes `HOST:PORT`. */
export function hostPort(declared: Declared<HostPort>): Setting<HostPort> {
  return { ...declared, accepts: "HOST:PORT or [IPv6]:PORT", parse: parseHostPort };
}

/** A setting that takes one or more `HOST:PORT`, separated by commas. */
export function hostPorts(declared: Declared<readonly HostPort[]>): Setting<readonly HostPort[]> {
  return {
    ...declared,
    accepts: "HOST:PORT or [IPv6]:PORT, one or more, separated by commas",
    parse: (text) => text.split(",").map((part) => parseHostPort(part.trim())),
  };
}

/** `127.0.0.1:4150`, `[::1]:4150`. */
export function showHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @throws {Error} without a message where it is none. */
function parseHostPort(text: string): HostPort {
  const [, ipv6, name, digits] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/[\]@]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? NaN);
  if (!(port >= 1 && port <= 65_535)) throw new Error("");
  return { host: ipv6 ?? name!, port };
}
