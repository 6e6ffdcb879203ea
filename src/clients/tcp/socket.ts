// Opens a socket over TCP or TLS, with a deadline, and puts what goes wrong with one into words.
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Fault } from "../../lib/errors.ts";
import { explainTls } from "../tls/handshake_error.ts";
import { type Tls, tlsOptions } from "../tls/settings.ts";

/** Where a server listens. */
export interface Address {
  /** For people, without a password. */
  readonly where: string;
  readonly host: string;
  readonly port: number;
  /** Where the connection is encrypted: its settings, and what their variables begin with. The URL has the port. */
  readonly tls?: { readonly prefix: string; readonly values: Tls; readonly url: URL };
}

/** Milliseconds to connect, handshake included. */
const connectTimeout = 5_000;
/** Milliseconds of silence after which the network is asked whether the other side is there. */
const keepAliveAfter = 30_000;

/** Opens a socket; the signal ends that, and later the socket. @throws {Fault} */
export async function openSocket(address: Address, closed: AbortSignal): Promise<Socket> {
  const { where, tls } = address;
  try {
    return await established(address, closed);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw tls && await explainTls(error, tls.prefix, tls.values, tls.url) || explainSocket(error, where);
  }
}

async function established({ where, host, port, tls }: Address, closed: AbortSignal): Promise<Socket> {
  if (closed.aborted) throw new Fault("closed");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = tls === undefined ? connect({ host, port }, resolve) : connectTls(
    { ...(isIP(host) === 0 && { servername: host }), ...tlsOptions(tls.prefix, tls.values), host, port },
    resolve,
  );
  const abort = () => socket.destroy(new Fault("closed"));
  closed.addEventListener("abort", abort, { once: true });
  let what = "no connection";
  if (tls !== undefined) socket.once("connect", () => what = "it may be without TLS: no handshake");
  const timer = setTimeout(
    () => socket.destroy(new Fault(`${where}: ${what} within ${connectTimeout / 1000} s`)),
    connectTimeout,
  );
  socket.on("error", reject);
  socket.on("close", () => {
    closed.removeEventListener("abort", abort);
    reject(new Error("closed before it was open"));
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveAfter);
  return socket;
}

/** An error of a socket in words. */
export function explainSocket(error: unknown, where: string): Fault {
  if (error instanceof Fault) return error;
  const { code = "", message } = error as { code?: string; message: string };
  return new Fault(`${where}: ${words[code] ?? (message || code)}`);
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "connection refused",
  ENOTFOUND: "host not found",
  EAI_AGAIN: "its host name cannot be looked up",
  ECONNRESET: "connection lost",
  EPIPE: "connection lost",
  ETIMEDOUT: "the network does not answer",
  EHOSTUNREACH: "the network has no way there",
  ENETUNREACH: "the network has no way there",
};
