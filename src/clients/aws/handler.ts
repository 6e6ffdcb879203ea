// How the AWS SDK speaks HTTP here: a try is one request, answers are bounded, and Deno's fetch obeys HTTPS_PROXY.

/** Milliseconds for a request and its answer. */
const defaultTimeout = 10_000;
/** Maximum bytes of an answer: AWS says some hundred. */
const defaultMaxBytes = 1 << 20;

/** What is used of the SDK's requests. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly body?: unknown;
}

/** What the SDK gets back. */
interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** The request handler of an SDK client. */
export class AwsHandler {
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #timeout: number;
  readonly #maxBytes: number;
  /** A connection is for one request: on one that was used before, Deno sends a request again by itself when it breaks,
   * and its alert would arrive twice. */
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 0, http2: false });

  constructor(timeout = defaultTimeout, maxBytes = defaultMaxBytes) {
    this.#timeout = timeout;
    this.#maxBytes = maxBytes;
  }

  async handle(
    request: SdkRequest,
    { abortSignal }: { abortSignal?: unknown } = {},
  ): Promise<{ response: SdkResponse }> {
    const timeout = AbortSignal.timeout(this.#timeout);
    const signal = abortSignal instanceof AbortSignal ? AbortSignal.any([timeout, abortSignal]) : timeout;
    const headers = new Headers(request.headers);
    headers.delete("host"); // fetch says it by itself, as it was signed
    headers.delete("content-length");
    try {
      const response = await fetch(urlOf(request), {
        method: request.method,
        headers,
        redirect: "manual",
        signal,
        client: this.#client,
        ...(request.body === undefined || request.body === "" ? {} : { body: request.body as BodyInit }),
      });
      const body = await bodyOf(response, this.#maxBytes);
      return {
        response: { statusCode: response.status, headers: Object.fromEntries(response.headers), body },
      };
    } catch (error) {
      if (!timeout.aborted) throw error;
      throw new Error(`no answer within ${this.#timeout / 1000} s`);
    }
  }

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  destroy(): void {
    this.#client.close();
  }
}

function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): URL {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? ""].flat()) url.searchParams.append(name, one);
  }
  return url;
}

async function bodyOf(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    if ((length += part.length) > maxBytes) {
      throw new Error(`the answer is longer than ${maxBytes >> 20} MB`);
    }
    parts.push(part);
  }
  const body = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    body.set(part, end);
    end += part.length;
  }
  return body;
}
