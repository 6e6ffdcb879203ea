// A client of Nomad's HTTP API, with the settings of Nomad's own command line. It knows nothing of what responses mean.
import { Buffer } from "node:buffer";
import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent, request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { createGunzip } from "node:zlib";
import { Fault } from "../../lib/errors.ts";
import { explainError, explainResponse } from "./errors.ts";
import { addressOf, type NomadAddress, type NomadSettings } from "./settings.ts";
import { nomadTls } from "./tls.ts";

/** A response with status 200. */
export interface NomadResponse {
  header(name: string): string | undefined;
  /** Its body, decompressed. Its end closes the response. @throws {Fault} if it breaks off or falls silent. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection; resolves when it is closed. */
  close(): Promise<void>;
}

/** A request. */
export interface NomadRequest {
  readonly path: string;
  /** One name may have several values. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Maximum milliseconds without a byte, before the response begins and within it. */
  readonly idleTimeout: number;
  /** Maximum milliseconds for the whole response; unlimited by default. */
  readonly deadline?: number;
  /** Maximum decompressed bytes of the response. */
  readonly maxBytes?: number;
  /** The response is a file, of any content type; by default it is JSON, and a text is a proxy's. */
  readonly plain?: boolean;
  readonly signal?: AbortSignal;
}

/** The default of `maxBytes`. */
const defaultMaxBytes = 64 << 20;

/** Nomad's HTTP API at one address. */
export class NomadClient {
  /** The address, for people: it holds no secret. */
  readonly where: string;
  readonly #address: NomadAddress;
  readonly #settings: NomadSettings;

  constructor(settings: NomadSettings) {
    this.#settings = settings;
    this.#address = addressOf(settings);
    this.where = this.#address.shown;
  }

