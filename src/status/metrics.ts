// The metrics: declared once, as a table from which the text for Prometheus and README's table are made.
// Names follow https://prometheus.io/docs/practices/naming/; every series exists from the start.
import type { Histogram } from "../lib/histogram.ts";
import { wallClock } from "../lib/time.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { Facts } from "./runtime_info.ts";
import type { ProcessFigures } from "./process_stats.ts";

/** What the values are read from. */
export interface Read {
  readonly facts: Facts;
  readonly process: ProcessFigures;
}

type Labels = Readonly<Record<string, string>>;

/** One value, or one histogram, with its labels. */
export type Series<Value> = readonly [labels: Labels, value: Value];

interface Declared {
  /** Of a counter without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric. */
export type Metric =
  | Declared & { readonly type: "counter" | "gauge"; read(from: Read): readonly Series<number>[] }
  | Declared & { readonly type: "histogram"; read(from: Read): readonly Series<Histogram>[] };

const prefix = "crashloop_detector_";

function simple(type: "counter" | "gauge") {
  return (name: string, help: string, read: (from: Read) => number): Metric => (
    { type, name, help, labels: [], read: (from) => [[{}, read(from)]] }
  );
}

const counter = simple("counter");
const gauge = simple("gauge");

function perSink(
  type: "counter" | "gauge",
  name: string,
  help: string,
  read: (sink: Facts["sinks"][number], now: Nanoseconds) => number,
): Metric {
  return {
    type,
    name: prefix + name,
    help,
    labels: ["sink"],
    read: ({ facts }) => facts.sinks.map((sink) => [{ sink: sink.type }, read(sink, wallClock())]),
  };
}

/** Source, state and sinks, and how each stands. */
function parts({ source, state, sinks }: Facts) {
  return [
    { labels: { part: "source", type: source.type }, health: source.health },
    { labels: { part: "state", type: state.type }, health: state.commits.health },
    ...sinks.map(({ type, health }) => ({ labels: { part: "sink", type }, health })),
  ];
}

/** Every metric, in the order in which they are written. */
export const metrics: readonly Metric[] = [
  {
    type: "counter",
    name: `${prefix}messages`,
    help: "Messages that came from the source, by what they were.",
    labels: ["outcome"],
    read({ facts: { counters } }) {
      const { events, others, malformed } = counters.totals();
      return [[{ outcome: "event" }, events], [{ outcome: "other" }, others], [
        { outcome: "malformed" },
        malformed,
      ]];
    },
  },
  {
    type: "counter",
    name: `${prefix}events`,
    help: "Restarts, or failed runs, that were counted, or ignored and why.",
    labels: ["result"],
    read({ facts: { counters } }) {
      const { duplicate, requested, "outside-window": outside } = counters.events;
      const counted = counters.totals().events - duplicate - requested - outside;
      return [
        [{ result: "counted" }, counted],
        [{ result: "duplicate" }, duplicate],
        [{ result: "requested" }, requested],
        [{ result: "outside_window" }, outside],
      ];
    },
  },
  {
    type: "counter",
    name: `${prefix}alerts`,
    help: "Alerts about a loop: its first, repeats, and that it is over or given up.",
    labels: ["kind"],
    read: ({ facts: { counters } }) =>
      Object.entries(counters.alerts).map(([kind, count]) => [{ kind }, count]),
  },
  gauge(`${prefix}names`, "Names that are remembered.", ({ facts }) => facts.rule.names),
  gauge(`${prefix}loops`, "Loops that were told and go on.", ({ facts }) => facts.rule.looping),
  gauge(
    `${prefix}last_event_timestamp_seconds`,
    "Time of the newest event that came, 0 before the first.",
    ({ facts }) => seconds(facts.counters.newest),
  ),
  gauge(
    `${prefix}lag_seconds`,
    "How old the newest event is, 0 before the first. It grows while nothing happens.",
    ({ facts: { counters: { newest } } }) => newest === undefined ? 0 : seconds(wallClock() - newest),
  ),
  gauge(
    `${prefix}source_last_contact_timestamp_seconds`,
    "When the source connected, or something came from it, a heartbeat of Nomad's included; 0 before that.",
    ({ facts }) => seconds(facts.source.health.lastSeenAt),
  ),
  {
    type: "gauge",
    name: `${prefix}up`,
    help: "Whether the source, the state and each sink work: 1 or 0.",
    labels: ["part", "type"],
    read: ({ facts }) => parts(facts).map(({ labels, health }) => [labels, health.isUp ? 1 : 0]),
  },
  {
    type: "counter",
    name: `${prefix}reconnects`,
    help: "How often each worked again after an outage.",
    labels: ["part", "type"],
    read: ({ facts }) => parts(facts).map(({ labels, health }) => [labels, health.reconnects]),
  },
  {
    type: "counter",
    name: `${prefix}deliveries`,
    help: "Attempts to send an alert, by how they ended; one that is refused is given up.",
    labels: ["sink", "result"],
    read: ({ facts }) =>
      facts.sinks.flatMap(({ type: sink, attempts }) =>
        Object.entries(attempts).map(([result, count]) => [{ sink, result }, count] as const)
      ),
  },
  {
    type: "histogram",
    name: `${prefix}delivery_seconds`,
    help: "How long an attempt took until the sink confirmed the alert.",
    labels: ["sink"],
    read: ({ facts }) => facts.sinks.map(({ type: sink, seconds }) => [{ sink }, seconds]),
  },
  perSink(
    "gauge",
    "outbox_alerts",
    "Alerts that a sink has not confirmed.",
    ({ unconfirmed }) => unconfirmed,
  ),
  perSink(
    "gauge",
    "outbox_oldest_age_seconds",
    "How long the oldest of them has waited, since the program's start at most; 0 where none waits.",
    ({ oldest }, now) => oldest === undefined ? 0 : seconds(now - oldest),
  ),
  {
    type: "histogram",
    name: `${prefix}commit_seconds`,
    help: "How long a commit to the state file took.",
    labels: [],
    read: ({ facts }) => [[{}, facts.state.commits.seconds]],
  },
  counter(
    `${prefix}log_lines_dropped`,
    "Lines of the log that were dropped, since nobody read stderr.",
    ({ facts }) => facts.log.dropped ?? 0,
  ),
  gauge(
    `${prefix}event_loop_lag_seconds`,
    "The longest that a timer was late in the last 15 s.",
    ({ process }) => process.lag,
  ),
  gauge(`${prefix}heap_used_bytes`, "Memory of JavaScript in use.", ({ process }) => process.memory.heapUsed),
  gauge(
    `${prefix}heap_size_bytes`,
    "Memory of JavaScript, used or not.",
    ({ process }) => process.memory.heapTotal,
  ),
  {
    type: "gauge",
    name: `${prefix}build_info`,
    help: "Always 1; the label tells the version.",
    labels: ["version"],
    read: ({ facts: { version } }) => [[{ version }, 1]],
  },
  counter("process_cpu_seconds", "Time of the processor that was used.", ({ process }) => process.cpuSeconds),
  gauge("process_resident_memory_bytes", "Memory in RAM.", ({ process }) => process.memory.rss),
  gauge("process_start_time_seconds", "When the process began.", ({ process }) => process.startedAt),
];

function seconds(time: Nanoseconds | undefined): number {
  return time === undefined ? 0 : Number(time / 1000n) / 1_000_000;
}

/** How metrics are written. */
export type Format = "text" | "openmetrics";

/** The content type of each format. */
export const contentTypes: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The format that a client prefers, by its `Accept`. */
export function formatFor(accept: string | null): Format {
  const weight = (type: string) => {
    const range = (accept ?? "").toLowerCase().split(",").map((one) => one.trim())
      .find((one) => one.split(";")[0]!.trim() === type);
    if (range === undefined) return 0;
    return Number(/;\s*q=([0-9.]+)/.exec(range)?.[1] ?? 1) || 0;
  };
  const open = weight("application/openmetrics-text");
  return open > 0 && open >= weight("text/plain") ? "openmetrics" : "text";
}

/** All metrics as text. */
export function write(from: Read, format: Format, all: readonly Metric[] = metrics): string {
  const lines: string[] = [];
  for (const metric of all) {
    const { name, type } = metric;
    const sample = type === "counter" ? `${name}_total` : name;
    const family = format === "openmetrics" ? name : sample;
    lines.push(`# HELP ${family} ${escape(metric.help)}`, `# TYPE ${family} ${type}`);
    if (metric.type === "histogram") {
      for (const [labels, histogram] of metric.read(from)) {
        lines.push(...histogramLines(name, labels, histogram, format));
      }
    } else {
      for (const [labels, value] of metric.read(from)) lines.push(`${sample}${written(labels)} ${value}`);
    }
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.join("\n") + "\n";
}

function histogramLines(
  name: string,
  labels: Labels,
  { bounds, counts, sum }: Histogram,
  format: Format,
): string[] {
  let below = 0;
  const buckets = [...bounds.map((bound) => bucket(bound, format)), "+Inf"].map((le, index) => {
    below += counts[index]!;
    return `${name}_bucket${written({ ...labels, le })} ${below}`;
  });
  return [...buckets, `${name}_sum${written(labels)} ${sum}`, `${name}_count${written(labels)} ${below}`];
}

/** OpenMetrics wants a point in it. */
function bucket(bound: number, format: Format): string {
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escape(value).replaceAll('"', '\\"')}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
