// Restricts a server without a token to local names: a foreign web page must not read it by pointing its own name to this
// machine (DNS rebinding).
import type { Address } from "../listen.ts";

/** Whether only this machine can reach the address. */
export function isLocal(address: Address): boolean {
  return "path" in address || isLoopback(address.hostname);
}

/** What is wrong with the `Host` of a request to a loopback address; undefined if it is right. A client that sends none
 * is not a browser. */
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