  /** Sends a request on a new connection. @throws {Fault} for a refusal, or a response that is not Nomad's. */
  async get(
    { path, query = {}, idleTimeout, deadline, maxBytes, plain = false, signal }: NomadRequest,
  ): Promise<NomadResponse> {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, region: this.#settings.region })) {
      for (const one of [value ?? []].flat()) asked.append(name, one);
    }
    const exchange = new HttpExchange(this.#request(`${path}?${asked}`), this.#explain, {
      idleTimeout,
      deadline,
      maxBytes: maxBytes ?? defaultMaxBytes,
    });
    const abort = () => exchange.destroy();
    signal?.addEventListener("abort", abort, { once: true });
    exchange.request.once("close", () => signal?.removeEventListener("abort", abort));
    if (signal?.aborted) abort();
    try {
      return await this.#accept(await exchange.answered, exchange, plain);
    } catch (error) {
      await exchange.close();
      throw await this.#explain(error);
    }
  }

  #request(path: string): ClientRequest {
    const { socket, host, port, secure, auth } = this.#address;
    const token = this.#settings.token?.().trim();
    const basic = this.#settings.httpAuth ?? auth;
    const options = {
      ...(socket === undefined ? { host, port } : { socketPath: socket }),
      path,
      agent: false,
      headers: {
        Accept: "application/json",
        "Accept-Encoding": "gzip",
        ...(token ? { "X-Nomad-Token": token } : {}),
        ...(basic ? { Authorization: `Basic ${Buffer.from(basic).toString("base64")}` } : {}),
      },
    };
    if (!secure) return requestHttp(options);
    return requestHttps({ ...options, agent: new TlsAgent(host, port, nomadTls(this.#settings)) });
  }

  async #accept(response: IncomingMessage, exchange: HttpExchange, plain: boolean): Promise<NomadResponse> {
    const header = (name: string) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const type = header("content-type") ?? "";
    if (response.statusCode !== 200 || type.startsWith("text/") && !plain) {
      const challenge = header("www-authenticate");
      const answer = { status: response.statusCode!, type, location: header("location"), challenge };
      throw explainResponse({ ...answer, text: await exchange.beginning() }, this.where);
    }
    return { header, body: exchange.body(), close: () => exchange.close() };
  }

  readonly #explain = (error: unknown): Promise<Fault> => explainError(error, this.#address, this.#settings);
}

/** Connects with `tls.connect`, which needs fewer permissions of Deno than `https`. */
class TlsAgent extends Agent {
  readonly #connection: ConnectionOptions;

  constructor(host: string, port: number, options: ConnectionOptions) {
    super({ keepAlive: false });
    this.#connection = { ...isIP(host) === 0 && { servername: host }, ...options, host, port };
  }

  override createConnection(): TLSSocket {
    return connect(this.#connection);
  }
}

/** Bytes: with node's 16 KiB, large responses take twice the time. */
const decompressedChunk = 64 << 10;

/** A request and its response. */
class HttpExchange {
  readonly request: ClientRequest;
  readonly answered: Promise<IncomingMessage>;
  readonly #explain: (error: unknown) => Promise<Fault>;
  readonly #idleTimeout: number;
  readonly #maxBytes: number;
  readonly #closed: Promise<void>;
  #response: Readable | undefined;

  constructor(
    request: ClientRequest,
    explain: (error: unknown) => Promise<Fault>,
    { idleTimeout, deadline, maxBytes }:
      & Required<Pick<NomadRequest, "idleTimeout" | "maxBytes">>
      & Pick<NomadRequest, "deadline">,
  ) {
    this.request = request;
    this.#explain = explain;
    this.#idleTimeout = idleTimeout;
    this.#maxBytes = maxBytes;
    if (deadline !== undefined) this.#limitTime(deadline);
    this.#closed = new Promise((resolve) => {
      request.once("close", resolve);
      request.once("socket", (socket) => socket.once("close", resolve));
    });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.answered = this.#watched(promise);
    request.once("response", resolve);
    request.on("error", reject);
    request.once("close", () => reject(new Error("socket hang up")));
    request.end();
  }

  /** Limits the total time: a response that trickles is never silent. */
  #limitTime(milliseconds: number): void {
    const timer = setTimeout(
      () => this.destroy(new Error(`the answer takes longer than ${milliseconds / 1000} s`)),
      milliseconds,
    );
    this.request.once("close", () => clearTimeout(timer));
  }

  destroy(error?: Error): void {
    this.#response?.destroy(error);
    this.request.destroy(error);
  }

  async close(): Promise<void> {
    this.destroy();
    await this.#closed;
  }

  /** The first bytes of the body as text, to explain a refusal. */
  async beginning(): Promise<string> {
    const parts: Uint8Array[] = [];
    let length = 0;
    this.#limitTime(this.#idleTimeout);
    try {
      for await (const part of this.body()) {
        parts.push(part);
        if ((length += part.length) > 2000) break;
      }
    } catch {
      // What arrived is enough.
    }
    return Buffer.concat(parts).toString();
  }

  async *body(): AsyncIterable<Uint8Array> {
    const response = this.#decompressed(await this.answered);
    try {
      const chunks = response[Symbol.asyncIterator]();
      let length = 0;
      for (let next = await this.#watched(chunks.next()); !next.done;) {
        if ((length += next.value.length) > this.#maxBytes) throw this.#tooLong();
        yield next.value;
        next = await this.#watched(chunks.next());
      }
    } catch (error) {
      throw await this.#explain(error);
    } finally {
      await this.close();
    }
  }

  #decompressed(response: IncomingMessage): Readable {
    this.#response = response;
    if (response.headers["content-encoding"] !== "gzip") return response;
    return pipeline(response, createGunzip({ chunkSize: decompressedChunk }), () => {});
  }

  /** Awaits a promise, within the idle timeout. */
  async #watched<T>(awaited: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.destroy(this.#silent()), this.#idleTimeout);
    try {
      return await awaited;
    } finally {
      clearTimeout(timer);
    }
  }

  #tooLong(): Error {
    return new Error(`the answer is longer than the maximum of ${this.#maxBytes / 2 ** 20} MB`);
  }

  #silent(): Error {
    return new Silent(`silent for ${this.#idleTimeout / 1000} s`);
  }
}

/** The idle timeout is exceeded. */
class Silent extends Error {}
