// The sink `pagerduty`: triggers an alert of PagerDuty for each loop, by Events API v2, and resolves it at the loop's end.
import { HttpClient } from "../clients/http/client.ts";
import { explainAnswer, type HttpAnswer } from "../clients/http/errors.ts";
import type { Alert } from "../detection/alert/alert.ts";
import { detailsOf, lastUpdateOf } from "../detection/alert/details_of.ts";
import { cut } from "../lib/cut.ts";
import { Fault } from "../lib/errors.ts";
import { oneLine } from "../lib/escape.ts";
import { text, url } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const settings = {
  routingKey: text(
    {
      env: "SINK_PAGERDUTY_ROUTING_KEY",
      help:
        "integration key of an integration Events API V2, of a PagerDuty service or an event orchestration",
      example: "0123456789abcdef0123456789abcdef",
      secret: true,
    },
    "32 letters and digits",
    /^[0-9A-Za-z]{32}$/,
  ),
  url: url({
    env: "SINK_PAGERDUTY_URL",
    help: "address of PagerDuty's events; https://events.eu.pagerduty.com for accounts in the EU",
    default: "https://events.pagerduty.com",
    example: "https://events.eu.pagerduty.com",
  }, ["https", "http"]),
};

/** The adapter of the sink `pagerduty`. */
export const pagerduty = defineSink({
  type: "pagerduty",
  needsEnds: true,
  audience: "people",
  updates: true,
  settings,
  open: (values, context, prefix) => new PagerDutySink(values, context, prefix),
});

const path = "/v2/enqueue";
/** PagerDuty refuses events of more than 512 KB. */
const maxBytes = 512_000;
const maxSummary = 1024;
/** Where no other limit is documented. */
const maxText = 255;
/** Characters of each text in the details, where the details do not fit. */
const maxDetail = 2000;
/** Where these do not fit either: a group has many. */
const minDetail = 200;
/** PagerDuty's word: with urgency by severity, a warning calls nobody. */
const severities = { warning: "error", critical: "critical" };
/** Milliseconds of back-off where PagerDuty has too many events and does not say how long: it asks for minutes. */
const throttled = 60_000;

/** One event at a time, so that the end of a loop never overtakes its begin. */
class PagerDutySink implements Sink {
  readonly concurrency = 1;
  readonly #routingKey: string;
  readonly #url: URL;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #http: HttpClient;
  #keyWorks = false;

  constructor({ routingKey, url }: Values<typeof settings>, context: SinkContext, prefix: string) {
    this.#routingKey = routingKey;
    this.#url = new URL(url);
    const base = url.pathname.replace(/\/$/, "");
    this.#url.pathname = base.endsWith(path) ? base : base + path;
    this.#context = context;
    this.#prefix = prefix;
    this.#http = new HttpClient({ prefix });
  }

