// Slack by an incoming webhook: a message for each alert, since it does not return where its message is.
import { HttpClient } from "../../clients/http/client.ts";
import { explainAnswer, type HttpAnswer, quoteAnswer, secretsOf } from "../../clients/http/errors.ts";
import { Pace } from "../../clients/http/pace.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { type Layout, layoutOf, layoutRefusals, withoutLayout } from "./layout.ts";

/** Posts every alert to an incoming webhook, which answers "ok" and nothing else. */
export class WebhookSink implements Sink {
  readonly concurrency = 1;
  readonly #url: URL;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #http: HttpClient;
  readonly #pace: Pace;

  constructor(url: URL, context: SinkContext, prefix: string, interval: number) {
    this.#url = url;
    this.#context = context;
    this.#prefix = prefix;
    this.#http = new HttpClient({ prefix, single: true });
    this.#pace = new Pace(interval);
  }

  /** There is nothing to try without posting. */
  connect(): Promise<void> {
    return Promise.resolve();
  }

  async send(alert: Alert): Promise<void> {
    const where = `webhook at ${this.#url.origin}`;
    const layout = layoutOf(this.#context.message(alert));
    let answer = await this.#post(layout, where);
    if (answer.status === 400 && layoutRefusals.has(answer.text.trim())) {
      answer = await this.#post({ ...layout, ...withoutLayout }, where);
    }
    const secrets = secretsOf(this.#url);
    if (answer.status === 200 && answer.text.trim() === "ok") return;
    if (answer.status >= 200 && answer.status < 300) {
      const said = quoteAnswer(answer.text, secrets);
      throw new Fault(
        `${where} answered ${answer.status}, but not "ok" as Slack does: ${said || "nothing"}; check ` +
          `${this.#prefix}_WEBHOOK_URL and any proxies`,
        "operator",
      );
    }
    const { message, recovery, retryAfter } = explainAnswer(answer, where, secrets);
    const advice = recovery === "operator" && answer.status >= 400
      ? `; set ${this.#prefix}_WEBHOOK_URL to an existing webhook whose channel accepts messages`
      : "";
    throw new Fault(message + advice, recovery, retryAfter);
  }

  #post(layout: Layout, where: string): Promise<HttpAnswer> {
    const headers = { "content-type": "application/json; charset=utf-8" };
    const body = JSON.stringify(layout);
    return this.#pace.turn(() => this.#http.send({ url: this.#url, headers, body }, where));
  }

  check(): Promise<string> {
    return Promise.resolve(
      `webhook at ${this.#url.origin}: only a message can try it, which nomad-crashloop-detector test-alert sends`,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pace[Symbol.dispose]();
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }
}
