// What `replay` prints of one rule: a table for people, an object for programs.
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import type { RulePlan } from "../../detection/settings.ts";
import { sparkline } from "./timeline.ts";
import { formatTime } from "../../lib/time.ts";
import type { Notified, Trial } from "./simulation.ts";

/** Columns of a sparkline. */
const columns = 24;
const second = 1_000_000_000n;

/** What was read, whatever the rule. */
export interface ReadTotals {
  /** Lines that are not blank, and updates: a line of the event stream can bring none or several. */
  lines: number;
  updates: number;
  malformed: number;
}

/** Writes what was told, the earliest first, and the totals. */
export function writeReplay(trial: Trial, totals: ReadTotals, json: boolean): string {
  const notified = [...trial.notified.values()].sort((a, b) =>
    a.first < b.first || (a.first === b.first && a.name < b.name) ? -1 : 1
  );
  if (json) {
    const object = {
      ...totalsObject(trial, totals),
      notified: notified.map((one) => toldObject(trial, one)),
    };
    return JSON.stringify(object) + "\n";
  }
  const table = notified.length === 0 ? "Nothing would have been told.\n" : tableOf(trial, notified);
  return `${table}\n${totalsText(trial, totals)}`;
}

function tableOf(trial: Trial, notified: readonly Notified[]): string {
  const { restarts: heading, what } = words(trial.plan);
  const rows = notified.map(({ name, first, last, notifications }) => {
    const { total, history } = trial.restartsOf(name);
    return [
      plain(name),
      formatTime(first / second * second),
      formatTime(last / second * second),
      grouped(notifications),
      grouped(total),
      sparkline(history.columns(columns)),
    ];
  });
  const when = `${heading} from begin to end`;
  return textTable([what, "first told", "last told", "told", heading, when], rows, new Set([3, 4]));
}

/** Cells in columns, those with numbers at the right. */
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

/** What a rule tells about, and what it counts, in the plural. */
export function words({ type }: RulePlan): { readonly what: string; readonly restarts: string } {
  return type === "failures"
    ? { what: "task", restarts: "failed runs" }
    : { what: "allocation", restarts: "restarts" };
}

/** How a number is written for people: `1,798`. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** The totals, a line each for what was read, what was counted and what was told. */
export function totalsText(trial: Trial, { lines, updates, malformed }: ReadTotals): string {
  const { counted, duplicates, requested, outsideWindow, alerts } = trial.counts;
  const others = updates - duplicates - requested - outsideWindow - trial.events;
  return `read     ${readText(trial, { lines, updates, malformed })}\n` +
    `counted  ${plural(counted, trial.countsWhat)}; not counted: ${grouped(duplicates)} seen before, ` +
    `${grouped(requested)} requested, ${grouped(outsideWindow)} too old; ${
      plural(others, "other update")
    }\n` +
    `told     ${alertsText(trial.notified.size, alerts, trial.plan)}\n`;
}

function alertsText(notified: number, alerts: number, plan: RulePlan): string {
  const { what } = words(plan);
  return `${plural(alerts, "notification")} about ${plural(notified, what)}, with ${thresholdsText(plan)}`;
}

/** What was read, in words. */
export function readText(trial: Trial, { lines, updates, malformed }: ReadTotals): string {
  const { span } = trial;
  const time = span === undefined
    ? ""
    : `, from ${shortTime(span.first)} to ${shortTime(span.last)} (${shortDuration(span.last - span.first)})`;
  return `${plural(lines, "line")} with ${plural(updates, "update")}${time}; ${grouped(malformed)} malformed`;
}

/** The rule and its thresholds, in words: `restarts, 5 in 5m, told again each 5m`. */
export function thresholdsText(plan: RulePlan): string {
  const { type, thresholds } = plan;
  const limit = type === "failures"
    ? `${thresholds.restartCount} in a row, none of ${formatDuration(thresholds.stableAfter)}`
    : `${thresholds.restartCount} in ${formatDuration(thresholds.restartInterval)}`;
  return `the rule ${type}: ${limit}; again each ${formatDuration(thresholds.notificationInterval)}`;
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
export function totalsObject(trial: Trial, totals: ReadTotals): Record<string, unknown> {
  const { span, counts, plan } = trial;
  const { counted, duplicates, requested, outsideWindow, alerts } = counts;
  return {
    rule: ruleObject(plan),
    from: span === undefined ? null : formatTime(span.first),
    to: span === undefined ? null : formatTime(span.last),
    lines: totals.lines,
    updates: totals.updates,
    malformed: totals.malformed,
    counted,
    notCounted: { duplicates, requested, outsideWindow },
    others: totals.updates - trial.events - duplicates - requested - outsideWindow,
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

function toldObject(
  trial: Trial,
  { name, first, last, notifications, over }: Notified,
): Record<string, unknown> {
  const { total, history } = trial.restartsOf(name);
  return {
    name,
    firstNotifiedAt: formatTime(first),
    lastNotifiedAt: formatTime(last),
    notifications,
    over,
    restarts: total,
    timeline: history.columns(columns),
  };
}
