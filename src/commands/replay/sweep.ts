// The sweep of `replay`: simulates each combination of several values of thresholds, and compares it with the settings in
// force.
import { formatDuration } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import { grouped, readText, type ReadTotals, ruleObject, textTable, totalsObject, words } from "./report.ts";
import { planRule, type RulePlan, ruleSettings } from "../../detection/settings.ts";
import { flagOf, type Input, namesOf } from "../../lib/settings/setting.ts";
import type { Simulation } from "./simulation.ts";

const { restartCount, restartInterval, stableAfter, notificationInterval, ignoreRequested } = ruleSettings;
/** The settings that can have several values, each with the rule if only one uses it. */
const varied = [
  { setting: restartCount },
  { setting: restartInterval, rule: "restarts" },
  { setting: stableAfter, rule: "failures" },
  { setting: notificationInterval },
] as const;

/** Nobody can choose among more. */
const maxCombinations = 200;
/** Keys that are named in a change. */
const maxNames = 5;

/** The rules of a sweep; undefined if no flag has several values, or with the reasons in `input.problems`. */
export function planSweep(input: Input, source: string): RulePlan[] | undefined {
  const lists = varied.map(({ setting, ...only }) => {
    const flag = flagOf(setting);
    const words = input.flags[flag]?.split(",").map((word) => word.trim()) ?? [];
    return { setting, flag, words: [...new Set(words)], isList: words.length > 1, ...only };
  }).filter(({ isList }) => isList);
  if (lists.length === 0) return undefined;
  const count = lists.reduce((count, { words }) => count * words.length, 1);
  if (count > maxCombinations) {
    input.problems.push(
      `found ${
        grouped(count)
      } combinations of thresholds; expected at most ${maxCombinations}, so give fewer values`,
    );
    return undefined;
  }
  let inputs: Input[] = [input];
  for (const { flag, words } of lists) {
    inputs = inputs.flatMap((input) =>
      words.map((word) => ({ ...input, flags: { ...input.flags, [flag]: word } }))
    );
  }
  const plans = inputs.map((input) => planRule(input, source)).filter((plan) => plan !== undefined);
  for (const { setting, rule } of lists as { setting: typeof restartCount; rule?: string }[]) {
    if (rule === undefined || plans.length === 0 || plans[0]!.type === rule) continue;
    input.problems.push(
      `${namesOf(setting)}: found several values, which the rule ${plans[0]!.type} ignores; ` +
        `expected them with --rule ${rule}`,
    );
  }
  return input.problems.length === 0 ? plans : undefined;
}

/** The settings in force: the variables and the defaults. Thresholds given as flags are the candidates. */
export function currentInput(input: Input): Input {
  const flags = { ...input.flags };
  for (const { setting } of [...varied, { setting: ignoreRequested }]) delete flags[flagOf(setting)];
  return { ...input, flags };
}

/** How a combination differs from the settings in force. */
interface Change {
  readonly simulation: Simulation;
  /** It equals the settings in force. */
  readonly isCurrent: boolean;
  readonly added: readonly string[];
  readonly missing: readonly string[];
}

/** Writes the sweep: a row for the settings in force and for each combination. */
export function writeSweep(
  current: Simulation,
  sweep: readonly Simulation[],
  totals: ReadTotals,
  json: boolean,
): string {
  const inForce = JSON.stringify(ruleObject(current.plan));
  const changes = sweep.map((simulation): Change => ({
    simulation,
    isCurrent: JSON.stringify(ruleObject(simulation.plan)) === inForce,
    added: [...simulation.notified.keys()].filter((name) => !current.notified.has(name)).sort(),
    missing: [...current.notified.keys()].filter((name) => !simulation.notified.has(name)).sort(),
  }));
  return json ? sweepJson(current, changes, totals) : sweepText(current, changes, totals);
}

function sweepText(current: Simulation, changes: readonly Change[], totals: ReadTotals): string {
  const { what, restarts } = words(current.plan);
  const isFailures = current.plan.type === "failures";
  const row = ({ plan: { thresholds }, notified, counters }: Simulation, change: string) => [
    grouped(thresholds.restartCount),
    formatDuration(isFailures ? thresholds.stableAfter : thresholds.restartInterval),
    formatDuration(thresholds.notificationInterval),
    grouped(notified.size),
    grouped(counters.notified),
    change,
  ];
  const head = [
    restarts,
    isFailures ? "stable after" : "in",
    "repeat after",
    `${what}s`,
    "alerts",
    "change",
  ];
  const rows = [
    row(current, "the settings in force"),
    ...changes.filter(({ isCurrent }) => !isCurrent).map((change) =>
      row(change.simulation, changeText(change))
    ),
  ];
  return `${textTable(head, rows, new Set([0, 1, 2, 3, 4]))}\nread  ${readText(current, totals)}\n`;
}

function changeText({ added, missing }: Change): string {
  const parts = [...named("new", added), ...named("missing", missing)];
  return parts.length === 0 ? "none" : parts.join("; ");
}

/** `2 new: a, b`; only the first of many keys. */
function named(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, maxNames).map(plain).join(", ");
  const more = names.length - maxNames;
  return [`${grouped(names.length)} ${what}: ${shown}${more > 0 ? ` and ${grouped(more)} more` : ""}`];
}

function sweepJson(current: Simulation, changes: readonly Change[], totals: ReadTotals): string {
  const { rule: _, from, to, lines, updates, malformed } = totalsObject(current, totals);
  const object = {
    from,
    to,
    lines,
    updates,
    malformed,
    current: simulationObject(current),
    sweep: changes.map(({ simulation, isCurrent, added, missing }) => ({
      ...simulationObject(simulation),
      isCurrent,
      new: added,
      missing,
    })),
  };
  return JSON.stringify(object) + "\n";
}

function simulationObject({ plan, notified, counters }: Simulation): Record<string, unknown> {
  return { rule: ruleObject(plan), notified: notified.size, notifications: counters.notified };
}
