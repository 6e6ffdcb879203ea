// What `replay` prints of one rule: a table for people, an object for programs.
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import type { RulePlan } from "../../detection/settings.ts";
import { sparkline } from "./timeline.ts";
import { formatTime } from "../../lib/time.ts";
import type { Notified, Simulation } from "./simulation.ts";

/** Columns of a sparkline. */
const columns = 24;
const second = 1_000_000_000n;

/** What was read, the same for every rule. */
export interface ReadTotals {
  /** Lines that are not blank, and updates: a line of the event stream can bring none or several. */
  lines: number;
  updates: number;
  malformed: number;
}

/** Writes a row for each notified key, the earliest first, and the totals. */
export function writeReplay(simulation: Simulation, totals: ReadTotals, json: boolean): string {
  const notified = [...simulation.notified.values()].sort((a, b) =>
    a.first < b.first || (a.first === b.first && a.name < b.name) ? -1 : 1
  );
  if (json) {
    const object = {
      ...totalsObject(simulation, totals),
      notified: notified.map((one) => notifiedObject(simulation, one)),
    };
    return JSON.stringify(object) + "\n";
  }
  const table = notified.length === 0 ? "No alert would have been sent.\n" : tableOf(simulation, notified);
  return `${table}\n${totalsText(simulation, totals)}`;
}

function tableOf(simulation: Simulation, notified: readonly Notified[]): string {
  const { restarts: heading, what } = words(simulation.plan);
  const rows = notified.map(({ name, first, last, notifications }) => {
    const { total, timeline } = simulation.restartsOf(name);
    return [
      plain(name),
      formatTime(first / second * second),
      formatTime(last / second * second),
      grouped(notifications),
      grouped(total),
      sparkline(timeline.columns(columns)),
    ];
  });
  const when = `${heading} over time`;
  return textTable([what, "first alert", "last alert", "alerts", heading, when], rows, new Set([3, 4]));
}

/** Aligns cells in columns, those with numbers to the right. */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: ReadonlySet<number>,
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => [...row[column]!].length)));
  return all.map((row) =>
    row.map((cell, column) => {
      const space = " ".repeat(widths[column]! - [...cell].length);
      return numbers.has(column) ? space + cell : cell + space;
    }).join("  ").trimEnd() + "\n"
  ).join("");
}

/** What a rule tracks, and what it counts, in the plural. */
export function words({ type }: RulePlan): { readonly what: string; readonly restarts: string } {
  return type === "failures"
    ? { what: "task", restarts: "failed runs" }
    : { what: "allocation", restarts: "restarts" };
}

/** The number with grouped digits: `1,798`. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** The totals: a line each for what was read, what was counted and the alerts. */
export function totalsText(simulation: Simulation, { lines, updates, malformed }: ReadTotals): string {
  const { events, duplicates, requested, outsideWindow, alerts } = simulation.counters.totals();
  return `read     ${readText(simulation, { lines, updates, malformed })}\n` +
    `counted  ${plural(simulation.counted, simulation.countsWhat)}; not counted: ${
      grouped(duplicates)
    } duplicates, ` +
    `${grouped(requested)} requested, ${grouped(outsideWindow)} too old; ${
      plural(updates - events, "other update")
    }\n` +
    `alerts   ${alertsText(simulation.notified.size, alerts, simulation.plan)}\n`;
}

function alertsText(notified: number, alerts: number, plan: RulePlan): string {
  const { what } = words(plan);
  return `${grouped(alerts)} for ${plural(notified, what)}, with ${thresholdsText(plan)}`;
}

/** What was read: `9 lines with 9 updates, from … to … (7m); 0 malformed`. */
export function readText(simulation: Simulation, { lines, updates, malformed }: ReadTotals): string {
  const { span } = simulation;
  const time = span === undefined
    ? ""
    : `, from ${shortTime(span.first)} to ${shortTime(span.last)} (${shortDuration(span.last - span.first)})`;
  return `${plural(lines, "line")} with ${plural(updates, "update")}${time}; ${grouped(malformed)} malformed`;
}

/** The rule and its thresholds: `the rule restarts: 5 in 5m; repeat after 5m`. */
export function thresholdsText(plan: RulePlan): string {
  const { type, thresholds } = plan;
  const limit = type === "failures"
    ? `${thresholds.restartCount} in a row, none of ${formatDuration(thresholds.stableAfter)}`
    : `${thresholds.restartCount} in ${formatDuration(thresholds.restartInterval)}`;
  return `the rule ${type}: ${limit}; repeat after ${formatDuration(thresholds.notificationInterval)}`;
}

function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

function shortTime(time: Nanoseconds): string {
  return formatTime(time / second * second);
}

function shortDuration(duration: Nanoseconds): string {
  const unit = duration >= second ? second : 1_000_000n;
  return formatDuration(duration / unit * unit);
}

/** The totals as JSON has them. */
export function totalsObject(simulation: Simulation, totals: ReadTotals): Record<string, unknown> {
  const { span, plan, counted } = simulation;
  const { events, duplicates, requested, outsideWindow, alerts } = simulation.counters.totals();
  return {
    rule: ruleObject(plan),
    from: span === undefined ? null : formatTime(span.first),
    to: span === undefined ? null : formatTime(span.last),
    lines: totals.lines,
    updates: totals.updates,
    malformed: totals.malformed,
    counted,
    notCounted: { duplicates, requested, outsideWindow },
    others: totals.updates - events,
    notifications: alerts,
  };
}

/** The rule and those of its thresholds that it uses, as JSON has them. */
export function ruleObject({ type, thresholds, payload }: RulePlan): Record<string, unknown> {
  const { restartCount, restartInterval, stableAfter, notificationInterval, notifyResolved } = thresholds;
  return {
    type,
    restartCount,
    ...(type === "failures" ? { stableAfter: formatDuration(stableAfter) } : {
      restartInterval: formatDuration(restartInterval),
      ignoreRequested: thresholds.ignoreRequested ?? false,
    }),
    notificationInterval: formatDuration(notificationInterval),
    notifyResolved: notifyResolved && payload === "full",
  };
}

function notifiedObject(
  simulation: Simulation,
  { name, first, last, notifications, resolved }: Notified,
): Record<string, unknown> {
  const { total, timeline } = simulation.restartsOf(name);
  return {
    name,
    firstNotifiedAt: formatTime(first),
    lastNotifiedAt: formatTime(last),
    notifications,
    resolved,
    restarts: total,
    timeline: timeline.columns(columns),
  };
}
