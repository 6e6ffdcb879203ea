// The alert as Alertmanager's own webhook receivers get it: version 4 (alertmanager docs/configuration.md, webhook).
import type { Alert } from "../../detection/alert/alert.ts";
import { detailsOf } from "../../detection/alert/details_of.ts";
import { cut } from "../../lib/cut.ts";
import { formatTime, wallClock } from "../../lib/time.ts";
import { annotationOf, type Labels, labelsOf, maxAnnotation } from "../alertmanager_labels.ts";
import type { SinkContext } from "../sink.ts";

/** The end of what has not ended, as Go writes a time that is not set. */
const noEnd = "0001-01-01T00:00:00Z";

/** The alert as a group of one. Its severity is constant, since it is a label, and nothing here remembers what it was at
 * first. */
export function alertmanagerJson(alert: Alert, context: SinkContext): string {
  const { title, reason, facts, links, state } = context.message(alert);
  const labels = labelsOf(alert, context.cluster, "warning");
  const annotations = Object.fromEntries(
    [
      ["summary", title],
      ["description", reason],
      ["state", state],
      ["count", String(detailsOf(alert).Failures)],
      ["loop", alert.loop],
      ...facts.map(({ label, value }) => [annotationOf(label), value] as const),
    ].filter(([name]) => !(name! in labels)).map(([name, text]) => [name, cut(text!, maxAnnotation)]),
  );
  const status = state === "resolved" ? "resolved" : "firing";
  const page = links.find(({ text }) => text === "Loop")?.url ?? "";
  return JSON.stringify({
    version: "4",
    groupKey: `{}:${braced(labels)}`,
    truncatedAlerts: 0,
    status,
    receiver: "nomad-crashloop-detector",
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: page === "" ? "" : new URL(page).origin,
    alerts: [{
      status,
      labels,
      annotations,
      startsAt: detailsOf(alert).Since,
      endsAt: status === "resolved" ? formatTime(wallClock()) : noEnd,
      generatorURL: page,
      fingerprint: fingerprint(labels),
    }],
  });
}

function braced(labels: Labels): string {
  return `{${Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;
}

/** The hash that Alertmanager names an alert by: FNV-1a of sorted labels (prometheus/common, model/signature.go). */
function fingerprint(labels: Labels): string {
  let hash = 0xcbf29ce484222325n;
  const add = (byte: number) => hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  for (const text of Object.entries(labels).flat()) {
    for (const byte of new TextEncoder().encode(text)) add(byte);
    add(0xff);
  }
  return hash.toString(16).padStart(16, "0");
}
