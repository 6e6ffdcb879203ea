// The alert as sinks get it: its exact JSON. alert.schema.json describes the payload `full`. No I/O.
import { oneLine, plainJson } from "../../lib/escape.ts";
import { formatTime } from "../../lib/time.ts";
import type { Alert, Payload } from "./alert.ts";
import { detailsOf } from "./details_of.ts";

/**
 * The alert as sinks get it, on one line: `{"LastEvent":<update>,"EventLog":[<RFC 3339>…]}`, with the payload
 * `full` also `Id`, the cluster if it has a name, and the fields of `AlertDetails`. The update keeps all its fields, digits and their order. A log that
 * can be incomplete is followed by `"EventLogLimit":<how many are kept>`. Characters that a terminal would obey are
 * escaped: `\u009b`.
 */
export function alertJson(alert: Alert, payload: Payload = "original", cluster?: string): string {
  const { lastEvent, eventLog, limit } = alert;
  const times = eventLog.map((time) => `"${formatTime(time)}"`).join(",");
  const cut = limit === undefined ? "" : `,"EventLogLimit":${limit}`;
  const more = payload === "original"
    ? ""
    : `,"Id":"${alert.id}",${JSON.stringify({ Cluster: cluster, ...detailsOf(alert) }).slice(1, -1)}`;
  return plainJson(`{"LastEvent":${oneLine(lastEvent)},"EventLog":[${times}]${cut}${more}}`);
}
