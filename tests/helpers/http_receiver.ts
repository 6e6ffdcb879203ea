// A receiver over HTTP that a test is in charge of: it keeps what came, and answers what the test says.

/** A request that came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  /** The port of the sender's end of the connection. */
  readonly senderPort: number;
}

/** How it answers: by status, body and headers. */
export type Answer = { readonly status?: number; readonly body?: string; readonly headers?: HeadersInit };

/** What it answers a request; a promise that does not settle keeps the sender waiting. */
export type Answering = (request: Received) => Answer | Promise<Answer>;

/** A running receiver. */
export class HttpReceiver implements AsyncDisposable {
  /** All that came, but for what looks whether it is there. */
  readonly received: Received[] = [];
  /** Of all that came, even before its body. */
  readonly paths: string[] = [];
  answering: Answering = () => ({});
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(tls: { cert: string; key: string } | undefined) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls };
    this.#server = Deno.serve(options, (request, { remoteAddr }) => this.#answer(request, remoteAddr.port));
  }

  /** Starts one on a free port of 127.0.0.1; with TLS where it has a certificate. */
  static start(answering?: Answering, tls?: { cert: string; key: string }): HttpReceiver {
    const receiver = new HttpReceiver(tls);
    if (answering !== undefined) receiver.answering = answering;
    return receiver;
  }

  /** Its port on 127.0.0.1. */
  get port(): number {
    return this.#server.addr.port;
  }

  async #answer(request: Request, senderPort: number): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    this.paths.push(`${request.method} ${pathname}${search}`);
    if (request.method === "HEAD") return new Response(null, { status: 404 });
    // A client that goes away in the middle of its request gets no answer.
    const text = await request.text().catch(() => undefined);
    if (text === undefined) return new Response();
    const received = {
      method: request.method,
      path: pathname + search,
      headers: request.headers,
      body: text,
      senderPort,
    };
    const { status = 200, body = "", headers } = await this.answering(received);
    if (status < 300) this.received.push(received);
    const init = headers === undefined ? { status } : { status, headers };
    return new Response([204, 304].includes(status) ? null : body, init);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
