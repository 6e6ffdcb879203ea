// The grid of `replay`: several values for a threshold, each combination tried on the recording, and what would change
// against the settings that are in force.
import { formatDuration } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import { grouped, readText, type ReadTotals, ruleObject, textTable, totalsObject, words } from "./report.ts";
import { planRule, type RulePlan, ruleSettings } from "../../detection/settings.ts";
import { flagOf, type Input, namesOf } from "../../lib/settings/setting.ts";
import type { Trial } from "./simulation.ts";

const { restartCount, restartInterval, stableAfter, notificationInterval, ignoreRequested } = ruleSettings;
/** The settings that can have several values, and the rule that alone uses one. */
const varied = [
  { setting: restartCount },
  { setting: restartInterval, rule: "restarts" },
  { setting: stableAfter, rule: "failures" },
  { setting: notificationInterval },
] as const;

/** More combinations are no longer to choose by. */
const maxCombinations = 200;
/** How many names are shown of those that change. */
const maxNames = 5;

/** The rules of a grid; undefined where no flag has several values, or with the reasons in `input.problems`. */
export function planGrid(input: Input, source: string): RulePlan[] | undefined {
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
      `${namesOf(setting)}: found several values, for which the rule ${plans[0]!.type} has no use; ` +
        `expected them with --rule ${rule}`,
    );
  }
  return input.problems.length === 0 ? plans : undefined;
}

/** The settings that are in force: the variables and the defaults. Thresholds given as flags are the candidates. */
export function currentInput(input: Input): Input {
  const flags = { ...input.flags };
  for (const { setting } of [...varied, { setting: ignoreRequested }]) delete flags[flagOf(setting)];
  return { ...input, flags };
}

/** How a combination differs from the settings in force. */
interface Change {
  readonly trial: Trial;
  /** It is what is in force. */
  readonly isCurrent: boolean;
  readonly added: readonly string[];
  readonly missing: readonly string[];
}

/** Writes the grid: a row for the settings in force and for each combination. */
export function writeGrid(current: Trial, grid: readonly Trial[], totals: ReadTotals, json: boolean): string {
  const inForce = JSON.stringify(ruleObject(current.plan));
  const changes = grid.map((trial): Change => ({
    trial,
    isCurrent: JSON.stringify(ruleObject(trial.plan)) === inForce,
    added: [...trial.notified.keys()].filter((name) => !current.notified.has(name)).sort(),
    missing: [...current.notified.keys()].filter((name) => !trial.notified.has(name)).sort(),
  }));
  return json ? gridJson(current, changes, totals) : gridText(current, changes, totals);
}

function gridText(current: Trial, changes: readonly Change[], totals: ReadTotals): string {
  const { what, restarts } = words(current.plan);
  const isLoops = current.plan.type === "failures";
  const row = ({ plan: { thresholds }, notified, counts }: Trial, change: string) => [
    grouped(thresholds.restartCount),
    formatDuration(isLoops ? thresholds.stableAfter : thresholds.restartInterval),
    formatDuration(thresholds.notificationInterval),
    grouped(notified.size),
    grouped(counts.alerts),
    change,
  ];
  const head = [
    restarts,
    isLoops ? "stable after" : "in",
    "again each",
    `${what}s told`,
    "notifications",
    "change",
  ];
  const rows = [
    row(current, "the settings in force"),
    ...changes.filter(({ isCurrent }) => !isCurrent).map((change) => row(change.trial, changeText(change))),
  ];
  return `${textTable(head, rows, new Set([0, 1, 2, 3, 4]))}\nread  ${readText(current, totals)}\n`;
}

function changeText({ added, missing }: Change): string {
  const parts = [...named("new", added), ...named("missing", missing)];
  return parts.length === 0 ? "none" : parts.join("; ");
}

/** `2 new: a, b`; of many names the first ones. */
function named(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, maxNames).map(plain).join(", ");
  const more = names.length - maxNames;
  return [`${grouped(names.length)} ${what}: ${shown}${more > 0 ? ` and ${grouped(more)} more` : ""}`];
}

function gridJson(current: Trial, changes: readonly Change[], totals: ReadTotals): string {
  const { rule: _, from, to, lines, updates, malformed } = totalsObject(current, totals);
  const object = {
    from,
    to,
    lines,
    updates,
    malformed,
    current: trialObject(current),
    grid: changes.map(({ trial, isCurrent, added, missing }) => ({
      ...trialObject(trial),
      isCurrent,
      new: added,
      missing,
    })),
  };
  return JSON.stringify(object) + "\n";
}

function trialObject({ plan, notified, counts }: Trial): Record<string, unknown> {
  return { rule: ruleObject(plan), notified: notified.size, notifications: counts.alerts };
}
