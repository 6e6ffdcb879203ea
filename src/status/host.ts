// By which names a server that asks for no token may be asked: a page of elsewhere whose name was made to point to
// this machine (DNS rebinding) must not read it.
import type { Address } from "./listen.ts";

/** Whether only this machine reaches the address. */
export function isLocal(address: Address): boolean {
  return "path" in address || isLoopback(address.hostname);
}

/** What is wrong with the `Host` of a request to a loopback address; undefined where nothing is. A client that names
 * none is no browser. */
export function wrongHost(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const [, name] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host) ?? [];
  if (name !== undefined && isLoopback(name.replace(/^\[(.*)\]$/, "$1"))) return undefined;
  return `Host is ${
    JSON.stringify(host)
  }: without LISTEN_TOKEN only localhost, 127.0.0.1 and [::1] are answered; ` +
    "ask by one of these names, or set LISTEN_TOKEN";
}

function isLoopback(name: string): boolean {
  return /^(?:(?:[a-z0-9-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/i.test(name);
}
