// The metrics: each is declared once, in a table that yields the exposition and the README's table.
// Names follow https://prometheus.io/docs/practices/naming/; every series exists from the start.
import type { Histogram } from "../../lib/histogram.ts";
import { wallClock } from "../../lib/time.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { RuntimeInfo } from "../runtime_info.ts";
import type { ProcessStats } from "./process_stats.ts";

/** Where the values are read from. */
export interface MetricsInput {
  readonly runtime: RuntimeInfo;
  readonly process: ProcessStats;
}

/** Labels with their values. */
export type Labels = Readonly<Record<string, string>>;

/** One value, or one histogram, with its labels. */
export type Series<Value> = readonly [labels: Labels, value: Value];

interface Declaration {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric. */
export type Metric =
  | Declaration & { readonly type: "counter" | "gauge"; read(from: MetricsInput): readonly Series<number>[] }
  | Declaration & { readonly type: "histogram"; read(from: MetricsInput): readonly Series<Histogram>[] };

const prefix = "crashloop_detector_";

function simple(type: "counter" | "gauge") {
  return (name: string, help: string, read: (from: MetricsInput) => number): Metric => (
    { type, name, help, labels: [], read: (from) => [[{}, read(from)]] }
  );
}

const counter = simple("counter");
const gauge = simple("gauge");

function perSink(
  type: "counter" | "gauge",
  name: string,
  help: string,
  read: (sink: RuntimeInfo["sinks"][number], now: Nanoseconds) => number,
): Metric {
  return {
    type,
    name: prefix + name,
    help,
    labels: ["sink"],
    read: ({ runtime }) => runtime.sinks.map((sink) => [{ sink: sink.name }, read(sink, wallClock())]),
  };
}

/** The health of the source, the state and each sink. */
function components({ source, state, sinks }: RuntimeInfo) {
  return [
    { labels: { component: "source", type: source.type }, health: source.health },
    { labels: { component: "state", type: state.type }, health: state.commits.health },
    ...sinks.map(({ name: type, health }) => ({ labels: { component: "sink", type }, health })),
  ];
}

/** Every metric, in the order in which they are written. */
export const metrics: readonly Metric[] = [
  {
    type: "counter",
    name: `${prefix}messages_total`,
    help: "Messages received from the source.",
    labels: ["result"],
    read({ runtime: { counters } }) {
      const { events, others, malformed } = counters.totals();
      return [
        [{ result: "event" }, events],
        [{ result: "other" }, others],
        [{ result: "malformed" }, malformed],
      ];
    },
  },
  {
    type: "counter",
    name: `${prefix}events_total`,
    help: "Restarts or failed runs: counted, or ignored for this reason.",
    labels: ["result"],
    read({ runtime: { counters } }) {
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
    name: `${prefix}notifications_total`,
    help: "Notifications about crash loops.",
    labels: ["reason"],
    read: ({ runtime: { counters } }) =>
      Object.entries(counters.alerts).map(([reason, count]) => [{ reason }, count]),
  },
  {
    type: "counter",
    name: `${prefix}group_notifications_total`,
    help: "Notifications about groups of crash loops, which people get in place of each loop.",
    labels: ["reason"],
    read: ({ runtime: { counters } }) =>
      Object.entries(counters.groups).map(([reason, count]) => [{ reason }, count]),
  },
  gauge(`${prefix}tracked_keys`, "Tracked allocations or tasks.", ({ runtime }) => runtime.rule.names),
  gauge(
    `${prefix}active_loops`,
    "Active crash loops, without those that Nomad has given up.",
    ({ runtime }) => runtime.rule.looping,
  ),
  gauge(
    `${prefix}last_event_timestamp_seconds`,
    "Time of the newest event since the Unix epoch, 0 before the first.",
    ({ runtime }) => seconds(runtime.counters.newest),
  ),
  gauge(
    `${prefix}source_last_contact_timestamp_seconds`,
    "Time of the last data or heartbeat from the source since the Unix epoch, 0 before it connects.",
    ({ runtime }) => seconds(runtime.source.health.lastSeenAt),
  ),
  {
    type: "gauge",
    name: `${prefix}up`,
    help: "Whether the component works: 1 for up, 0 for down.",
    labels: ["component", "type"],
    read: ({ runtime }) => components(runtime).map(({ labels, health }) => [labels, health.isUp ? 1 : 0]),
  },
  {
    type: "counter",
    name: `${prefix}reconnects_total`,
    help: "Recoveries of the component after an outage.",
    labels: ["component", "type"],
    read: ({ runtime }) => components(runtime).map(({ labels, health }) => [labels, health.reconnects]),
  },
  {
    type: "counter",
    name: `${prefix}notification_attempts_total`,
    help: "Attempts to send an alert to a sink. A rejected alert is dropped, a failed attempt is retried.",
    labels: ["sink", "result"],
    read: ({ runtime }) =>
      runtime.sinks.flatMap(({ name: sink, attempts }) =>
        Object.entries(attempts).map(([result, count]) => [{ sink, result }, count] as const)
      ),
  },
  {
    type: "histogram",
    name: `${prefix}notification_latency_seconds`,
    help: "Time until the sink confirmed an alert.",
    labels: ["sink"],
    read: ({ runtime }) => runtime.sinks.map(({ name: sink, seconds }) => [{ sink }, seconds]),
  },
  perSink(
    "gauge",
    "outbox_alerts",
    "Alerts pending confirmation by the sink.",
    ({ unconfirmed }) => unconfirmed,
  ),
  perSink(
    "gauge",
    "outbox_oldest_age_seconds",
    "Age of the oldest pending alert, counted from the start of the process at most; 0 if none is pending.",
    ({ oldest }, now) => oldest === undefined ? 0 : seconds(now - oldest),
  ),
  {
    type: "histogram",
    name: `${prefix}commit_seconds`,
    help: "Duration of a commit to the state file.",
    labels: [],
    read: ({ runtime }) => [[{}, runtime.state.commits.seconds]],
  },
  counter(
    `${prefix}log_lines_dropped_total`,
    "Log lines dropped because stderr was not read.",
    ({ runtime }) => runtime.log.dropped ?? 0,
  ),
  gauge(
    `${prefix}event_loop_lag_seconds`,
    "Maximum event-loop lag over the last 15 s.",
    ({ process }) => process.lag,
  ),
  gauge(`${prefix}heap_used_bytes`, "JavaScript heap in use.", ({ process }) => process.memory.heapUsed),
  gauge(
    `${prefix}heap_size_bytes`,
    "JavaScript heap allocated.",
    ({ process }) => process.memory.heapTotal,
  ),
  {
    type: "gauge",
    name: `${prefix}build_info`,
    help: "Always 1, with the version as label.",
    labels: ["version"],
    read: ({ runtime: { version } }) => [[{ version }, 1]],
  },
  counter(
    "process_cpu_seconds_total",
    "Total user and system CPU time.",
    ({ process }) => process.cpuSeconds,
  ),
  gauge("process_resident_memory_bytes", "Resident memory size.", ({ process }) => process.memory.rss),
  gauge(
    "process_start_time_seconds",
    "Start time of the process since the Unix epoch.",
    ({ process }) => process.startedAt,
  ),
];

function seconds(time: Nanoseconds | undefined): number {
  return time === undefined ? 0 : Number(time / 1000n) / 1_000_000;
}
