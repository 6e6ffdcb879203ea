// The metrics as Prometheus reads them.
import assert from "node:assert/strict";
import { Histogram } from "../../../src/lib/histogram.ts";
import { write } from "../../../src/status/metrics/exposition.ts";
import { type Metric, metrics, type MetricsInput } from "../../../src/status/metrics/metrics.ts";
import { ProcessStats } from "../../../src/status/metrics/process_stats.ts";
import { lane, runtimeInfo } from "../../helpers/status.ts";

const histogram = new Histogram([0.5, 1]);
for (const seconds of [0.25, 0.5, 0.75, 5]) histogram.observe(seconds);

const few: readonly Metric[] = [
  {
    type: "counter",
    name: "a_total",
    help: "A \\ and\na line.",
    labels: ["l"],
    read: () => [[{ l: 'q"\\\n' }, 1], [{ l: "" }, 0]],
  },
  { type: "gauge", name: "b", help: "B.", labels: [], read: () => [[{}, 1.5]] },
  { type: "histogram", name: "c", help: "C.", labels: ["s"], read: () => [[{ s: "x" }, histogram]] },
];

Deno.test("write() writes the text format 0.0.4", () => {
  assert.equal(
    write({} as MetricsInput, few),
    `# HELP a_total A \\\\ and\\na line.
# TYPE a_total counter
a_total{l="q\\"\\\\\\n"} 1
a_total{l=""} 0
# HELP b B.
# TYPE b gauge
b 1.5
# HELP c C.
# TYPE c histogram
c_bucket{s="x",le="0.5"} 2
c_bucket{s="x",le="1"} 3
c_bucket{s="x",le="+Inf"} 4
c_sum{s="x"} 6.5
c_count{s="x"} 4
`,
  );
});

/** All metrics of a program, by series. */
function read(from: Partial<MetricsInput["runtime"]> = {}): Map<string, number> {
  using process = new ProcessStats();
  const lines = write({ runtime: runtimeInfo(from), process }).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("write() has every series of the table from the start, with its declared labels", () => {
  const series = read();
  for (const { name, type, labels } of metrics) {
    const sample = type === "histogram" ? `${name}_count` : name;
    const found = [...series.keys()].filter((key) => key === sample || key.startsWith(`${sample}{`));
    assert.ok(found.length > 0, sample);
    for (const key of found) {
      const names = [...key.matchAll(/[{,](\w+)=/g)].map(([, label]) => label!);
      assert.deepEqual(names, labels, key);
    }
  }
  assert.ok(series.size > 40);
  assert.equal(series.get('crashloop_detector_events_total{result="outside_window"}'), 0);
  assert.equal(series.get('crashloop_detector_up{component="source",type="amqp"}'), 0);
  assert.equal(series.get('crashloop_detector_build_info{version="1.2.3"}'), 1);
  assert.equal(series.get("crashloop_detector_last_event_timestamp_seconds"), 0);
  assert.ok(series.get("process_cpu_seconds_total")! > 0);
  assert.ok(series.get("process_resident_memory_bytes")! > 1e6);
  assert.ok(Math.abs(series.get("process_start_time_seconds")! - Date.now() / 1000) < 3600);
});

Deno.test("write() reads counters, the last event and the age of pending alerts", () => {
  const from = runtimeInfo();
  Object.assign(from.counters.events, {
    first: 1,
    "below-threshold": 3,
    duplicate: 2,
    "outside-window": 4,
    requested: 5,
  });
  from.counters.others = 7;
  from.counters.malformed = 8;
  from.counters.alerts.resolved = 9;
  from.counters.newest = 1_764_000_000_250_000_000n;
  const oldest = BigInt(Date.now() - 300_000) * 1_000_000n;
  const series = read({ ...from, sinks: [lane({ unconfirmed: 3, oldest }), lane({ name: "amqp" })] });
  const expected = {
    'messages_total{result="event"}': 15,
    'messages_total{result="other"}': 7,
    'messages_total{result="malformed"}': 8,
    'events_total{result="counted"}': 4,
    'events_total{result="duplicate"}': 2,
    'events_total{result="requested"}': 5,
    'events_total{result="outside_window"}': 4,
    'notifications_total{reason="resolved"}': 9,
    "last_event_timestamp_seconds": 1_764_000_000.25,
    'outbox_alerts{sink="stdout"}': 3,
    'outbox_oldest_age_seconds{sink="amqp"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(series.get(`crashloop_detector_${name}`), value, name);
  }
  const about = (name: string, value: number) => {
    const found = series.get(`crashloop_detector_${name}`)!;
    assert.ok(found >= value && found < value + 60, `${name} ${found}`);
  };
  about('outbox_oldest_age_seconds{sink="stdout"}', 300);
});
