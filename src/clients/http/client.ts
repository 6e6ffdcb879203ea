// Requests to receivers of alerts over HTTP: with deadlines, without redirects, with answers of bounded length. Deno's
// fetch obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY by itself.
import { cut } from "../../lib/cut.ts";
import { Fault } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";
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

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** The body as text, cut at 1 MB. */
  readonly text: string;
}

/** What a client needs to know. */
export interface HttpClientOptions {
  /** What the variables of its TLS settings begin with. */
  readonly prefix: string;
  readonly tls?: Tls;
  readonly timeout?: number;
}

/** A client whose connections are kept alive. */
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
      throw explainFetch(error as Error, where, url, timeout);
    }
  }

  /** Forgets its connections: files of TLS are read again by the next request. */
  renew(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  /** Reads the files of TLS, unless that was done. @throws {Fault} where one is missing or wrong. */
  open(): Deno.HttpClient {
    return this.#client ??= this.#create();
  }

  #create(): Deno.HttpClient {
    const { prefix, tls } = this.#options;
    const { ca, cert, key } = tls === undefined
      ? {} as ReturnType<typeof tlsOptions>
      : tlsOptions(prefix, tls);
    return Deno.createHttpClient({
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
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const part of response.body) {
    text += decoder.decode(part.subarray(0, maxAnswerBytes - length), { stream: true });
    if ((length += part.length) >= maxAnswerBytes) break;
  }
  return text;
}

/** A request without an answer, in words. */
function explainFetch(error: Error, where: string, url: URL, timeout: number): Fault {
  const chain: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) chain.push(cause.message);
  const said = chain.join(": ");
  if (error.name === "TimeoutError") return new Fault(`${where}: no answer within ${timeout / 1000} s`);
  for (const { words, found } of causes) if (words.test(said)) return new Fault(`${where}: ${found}`);
  const certificate = /invalid peer certificate: (.*)$/.exec(said)?.[1];
  if (certificate !== undefined) {
    return new Fault(`${where}: its certificate is not trusted: ${plain(certificate)}`, "operator");
  }
  // The rest can have the address in it, which can be secret.
  const rest = said.replaceAll(url.href, "").split(": ").at(-1)!;
  return new Fault(`${where}: ${plain(rest)}`);
}

const causes: readonly { readonly words: RegExp; readonly found: string }[] = [
  { words: /[Cc]onnection refused|os error 111|os error 61|os error 10061/, found: "nobody listens there" },
  { words: /failed to lookup address|dns error/, found: "there is no such host" },
  {
    words: /connection (?:closed|reset)|broken pipe|before message completed|unexpected EOF|SendRequest/i,
    found: "the connection broke",
  },
];

/**
 * An answer that is no success, in words: 429 and 5xx pass, and the wish to wait is obeyed; a refusal of the login or
 * of the address takes an operator; what else a receiver refuses it refuses for good. `secrets` are left out of what the
 * receiver said.
 */
export function explainAnswer(
  { status, header, text }: HttpAnswer,
  where: string,
  secrets: readonly string[] = [],
): Fault {
  const said = quoteAnswer(text, secrets);
  const answered = `${where} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    return new Fault(
      `${answered}: redirects are not followed; set the address to where it leads`,
      "operator",
    );
  }
  if (
    status === 401 || status === 403 || status === 404 || status === 405 || status === 407 || status === 410
  ) {
    return new Fault(answered, "operator");
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return new Fault(answered, "transient", retryAfter(header("retry-after")));
  }
  return new Fault(answered, "rejected");
}

/** The milliseconds of a header `Retry-After`: seconds, or a date of HTTP. */
export function retryAfter(header: string | undefined, now = Date.now()): number {
  if (header === undefined) return 0;
  if (/^\d+(?:\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** What a receiver said, as one short line without the secrets. */
export function quoteAnswer(text: string, secrets: readonly string[] = []): string {
  const open = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), text);
  return cut(plain(open.trim().replaceAll(/\s+/g, " ")), 200);
}

/** Shorter parts of an address are words, such as "services". */
const minSecretLength = 9;

/** What may be secret of an address that only its owner knows: its path, its query and their parts. */
export function secretsOf({ pathname, search, searchParams }: URL): string[] {
  const parts = [
    pathname + search,
    ...pathname.split("/"),
    ...search.split(/[?&=]/),
    ...searchParams.values(),
  ];
  return [...parts, ...parts.map(decoded)].filter((part) => part.length >= minSecretLength);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
