// The sink `webhook`: sends alerts to any receiver over HTTP, in one of the usual formats or by a template.
import type { HttpRequest } from "../../clients/http/client.ts";
import {
  httpConflicts,
  httpTlsSettings,
  loginHeaders,
  loginSettings,
  tlsOf,
} from "../../clients/http/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { choice, optional, text, url } from "../../lib/settings/parsers.ts";
import { namesOf, type Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { alertmanagerJson } from "./alertmanager.ts";
import { cloudEventJson } from "./cloudevents.ts";
import { headerLines } from "./headers.ts";
import { HttpSink } from "./http_sink.ts";
import { signatureHeaders, signingSecrets } from "./signature.ts";
import { Template } from "./template.ts";
import { bareSamples, richSamples, templateData } from "./template_data.ts";

const prefix = "SINK_WEBHOOK";

const settings = {
  url: url({
    env: `${prefix}_URL`,
    help: "URL that alerts are sent to; {loop} and {id} in it stand for those of the alert",
    example: "https://example.com/hooks/3f9c…",
    secret: true,
  }, ["http", "https"]),
  resolvedUrl: optional(url({
    env: `${prefix}_URL_RESOLVED`,
    help: "URL that the ends of loops are sent to, where it is another one",
    example: "https://example.com/hooks/3f9c…/{loop}/close",
    secret: true,
  }, ["http", "https"])),
  format: choice(
    {
      env: `${prefix}_FORMAT`,
      help: "what is sent: the alert's JSON, what Alertmanager sends (version 4), a CloudEvent, or what a " +
        "template makes",
      default: "json",
      example: "alertmanager",
    },
    ["json", "alertmanager", "cloudevents", "template"] as const,
  ),
  templateFile: optional(text({
    env: `${prefix}_TEMPLATE_FILE`,
    help: "file of a Liquid template, for the format template",
    example: "/etc/nomad-crashloop-detector/discord.json.liquid",
  })),
  method: choice(
    { env: `${prefix}_METHOD`, help: "method of the requests", default: "post", example: "put" },
    ["post", "put", "patch"] as const,
  ),
  headers: headerLines(`${prefix}_HEADERS`),
  secrets: signingSecrets(`${prefix}_SECRET`),
  ...loginSettings(prefix),
  ...httpTlsSettings(prefix),
};

/** The adapter of the sink `webhook`. */
export const webhook = defineSink({
  type: "webhook",
  // The receivers of JSON and of CloudEvents are programs of one's own, which NOTIFY_RESOLVED is for.
  needsEnds: ({ format, resolvedUrl }) =>
    format === "alertmanager" || format === "template" || resolvedUrl !== undefined,
  audience: ({ format }) => format === "template" ? "people" : "programs",
  settings,
  conflicts(values, prefix) {
    const names = (name: string) => namesOf({ env: `${prefix}_${name}` });
    const conflicts = httpConflicts(prefix, values, values.url, values);
    if (values.format === "template" && values.templateFile === undefined) {
      conflicts.push(
        `Missing ${
          names("TEMPLATE_FILE")
        }: ${settings.templateFile.help}, such as ${settings.templateFile.example}`,
      );
    }
    if (values.format !== "template" && values.templateFile !== undefined) {
      conflicts.push(
        `${names("TEMPLATE_FILE")}: found with the format ${values.format}; set ${
          names("FORMAT")
        } to template`,
      );
    }
    if (values.headers?.authorization !== undefined && Object.keys(loginHeaders(values)).length > 0) {
      const login = values.bearerToken === undefined ? "BASIC_AUTH" : "BEARER_TOKEN";
      conflicts.push(
        `${names("HEADERS")} and ${names(login)}: found the header Authorization in both; give one of them`,
      );
    }
    return conflicts;
  },
  open: openWebhook,
});

function openWebhook(values: Values<typeof settings>, context: SinkContext, prefix: string): Sink {
  const { format, headers = {}, method, secrets, templateFile, url, resolvedUrl = url } = values;
  const contentType = headers["content-type"] ??
    (format === "cloudevents" ? "application/cloudevents+json" : "application/json");
  let template: Template | undefined;
  const body = (alert: Alert): string => {
    if (format === "json") return context.json(alert);
    if (format === "alertmanager") return alertmanagerJson(alert, context);
    if (format === "cloudevents") return cloudEventJson(alert, context);
    return template!.render(templateData(alert, context));
  };
  return new HttpSink({
    prefix,
    tls: tlsOf(values),
    url,
    concurrency: 16,
    async prepare() {
      if (templateFile === undefined || template !== undefined) return;
      template = await Template.load(
        {
          names: namesOf({ env: `${prefix}_TEMPLATE_FILE` }),
          path: templateFile,
          json: /\bjson\b/i.test(contentType),
        },
        richSamples.map((alert) => templateData(alert, context)),
        bareSamples.map((alert) => templateData(alert, context)),
      );
    },
    request(alert): HttpRequest {
      const text = body(alert);
      const now = Math.floor(Date.now() / 1000);
      return {
        method: method.toUpperCase(),
        url: addressOf(alert.reason === "resolved" ? resolvedUrl : url, alert),
        headers: {
          ...loginHeaders(values),
          "content-type": contentType,
          "idempotency-key": alert.id,
          ...headers,
          "webhook-id": alert.id,
          ...(secrets === undefined ? {} : signatureHeaders(secrets, alert.id, now, text)),
        },
        body: text,
      };
    },
  });
}

/** The URL with the ids of the alert in it. */
function addressOf(url: URL, { id, loop }: Alert): URL {
  const ids = { id, loop };
  return new URL(
    url.href.replaceAll(/(?:\{|%7B)(id|loop)(?:\}|%7D)/g, (_, name: keyof typeof ids) => ids[name]),
  );
}
