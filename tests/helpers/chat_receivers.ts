// Stand-ins for receivers of templates: each refuses what the real one's documentation says it refuses.
import type { Answering, Received } from "./http_receiver.ts";

/** What is wrong with a request, in words; undefined where the receiver takes it. */
type Rule = (request: Received) => string | undefined;

// deno-lint-ignore no-explicit-any -- foreign JSON, whose shape is what is judged here
type Json = any;

/** Takes what obeys the rule with a status, and answers 400 to the rest. */
function receiver(status: number, rule: Rule): Answering {
  return (request) => {
    const problem = rule(request);
    return problem === undefined ? { status } : { status: 400, body: problem };
  };
}

function json(rule: (body: Json, request: Received) => string | undefined): Rule {
  return (request) => {
    if (!/^application\/json\b/.test(request.headers.get("content-type") ?? "")) return "no JSON";
    try {
      return rule(JSON.parse(request.body), request);
    } catch {
      return "the body is no JSON";
    }
  };
}

/** The first text that is longer than it may be, or no text at all. */
function tooLong(
  limits: Readonly<Record<string, readonly [text: unknown, max: number]>>,
): string | undefined {
  return Object.entries(limits).find(([, [text, max]]) => typeof text !== "string" || text.length > max)?.[0];
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Discord's webhooks: discord.com/developers/docs/resources/message, embed limits. */
export const discord = receiver(
  204,
  json(({ content, embeds = [], allowed_mentions }) => {
    if (content === undefined && embeds.length === 0) return "empty message";
    if (embeds.length > 10) return "embeds";
    const texts = embeds.map(({ title, description }: Json) => title.length + description.length);
    if (texts.reduce((sum: number, length: number) => sum + length, 0) > 6000) return "embeds in sum";
    if (allowed_mentions?.parse?.length !== 0) return "a mention of everybody would be obeyed";
    return embeds.map(({ title, description, color }: Json) =>
      Number.isInteger(color) ? tooLong({ title: [title, 256], description: [description, 4096] }) : "color"
    ).find((problem: unknown) => problem !== undefined);
  }),
);

/** Telegram's sendMessage: core.telegram.org/bots/api. */
export const telegram = receiver(
  200,
  json(({ chat_id, text, parse_mode }, { path }) => {
    if (!/^\/bot\d+:[\w-]+\/sendMessage$/.test(path)) return "Not Found";
    if (chat_id === undefined) return "Bad Request: chat_id is empty";
    if (parse_mode !== undefined) return "Bad Request: can't parse entities";
    if (/@/.test(text)) return "a mention would be obeyed";
    return tooLong({ "Bad Request: message is too long": [text, 4096] });
  }),
);

/** ntfy's JSON to the root: docs.ntfy.sh/publish. Longer messages become attachments, which nobody reads. */
export const ntfy = receiver(
  200,
  json(({ topic, title, message, priority, tags, click }, { path }) => {
    if (path !== "/") return "not the root";
    if (!/^[-_A-Za-z0-9]{1,64}$/.test(topic)) return "invalid topic";
    if (![1, 2, 3, 4, 5].includes(priority)) return "invalid priority";
    if (!Array.isArray(tags)) return "invalid tags";
    if (click !== undefined && !URL.canParse(click)) return "invalid click";
    if (bytes(message) > 4096) return "message too long";
    return bytes(title) > 1024 ? "title too long" : undefined;
  }),
);

/** Mattermost's incoming webhooks: developers.mattermost.com/integrate/webhooks/incoming. */
export const mattermost = receiver(
  200,
  json(({ attachments }) => {
    for (const { fallback, color, title, text, fields } of attachments) {
      if (!/^#[0-9a-f]{6}$/.test(color)) return "color";
      const long = tooLong({ fallback: [fallback, 16383], title: [title, 16383], text: [text, 7600] });
      if (long !== undefined) return long;
      if (/@(?:all|channel|here)/.test(JSON.stringify({ fallback, title, text, fields }))) return "mentions";
      for (const field of fields) {
        if (typeof field.short !== "boolean" || !field.title || typeof field.value !== "string") {
          return "field";
        }
      }
    }
  }),
);

/** Google Chat's webhooks: developers.google.com/workspace/chat, messages of at most 32,000 bytes. */
export const googleChat = receiver(
  200,
  json(({ text, thread }, { path, body }) => {
    if (!/^\/v1\/spaces\/\w+\/messages\?key=\w+&token=\w+/.test(path)) return "API key not valid";
    if (/<users\//.test(text)) return "mentions";
    if (typeof thread.threadKey !== "string") return "thread";
    return bytes(body) > 32_000 ? "message too long" : undefined;
  }),
);

/** Alerts of Opsgenie and of Jira Service Management: docs.opsgenie.com/docs/alert-api. */
export const opsgenie = receiver(
  202,
  json((body, { path, headers }) => {
    if (!headers.get("authorization")?.startsWith("GenieKey ")) return "Could not authenticate";
    if (/^\/v2\/alerts\/[0-9a-f]+\/close\?identifierType=alias$/.test(path)) {
      return tooLong({ source: [body.source, 100], note: [body.note, 25_000] });
    }
    if (path !== "/v2/alerts") return "no such path";
    if (!/^P[1-5]$/.test(body.priority)) return "priority";
    if (JSON.stringify(body.details).length > 8000) return "details";
    const { message, alias, description, source, entity } = body;
    return tooLong({
      message: [message, 130],
      alias: [alias, 512],
      description: [description, 15_000],
      source: [source, 100],
      entity: [entity, 512],
    });
  }),
);

/** Grafana IRM's formatted webhook: grafana.com/docs/grafana-cloud, IRM, inbound webhooks. */
export const grafanaIrm = receiver(
  200,
  json(({ alert_uid, title, state, message, link_to_upstream_details }) => {
    if (!["ok", "alerting"].includes(state)) return "state";
    if (link_to_upstream_details !== undefined && !URL.canParse(link_to_upstream_details)) return "link";
    return tooLong({ alert_uid: [alert_uid, 255], title: [title, 1000], message: [message, 64_000] });
  }),
);

/** healthchecks.io's pings: healthchecks.io/docs/http_api, bodies of at most 100 kB are kept. */
export const healthchecks = receiver(200, ({ path, headers, body }) => {
  if (!/^\/[0-9a-f-]{36}(?:\/fail)?$/.test(path)) return "not found";
  if (!headers.get("content-type")?.startsWith("text/plain")) return "no text";
  return bytes(body) > 100_000 ? "body too long" : undefined;
});
