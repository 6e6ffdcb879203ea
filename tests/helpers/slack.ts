// A stand-in for Slack: its Web API as far as messages go, and an incoming webhook, with their limits and refusals.
import { type Json, RateLimit, StandIn, type StandInAnswer, type StandInRequest } from "./stand_in.ts";

/** A message that is in a channel. */
export interface SlackMessage {
  readonly channel: string;
  readonly ts: string;
  /** In whose thread it is. */
  readonly thread?: string;
  /** Shown in the channel too. */
  readonly broadcast: boolean;
  text: string;
  blocks: Json[];
  attachments: Json[];
}

/** Slack with one workspace, one app and the channel C0ALERTS, named #alerts. */
export class SlackStandIn extends StandIn {
  readonly token = "xoxb-12345678-abcdefghijkl";
  readonly webhookPath = "/services/T00000000/B00000000/s3cr3tOfTheWebhook";
  readonly messages: SlackMessage[] = [];
  /** What the next calls of a method refuse with, one each. */
  readonly refusals: { readonly method: string; readonly error: string; readonly needed?: string }[] = [];
  scopes = "chat:write,chat:write.public";
  readonly #rates = new Map<string, RateLimit>();
  #posted = 0;

  /** `interval`: milliseconds between two messages to a channel. */
  constructor(readonly interval = 1000) {
    super((request) => this.#answer(request));
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.port}/api`;
  }

  get webhookUrl(): string {
    return `http://127.0.0.1:${this.port}${this.webhookPath}`;
  }

  /** The methods that were called, each with its body. */
  get calls(): readonly (readonly [method: string, body: Json])[] {
    return this.requests.map(({ path, body }) => [path.replace("/api/", ""), JSON.parse(body)] as const);
  }

  /** Those of a thread, in order. */
  thread(ts: string): SlackMessage[] {
    return this.messages.filter(({ thread }) => thread === ts);
  }

  delete(ts: string): void {
    this.messages.splice(this.messages.findIndex((message) => message.ts === ts), 1);
  }

  #answer(request: StandInRequest): StandInAnswer {
    if (request.method !== "POST") return { status: 405, body: "http_error" };
    if (!/^application\/json/.test(request.headers["content-type"] ?? "")) {
      return refused("invalid_form_data");
    }
    if (request.path === this.webhookPath) return this.#webhook(JSON.parse(request.body));
    if (request.path.startsWith("/services/")) return { status: 404, body: "no_service" };
    const method = /^\/api\/([a-zA-Z.]+)$/.exec(request.path)?.[1];
    if (method === undefined) return { status: 404, body: `Cannot POST ${request.path}` };
    if (request.headers.authorization === undefined) return refused("not_authed");
    if (request.headers.authorization !== `Bearer ${this.token}`) return refused("invalid_auth");
    const refusal = this.refusals.findIndex((one) => one.method === method);
    if (refusal >= 0) {
      const { error, needed } = this.refusals.splice(refusal, 1)[0]!;
      return refused(error, needed === undefined ? {} : { needed, provided: this.scopes });
    }
    return this.#call(method, JSON.parse(request.body));
  }

  #call(method: string, body: Json): StandInAnswer {
    if (method === "auth.test") {
      const who = { ok: true, team: "Example", user: "detector", user_id: "U1", team_id: "T1" };
      return { status: 200, headers: { "x-oauth-scopes": this.scopes }, body: JSON.stringify(who) };
    }
    if (method === "chat.postMessage") return this.#post(body);
    if (method === "chat.update") return this.#update(body);
    return refused("unknown_method");
  }

  #post(body: Json): StandInAnswer {
    const channel = body.channel === "#alerts" ? "C0ALERTS" : body.channel;
    if (channel !== "C0ALERTS") return refused("channel_not_found");
    if (this.#tooSoon(channel)) return { status: 429, headers: { "retry-after": "1" }, body: ratelimited };
    const wrong = wrongWith(body);
    if (wrong !== undefined) return refused(wrong);
    const thread = this.messages.find(({ ts }) => ts === body.thread_ts);
    if (body.thread_ts !== undefined && thread?.channel !== channel) return refused("thread_not_found");
    const ts = this.#add(channel, body);
    return { status: 200, body: JSON.stringify({ ok: true, channel, ts }) };
  }

  #update(body: Json): StandInAnswer {
    const wrong = wrongWith(body);
    if (wrong !== undefined) return refused(wrong);
    const message = this.messages.find(({ ts, channel }) => ts === body.ts && channel === body.channel);
    if (message === undefined) return refused("message_not_found");
    Object.assign(message, { text: body.text, blocks: body.blocks, attachments: body.attachments });
    return {
      status: 200,
      body: JSON.stringify({ ok: true, channel: body.channel, ts: body.ts, text: body.text }),
    };
  }

  #webhook(body: Json): StandInAnswer {
    if (this.#tooSoon("webhook")) {
      return { status: 429, headers: { "retry-after": "1" }, body: "rate_limited" };
    }
    const wrong = wrongWith(body);
    if (wrong !== undefined) return { status: 400, body: wrong };
    this.#add("webhook", body);
    return { status: 200, body: "ok" };
  }

  #tooSoon(channel: string): boolean {
    let rate = this.#rates.get(channel);
    if (rate === undefined) this.#rates.set(channel, rate = new RateLimit(1, this.interval));
    return rate.exceeded();
  }

  #add(channel: string, body: Json): string {
    const ts = `1800000000.${String(++this.#posted).padStart(6, "0")}`;
    this.messages.push({
      channel,
      ts,
      ...(body.thread_ts === undefined ? {} : { thread: body.thread_ts }),
      broadcast: body.reply_broadcast === true,
      text: body.text,
      blocks: body.blocks,
      attachments: body.attachments,
    });
    return ts;
  }
}

