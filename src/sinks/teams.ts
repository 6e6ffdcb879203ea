// The sink `teams`: posts alerts as adaptive cards to a workflow of Microsoft Teams. It writes no sentence of its own.
import { HttpClient } from "../clients/http/client.ts";
import { explainAnswer, secretsOf } from "../clients/http/errors.ts";
import { Pace } from "../clients/http/pace.ts";
import type { Alert } from "../detection/alert/alert.ts";
import type { Message } from "../detection/alert/message.ts";
import { cut, fitting } from "../lib/cut.ts";
import { Fault } from "../lib/errors.ts";
import { url } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const settings = {
  webhookUrl: url({
    env: "SINK_TEAMS_WEBHOOK_URL",
    help: "address of a Teams workflow that posts what it receives to a channel or a chat",
    example: "https://….logic.azure.com/workflows/…",
    secret: true,
  }, ["https", "http"]),
};

/** The adapter of the sink `teams`. */
export const teams = defineSink({
  type: "teams",
  needsEnds: true,
  audience: "people",
  settings,
  open: openTeams,
});

/** Milliseconds between two cards: Teams takes four a second. */
const quarter = 250;
/** Teams refuses messages of more than about 28 KB. */
const maxBytes = 27_000;
/** Characters of a text: the first by which the card fits is taken. */
const limits = [4000, 2000, 500, 200, 100];

/** Opens the sink. */
export function openTeams(
  { webhookUrl }: Values<typeof settings>,
  context: SinkContext,
  prefix: string,
  interval = quarter,
): Sink {
  return new TeamsSink(webhookUrl, context, prefix, interval);
}

const colors = { active: "warning", "gave-up": "attention", resolved: "good" };

/** What the workflow gets of a message. */
export function cardOf(message: Message): unknown {
  return fitting((limit) => attached(card(message, limit)), limits, maxBytes);
}

function attached(content: unknown): unknown {
  const contentType = "application/vnd.microsoft.card.adaptive";
  return { type: "message", attachments: [{ contentType, contentUrl: null, content }] };
}

function card({ title, reason, state, facts, links }: Message, limit: number): unknown {
  const shown = (text: string) => withoutLinks(cut(text, limit));
  const block = { type: "TextBlock", wrap: true };
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.2",
    body: [
      { ...block, text: shown(title), weight: "bolder", size: "large", color: colors[state] },
      { ...block, text: shown(reason) },
      { type: "FactSet", facts: facts.map(({ label, value }) => ({ title: label, value: shown(value) })) },
    ],
    actions: links.filter(({ url }) => url.length <= limit)
      .map(({ text, url }) => ({ type: "Action.OpenUrl", title: text, url })),
    msteams: { width: "Full" },
  };
}

/** Texts of a card are Markdown: a job's name must not become a link to somewhere. */
function withoutLinks(text: string): string {
  return text.replaceAll("](", "] (");
}

class TeamsSink implements Sink {
  readonly concurrency = 1;
  readonly #url: URL;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #http: HttpClient;
  readonly #pace: Pace;

  constructor(url: URL, context: SinkContext, prefix: string, interval: number) {
    this.#pace = new Pace(interval);
    this.#url = url;
    this.#context = context;
    this.#prefix = prefix;
    this.#http = new HttpClient({ prefix, single: true });
  }

  /** There is nothing to try without posting. */
  connect(): Promise<void> {
    return Promise.resolve();
  }

  async send(alert: Alert): Promise<void> {
    const body = JSON.stringify(cardOf(this.#context.message(alert)));
    const headers = { "content-type": "application/json" };
    const answer = await this.#pace.turn(() =>
      this.#http.send({ url: this.#url, headers, body }, this.#where)
    );
    if (answer.status >= 200 && answer.status < 300) return;
    const fault = explainAnswer(answer, this.#where, secretsOf(this.#url));
    if (/WorkflowTriggerIsNotEnabled|WorkflowSuspended/.test(answer.text)) {
      throw new Fault(`${fault.message}; turn the workflow on`, "operator");
    }
    const advice = fault.recovery === "operator" && answer.status >= 400
      ? `; let ${this.#prefix}_WEBHOOK_URL be the address of a workflow that exists and may be called by anyone`
      : "";
    throw new Fault(fault.message + advice, fault.recovery, fault.retryAfter);
  }

  check(): Promise<string> {
    return Promise.resolve(
      `${this.#where}: only a card can try it, which nomad-crashloop-detector test-alert sends`,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pace[Symbol.dispose]();
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }

  get #where(): string {
    return `workflow at ${this.#url.origin}`;
  }
}
