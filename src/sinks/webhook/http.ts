// The sink `http`: posts the alert's JSON, with the settings of nomad-firehose's sink of this name.
import {
  httpConflicts,
  httpTlsSettings,
  loginHeaders,
  loginSettings,
  tlsOf,
} from "../../clients/http/settings.ts";
import { url, wholeNumber } from "../../lib/settings/parsers.ts";
import { defineSink } from "../adapter.ts";
import { HttpSink } from "./http_sink.ts";

const prefix = "SINK_HTTP";

/** The adapter of the sink `http`. */
export const http = defineSink({
  type: "http",
  settings: {
    address: url({
      env: `${prefix}_ADDRESS`,
      help: "URL that alerts are posted to",
      example: "https://example.com/crash-loops",
      secret: true,
    }, ["http", "https"]),
    workers: wholeNumber(
      {
        env: "SINK_WORKER_COUNT",
        help: "maximum unconfirmed alerts of the sink http",
        default: "1",
        example: "4",
      },
      1,
      100,
    ),
    ...loginSettings(prefix),
    ...httpTlsSettings(prefix),
  },
  conflicts: (values, prefix) => httpConflicts(prefix, values, values.address, values),
  open: (values, { json }, prefix) =>
    new HttpSink({
      prefix,
      tls: tlsOf(values),
      url: values.address,
      concurrency: values.workers,
      request: (alert) => ({
        url: values.address,
        headers: {
          ...loginHeaders(values),
          "content-type": "application/json; charset=utf-8",
          "idempotency-key": alert.id,
        },
        body: json(alert),
      }),
    }),
});