/** Starts it on a free port. */
export async function startSlack(interval?: number): Promise<SlackStandIn> {
  const slack = new SlackStandIn(interval);
  await slack.listen();
  return slack;
}

const ratelimited = JSON.stringify({ ok: false, error: "ratelimited" });

function refused(error: string, more: object = {}): StandInAnswer {
  return { status: 200, body: JSON.stringify({ ok: false, error, ...more }) };
}

/** Slack's word for what is wrong with a message. */
function wrongWith({ text, blocks = [], attachments = [] }: Json): string | undefined {
  if (typeof text !== "string" || text === "") return "no_text";
  if (text.length > 40_000) return "msg_too_long";
  const all = [...blocks, ...attachments.flatMap((attachment: Json) => attachment.blocks)];
  if (all.length > 50 || !all.every(isBlock)) return "invalid_blocks";
  if (!attachments.every((attachment: Json) => /^#[0-9a-f]{6}$/.test(attachment.color))) {
    return "invalid_attachments";
  }
  return JSON.stringify(all).length > 13_200 ? "msg_blocks_too_long" : undefined;
}

function isBlock(block: Json): boolean {
  switch (block.type) {
    case "header":
      return block.text.type === "plain_text" && isText(block.text, 150);
    case "section":
      if (block.fields !== undefined) {
        return block.fields.length >= 1 && block.fields.length <= 10 &&
          block.fields.every((field: Json) => isText(field, 2000));
      }
      return isText(block.text, 3000);
    case "actions":
      return block.elements.length >= 1 && block.elements.length <= 25 &&
        block.elements.every((button: Json) =>
          button.type === "button" && isText(button.text, 75) && button.url.length <= 3000 &&
          URL.canParse(button.url)
        );
    case "rich_text":
      return block.elements.length >= 1 &&
        block.elements.every((element: Json) =>
          element.type === "rich_text_preformatted" && element.elements.length >= 1 &&
          element.elements.every(({ type, text }: Json) =>
            type === "text" && typeof text === "string" && text.length >= 1
          )
        );
    default:
      return false;
  }
}

function isText({ type, text, ...rest }: Json, most: number): boolean {
  const allowed = type === "plain_text" ? ["emoji"] : type === "mrkdwn" ? ["verbatim"] : undefined;
  return allowed !== undefined && typeof text === "string" && text.length >= 1 && text.length <= most &&
    Object.keys(rest).every((key) => allowed.includes(key));
}
