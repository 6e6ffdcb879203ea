// A TCP proxy that a test puts before a server to break the network between: cut, reset, stall, refuse.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Starts a proxy on a free port of 127.0.0.1 that forwards to `target`, a port of 127.0.0.1. */
export async function startProxy(target: number): Promise<Proxy> {
  const proxy = new Proxy(target);
  await proxy.accept();
  return proxy;
}

/** Two sockets and what is to be done with what they say. */
interface Link {
  client: Socket;
  /** Connected only once the proxy does not stall. */
  server: Socket | undefined;
}

/** A TCP proxy whose connections can be broken in the ways that a network breaks them. */
export class Proxy implements AsyncDisposable {
  readonly #target: number;
  readonly #links = new Set<Link>();
  #listener: Server | undefined;
  #port = 0;
  #stalled = false;

  /** Listens only after `accept()`; `startProxy()` is the way to get a working one. */
  constructor(target: number) {
    this.#target = target;
  }

  /** The port on 127.0.0.1 to connect to, the same for life. */
  get port(): number {
    return this.#port;
  }

  /** How many clients are connected now. */
  get connections(): number {
    return this.#links.size;
  }

  /** Closes all current connections, on both sides; new ones are welcome. */
  async cut(): Promise<void> {
    await this.#close((client) => client.destroy());
  }

  /** Breaks all current connections with a RST to the client; new ones are welcome. */
  async reset(): Promise<void> {
    await this.#close((client) => client.resetAndDestroy());
  }

  /** Becomes a black hole: connections stay open, new ones are taken, and nothing is forwarded, not even an end. */
  stall(): void {
    this.#stalled = true;
    for (const { client, server } of this.#links) {
      client.unpipe().pause();
      server?.unpipe().pause();
    }
  }

  /** Forwards nothing more from the clients; still forwards what the server sends. */
  mute(): void {
    for (const { client } of this.#links) client.unpipe().pause();
  }

  /** Ends a stall; what was sent meanwhile is forwarded now. */
  resume(): void {
    if (!this.#stalled) return; // a second pipe would forward all twice
    this.#stalled = false;
    for (const link of this.#links) this.#forward(link);
  }

  /** Stops listening, so that new connections are refused; current ones stay open. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    if (this.#listener) return;
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#take(client);
    });
    this.#listener = listener;
    listener.listen(this.#port, "127.0.0.1");
    await once(listener, "listening");
    this.#port = (listener.address() as AddressInfo).port;
  }

  /** Stops listening and closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await this.cut();
  }

  #take(client: Socket): void {
    const link: Link = { client, server: undefined };
    this.#links.add(link);
    client.on("error", () => {}); // "close" follows
    client.on("close", () => {
      this.#links.delete(link);
      link.server?.destroy();
    });
    if (!this.#stalled) this.#forward(link);
  }

  #forward(link: Link): void {
    link.server ??= this.#connect(link.client);
    link.client.pipe(link.server).pipe(link.client);
  }

  #connect(client: Socket): Socket {
    const server = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    server.on("error", () => {});
    server.on("close", () => client.destroy());
    return server;
  }

  async #close(end: (client: Socket) => void): Promise<void> {
    const closed: Promise<unknown>[] = [];
    for (const { client, server } of [...this.#links]) {
      for (const socket of [client, server]) {
        if (socket && !socket.closed) closed.push(closeOf(socket));
      }
      end(client);
      server?.destroy();
    }
    await Promise.all(closed);
  }
}

/** Resolves when the socket is closed, whatever errors come before; after a second in any case, since one that is
 * destroyed while it connects may never say so. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1_000);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
