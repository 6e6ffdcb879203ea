// What Alertmanager gets of a loop: labels, which identify it and so never change, and annotations, which may. No I/O.
import type { Alert } from "../../detection/alert/alert.ts";
import { detailsOf } from "../../detection/alert/details_of.ts";
import type { Message } from "../../detection/alert/message.ts";
import { cut } from "../../lib/cut.ts";
import type { Setting } from "../../lib/settings/setting.ts";
import { annotationOf, type Labels, labelsOf, maxAnnotation } from "../alertmanager_labels.ts";
import type { SinkContext } from "../sink.ts";

/** A loop, as the sink remembers it from one start to the next: JSON that is ready to be sent again. */
export interface LoopRecord {
  /** The id that all alerts about it have in common. */
  readonly loop: string;
  /** An object: those of its first alert, severity too, since other labels would be another alert. */
  readonly labels: string;
  readonly startsAt: string;
  /** The rest of its last alert, as the members of an object. */
  readonly rest: string;
  /** Set when it is resolved. */
  readonly endsAt?: string;
}

/** The record after an alert; `known` is the one before, `now` is in milliseconds. */
export function recordOf(
  alert: Alert,
  context: Pick<SinkContext, "message" | "cluster">,
  more: Labels,
  known: LoopRecord | undefined,
  now: number,
): LoopRecord {
  const { loop } = alert;
  const message = context.message(alert);
  const { labels, startsAt } = known?.loop === loop ? known : {
    labels: JSON.stringify({ ...labelsOf(alert, context.cluster, message.severity), ...more }),
    startsAt: startOf(alert, now),
  };
  const record = { loop, labels, startsAt, rest: restOf(alert, message) };
  // A start behind the end would be refused.
  return message.state === "resolved"
    ? { ...record, endsAt: timeOf(Math.max(now, Date.parse(startsAt))) }
    : record;
}

/** The alert of a loop as Alertmanager takes it. */
export function postable({ labels, startsAt, rest }: LoopRecord, endsAt: string): string {
  return `{"labels":${labels},"startsAt":"${startsAt}","endsAt":"${endsAt}",${rest}}`;
}

/** Milliseconds as RFC 3339. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The clock of a node may be ahead: nothing starts later than now. */
function startOf(alert: Alert, now: number): string {
  return timeOf(Math.min(Date.parse(detailsOf(alert).Since), now));
}

/** Facts that are labels. */
const labelled = new Set(["Cluster", "Namespace", "Job", "Group"]);

function restOf(alert: Alert, { title, reason, state, facts, links }: Message): string {
  const annotations: Record<string, string> = {
    summary: cut(title, maxAnnotation),
    description: cut(reason, maxAnnotation),
    state,
    count: String(detailsOf(alert).Failures),
    loop: alert.loop,
  };
  for (const { label, value } of facts) {
    if (!labelled.has(label)) annotations[annotationOf(label)] = cut(value, maxAnnotation);
  }
  let generator = "";
  for (const { text, url } of links) {
    if (text === "Loop") generator = `,"generatorURL":${JSON.stringify(url)}`;
    else annotations[annotationOf(text)] = url;
  }
  return `"annotations":${JSON.stringify(annotations)}${generator}`;
}

/** Labels that distinguish loops: with another value two of them could be one alert. */
const own = ["name", "namespace", "job", "group", "index", "node", "task"];

/** A setting that takes more labels. */
export function labelsSetting(env: string): Setting<Labels | undefined> {
  return {
    env,
    help: "more labels for every alert; alertname, cluster and severity can be replaced",
    accepts: "labels as name=value, separated by commas",
    example: "team=platform,region=eu",
    optional: true,
    parse(text) {
      const labels = new Map<string, string>();
      for (const pair of text.split(",")) {
        const [, name, value] = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)=(.+?)\s*$/s.exec(pair) ?? [];
        if (name === undefined || value === undefined) throw new Error("");
        if (own.includes(name)) throw new Error(`with the label ${name}, which distinguishes loops`);
        if (labels.has(name)) throw new Error(`with the label ${name} twice`);
        labels.set(name, value);
      }
      return Object.fromEntries(labels);
    },
  };
}