  async connect(): Promise<void> {
    if (!this.#keyWorks) await this.#tryKey();
  }

  async send(alert: Alert): Promise<void> {
    const event = alert.reason === "resolved"
      ? this.#event("resolve", alert.loop)
      : this.#event("trigger", alert.loop, triggerOf(alert, this.#context));
    const answer = await this.#enqueue(event);
    if (answer.status !== 202) throw this.#explain(answer);
    this.#keyWorks = true;
  }

  async check(): Promise<string> {
    await this.#tryKey();
    return `${this.#where}: takes events with the routing key`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }

  /** PagerDuty drops the end of what never began, and refuses it where it does not know the routing key. */
  async #tryKey(): Promise<void> {
    const answer = await this.#enqueue(this.#event("resolve", "nomad-crashloop-detector/check"));
    if (answer.status === 400) throw new Fault(this.#explain(answer).message, "config");
    if (answer.status !== 202) throw this.#explain(answer);
    this.#keyWorks = true;
  }

  /** The event's JSON. `more` is what follows its first fields, as JSON without the braces. */
  #event(action: "trigger" | "resolve", key: string, more = ""): string {
    const first = JSON.stringify({ routing_key: this.#routingKey, event_action: action, dedup_key: key });
    return more === "" ? first : `${first.slice(0, -1)},${more}}`;
  }

  #enqueue(body: string): Promise<HttpAnswer> {
    return this.#http.send(
      { url: this.#url, headers: { "content-type": "application/json" }, body },
      this.#where,
    );
  }

  #explain(answer: HttpAnswer): Fault {
    const { status, text } = answer;
    const { message, recovery, retryAfter } = explainAnswer(answer, this.#where, [this.#routingKey]);
    if (status >= 200 && status < 300) {
      return new Fault(
        `${message}, and not 202 as PagerDuty does; check ${this.#prefix}_URL and any proxies`,
        "operator",
      );
    }
    const advice = status === 400 && /routing.?key/i.test(text)
      ? `; set ${this.#prefix}_ROUTING_KEY to the integration key of an integration Events API V2, and ` +
        `${this.#prefix}_URL to where its account is`
      : "";
    const wait = status === 429 ? Math.max(retryAfter, throttled) : retryAfter;
    return new Fault(message + advice, recovery, wait);
  }

  get #where(): string {
    return `${this.#url.origin}${this.#url.pathname}`;
  }
}

/** The links to this detector's page. */
const ownPage = new Set(["Loop", "All loops", "Detector"]);

/** What a trigger says of the alert, as JSON without the braces. */
function triggerOf(alert: Alert, { message: messageOf, cluster }: SinkContext): string {
  const message = messageOf(alert);
  const details = detailsOf(alert);
  const { group } = alert;
  const ofJob = group === undefined || group.cause === "job";
  // Of a group of many jobs one of its loops says nothing.
  const { JobID, Namespace, TaskGroup, Task } = ofJob ? details.Key : {};
  const node = ofJob ? details.Node : group.node;
  const joined = (...parts: readonly (string | undefined)[]) =>
    cut(parts.filter((part) => part).join("/"), maxText) || undefined;
  const payload = {
    summary: cut(message.title, maxSummary),
    source: cut(cluster || node?.Name || node?.ID || alert.name, maxText),
    severity: severities[message.severity],
    timestamp: timeOf(details.Events.at(-1)?.Time ?? alert.notice?.since),
    component: ofJob ? joined(JobID, Task ?? lastUpdateOf(alert).task) : joined(node?.Name ?? node?.ID),
    group: joined(Namespace, TaskGroup),
    class: alert.notice === undefined ? "crash-loop" : "detector",
  };
  const rest = {
    links: message.links.map(({ text, url }) => ({ href: url, text })),
    client: "nomad-crashloop-detector",
    client_url: message.links.find(({ text }) => ownPage.has(text))?.url,
  };
  const custom = {
    Cluster: cluster,
    ...(alert.notice ?? (ofJob ? details : {})),
    ...(group === undefined ? {} : { Reason: message.reason, Group: group }),
  };
  const all = JSON.stringify(custom);
  const update = ofJob && alert.notice === undefined ? `,"LastEvent":${oneLine(alert.lastEvent)}` : "";
  const short = (most: number) =>
    JSON.stringify(custom, (_, value) => typeof value === "string" ? cut(value, most) : value);
  const [head, tail] = [JSON.stringify(payload).slice(0, -1), JSON.stringify(rest).slice(1, -1)];
  const made = (details: string) => `"payload":${head},"custom_details":${details}},${tail}`;
  const fits = (details: string) => new TextEncoder().encode(made(details)).length < maxBytes - maxText;
  return made([`${all.slice(0, -1)}${update}}`, all, short(maxDetail)].find(fits) ?? short(minDetail));
}

/** The time as ISO 8601 with milliseconds. */
function timeOf(time: string | undefined): string | undefined {
  const read = new Date(time ?? NaN);
  return Number.isNaN(read.getTime()) ? undefined : read.toISOString();
}
