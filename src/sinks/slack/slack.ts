// The sink `slack`: one message for a loop, its repeats in the thread and its end in both, with a token; with a webhook,
// which does not return where its message is, a message for each alert.
import { optional, text, url } from "../../lib/settings/parsers.ts";
import { namesOf, type Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { TokenSink } from "./token.ts";
import { WebhookSink } from "./webhook.ts";

const schemes = ["https", "http"];
const settings = {
  webhookUrl: optional(url({
    env: "SINK_SLACK_WEBHOOK_URL",
    help: "incoming webhook that each alert is posted to; in place of a token and a channel",
    example: "https://hooks.slack.com/services/T…/B…/…",
    secret: true,
  }, schemes)),
  token: optional(text(
    {
      env: "SINK_SLACK_TOKEN",
      help: "bot token with the scope chat:write: one message for a loop, which its repeats and its end find",
      example: "xoxb-…",
      secret: true,
    },
    "a token without spaces",
    /^[\x21-\x7e]+$/,
  )),
  channel: optional(text({
    env: "SINK_SLACK_CHANNEL",
    help: "channel that the token posts to, by its ID or its name",
    example: "C0123456789",
  })),
  apiUrl: url({
    env: "SINK_SLACK_API_URL",
    help: "address of Slack's Web API, for the token",
    default: "https://slack.com/api",
    example: "https://slack-gov.com/api",
  }, schemes),
};

type SlackValues = Values<typeof settings>;

/** The adapter of the sink `slack`. */
export const slack = defineSink({
  type: "slack",
  needsEnds: true,
  audience: "people",
  updates: ({ token }) => token !== undefined,
  settings,
  conflicts({ webhookUrl, token, channel }, prefix) {
    const [byWebhook, byToken, named] = ["WEBHOOK_URL", "TOKEN", "CHANNEL"].map((name) =>
      namesOf({ env: `${prefix}_${name}` })
    );
    if (webhookUrl !== undefined) {
      const other = token !== undefined ? byToken : channel !== undefined ? named : undefined;
      return other === undefined ? [] : [
        `${byWebhook} and ${other}: found both; give the webhook, or a token and a channel`,
      ];
    }
    if (token !== undefined && channel !== undefined) return [];
    if (token !== undefined) return [`Missing ${named}: ${settings.channel.help}, such as C0123456789`];
    if (channel !== undefined) return [`Missing ${byToken}: ${settings.token.help}, such as xoxb-…`];
    return [`Missing ${byWebhook}, or ${byToken} and ${named}: where messages go in Slack`];
  },
  open: openSlack,
});

/** Milliseconds between two messages: Slack takes one a second for each channel. */
const second = 1000;

/** Opens the sink that the values choose. */
export function openSlack(
  values: SlackValues,
  context: SinkContext,
  prefix: string,
  interval = second,
): Sink {
  const { webhookUrl, token, channel, apiUrl } = values;
  return webhookUrl !== undefined
    ? new WebhookSink(webhookUrl, context, prefix, interval)
    : new TokenSink({ token: token!, channel: channel!, url: apiUrl }, context, prefix, interval);
}
