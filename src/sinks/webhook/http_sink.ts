// A sink that sends each alert in one request of HTTP, which an answer 2xx confirms.
import { HttpClient, type HttpRequest } from "../../clients/http/client.ts";
import { explainAnswer, secretsOf } from "../../clients/http/errors.ts";
import type { Tls } from "../../clients/tls/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import type { Sink } from "../sink.ts";

/** What differs from one such sink to the other. */
export interface HttpSinkOptions {
  /** What the variables of its TLS settings begin with. */
  readonly prefix: string;
  readonly tls: Tls;
  readonly url: URL;
  readonly concurrency: number;
  /** Gets ready what requests are made with. @throws {Fault} */
  prepare?(): Promise<void>;
  /** The request of an alert. @throws {Fault} */
  request(alert: Alert): HttpRequest;
}

/** The sink of these options. */
export class HttpSink implements Sink {
  readonly concurrency: number;
  readonly #options: HttpSinkOptions;
  readonly #client: HttpClient;

  constructor(options: HttpSinkOptions) {
    this.#options = options;
    this.concurrency = options.concurrency;
    this.#client = new HttpClient(options);
  }

  /** Reads the files that the settings name; sends nothing. */
  async connect(): Promise<void> {
    this.#client.renew();
    this.#client.open();
    await this.#options.prepare?.();
  }

  async send(alert: Alert): Promise<void> {
    await this.#options.prepare?.();
    const request = this.#options.request(alert);
    const where = whereOf(request.url);
    const answer = await this.#client.send(request, where);
    if (answer.status < 200 || answer.status >= 300) {
      throw explainAnswer(answer, where, secretsOf(request.url));
    }
  }

  /** Asks the server for its root, whatever it answers: what stands in the path could take the request for an alert. */
  async check(): Promise<string> {
    await this.connect();
    const { url } = this.#options;
    const where = whereOf(url);
    await this.#client.send({ method: "HEAD", url: new URL("/", url.origin) }, where);
    return `${where}: the server answers; whether it takes alerts cannot be tried without sending one`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** The address for people: its path and its query can be a secret. */
function whereOf({ origin, pathname, search }: URL): string {
  return `${origin}/${pathname === "/" && search === "" ? "" : "…"}`;
}
