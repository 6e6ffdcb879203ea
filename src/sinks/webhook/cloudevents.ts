// The alert as a structured CloudEvent (cloudevents/spec 1.0.2, JSON event format).
import type { Alert } from "../../detection/alert/alert.ts";
import { lastTimeOf } from "../../detection/alert/details_of.ts";
import { formatTime } from "../../lib/time.ts";
import type { SinkContext } from "../sink.ts";

/** The event, whose id is the alert's; its data is the alert's exact JSON. */
export function cloudEventJson(alert: Alert, context: SinkContext): string {
  const cluster = context.cluster === undefined ? "" : `/${encodeURIComponent(context.cluster)}`;
  const event = {
    specversion: "1.0",
    id: alert.id,
    source: `/nomad-crashloop-detector${cluster}`,
    type: `nomad.crash-loop.${context.message(alert).state}`,
    subject: alert.name,
    time: formatTime(lastTimeOf(alert)),
    datacontenttype: "application/json",
  };
  return `${JSON.stringify(event).slice(0, -1)},"data":${context.json(alert)}}`;
}
