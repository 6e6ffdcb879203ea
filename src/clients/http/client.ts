// Requests to receivers of alerts over HTTP: with deadlines, without redirects, with answers of bounded length. Deno's
// fetch obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY by itself.
import { Fault } from "../../lib/errors.ts";
import { explainRequest, type HttpAnswer } from "./errors.ts";
import { type Tls, tlsOptions } from "../tls/settings.ts";

/** Milliseconds for a request and its answer. */
const defaultTimeout = 15_000;
/** Maximum bytes of an answer that are read. */
const maxAnswerBytes = 1 << 20;

/** A request. */
export interface HttpRequest {
  readonly method?: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a client needs to know. */
export interface HttpClientOptions {
  /** What the variables of its TLS settings begin with. */
  readonly prefix: string;
  readonly tls?: Tls;
  readonly timeout?: number;
  /** Each request has a connection of its own: for receivers that would show twice what comes twice, since Deno sends
   * a request again by itself if a reused connection breaks. */
  readonly single?: boolean;
}

/** A client whose connections are kept alive, unless each request is to have its own. */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions;
  readonly #closed = new AbortController();
  #client: Deno.HttpClient | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Sends a request. `where` is the address for people, without secrets. @throws {Fault} where no answer comes. */
  async send({ method = "POST", url, headers = {}, body }: HttpRequest, where: string): Promise<HttpAnswer> {
    const timeout = this.#options.timeout ?? defaultTimeout;
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(timeout)]);
    try {
      const client = this.open();
      const response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        signal,
        client,
        ...(body === undefined ? {} : { body }),
      });
      const text = await beginningOf(response);
      return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, text };
    } catch (error) {
      if (error instanceof Fault) throw error;
      if (this.#closed.signal.aborted) throw new Fault("closed");
      if ((error as Error).name === "TimeoutError") {
        throw new Fault(`${where}: no answer within ${timeout / 1000} s`);
      }
      throw explainRequest(error as Error, where);
    }
  }

  /** Forgets its connections: files of TLS are read again by the next request. */
  renew(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  /** Reads the files of TLS, unless that was done. @throws {Fault} where one is missing or wrong. */
  open(): Deno.HttpClient {
    if (this.#closed.signal.aborted) throw new Fault("closed");
    return this.#client ??= this.#create();
  }

  #create(): Deno.HttpClient {
    const { prefix, tls, single } = this.#options;
    const { ca, cert, key } = tls === undefined
      ? {} as ReturnType<typeof tlsOptions>
      : tlsOptions(prefix, tls);
    return Deno.createHttpClient({
      ...(single ? { poolMaxIdlePerHost: 0, http2: false } : {}),
      ...(ca === undefined ? {} : { caCerts: [ca].flat().map(String) }),
      ...(cert === undefined ? {} : { cert: String(cert), key: String(key) }),
    });
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.renew();
  }
}

async function beginningOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  // To read all of a short answer costs less than part by part. Compressed ones have the length before decompression.
  const { headers } = response;
  const declared = headers.has("content-encoding") ? null : headers.get("content-length");
  if (declared !== null && Number(declared) <= maxAnswerBytes) return await response.text();
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const part of response.body) {
    text += decoder.decode(part.subarray(0, maxAnswerBytes - length), { stream: true });
    if ((length += part.length) >= maxAnswerBytes) break;
  }
  return text;
}
