// Writes metrics in the text format of Prometheus, version 0.0.4.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import type { Histogram } from "../../lib/histogram.ts";
import { type Labels, type Metric, metrics, type MetricsInput } from "./metrics.ts";

/** The content type of the text format. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics in the text format 0.0.4. */
export function write(from: MetricsInput, all: readonly Metric[] = metrics): string {
  const lines: string[] = [];
  for (const metric of all) {
    const { name, type } = metric;
    lines.push(`# HELP ${name} ${escape(metric.help)}`, `# TYPE ${name} ${type}`);
    if (metric.type === "histogram") {
      for (const [labels, histogram] of metric.read(from)) {
        lines.push(...histogramLines(name, labels, histogram));
      }
    } else {
      for (const [labels, value] of metric.read(from)) lines.push(`${name}${written(labels)} ${value}`);
    }
  }
  return lines.join("\n") + "\n";
}

function histogramLines(name: string, labels: Labels, { bounds, counts, sum }: Histogram): string[] {
  let below = 0;
  const buckets = [...bounds, "+Inf"].map((le, index) => {
    below += counts[index]!;
    return `${name}_bucket${written({ ...labels, le: `${le}` })} ${below}`;
  });
  return [...buckets, `${name}_sum${written(labels)} ${sum}`, `${name}_count${written(labels)} ${below}`];
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
