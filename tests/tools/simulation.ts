// A day of tasks that crash, under Nomad's default policy for services, and when the two rules notify. src/detection/README.md's
// table is made from it. Time is that of the events; nothing is left to chance.
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import { formatDuration } from "../../src/lib/duration.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import type { Rule } from "../../src/detection/rule.ts";
import { formatTime } from "../../src/lib/time.ts";
import { decisions, minutes, noopState } from "../helpers/listen.ts";
import { at, notRestarting, restarting, started, taskUpdate, terminated } from "../helpers/runs.ts";

/** A task whose runs all crash: after how many seconds the first does, and then each other. */
export interface Crashing {
  readonly what: string;
  readonly first: number;
  readonly then: number;
}

const [minute, hour] = [60, 3600];

/** The tasks of the table. */
export const tasks: readonly Crashing[] = [
  { what: "at once", first: 0.1, then: 0.1 },
  { what: "after 30 s", first: 30, then: 30 },
  { what: "after 9 min", first: 9 * minute, then: 9 * minute },
  { what: "once a day", first: 12 * hour, then: 24 * hour },
];

/** Nomad's default for services: job-specification/restart and reschedule of its documentation; in seconds. What
 * it adds to the restarts' delay by chance, up to a quarter, is left out. */
const restart = { attempts: 2, interval: 30 * minute, delay: 15 };
const reschedule = { delay: 30, maxDelay: 1 * hour };
const day = 24 * hour;

/** When a run fails of a task that crashes so, in seconds, with the updates of a day in the order of time. */
export function simulate({ first, then }: Crashing): { failures: number[]; updates: string[] } {
  const failures: number[] = [];
  const updates: string[] = [];
  let [now, lasts, delay] = [0, first, 0];
  for (let allocation = 1; now < day; allocation++) {
    const placed = now;
    let [attempts, intervalBegan] = [0, now];
    for (let isAlive = true; isAlive;) {
      const of = { allocation: `a${allocation}`, fields: { TaskStartedAt: formatTime(at(now)) } };
      if (now < day) updates.push(started(at(now), of));
      now += lasts;
      lasts = then;
      // As in the restart tracker of Nomad's client.
      if (now - intervalBegan > restart.interval) [attempts, intervalBegan] = [0, now];
      isAlive = ++attempts <= restart.attempts;
      if (now >= day) return { failures, updates };
      failures.push(now);
      updates.push(
        terminated(at(now), 1, 0, of),
        isAlive ? restarting(at(now), of) : notRestarting(at(now), of),
      );
      if (isAlive) now += restart.delay;
    }
    delay = nextDelay(delay, now - placed);
    now += delay;
    if (now < day) updates.push(taskUpdate({ allocation: `a${allocation + 1}`, time: at(now) }));
  }
  return { failures, updates };
}

/** The pause before the next allocation, after one that lasted so long; in seconds. As NextDelay in Nomad's structs:
 * it doubles up to the maximum, and starts over only if the allocation then lasted longer than that. */
export function nextDelay(last: number, lasted: number): number {
  if (last === 0) return reschedule.delay;
  if (last * 2 <= reschedule.maxDelay) return last * 2;
  return lasted > reschedule.maxDelay ? reschedule.delay : reschedule.maxDelay;
}

/** When a rule notifies in a day, in seconds, and when it resolves the loop. */
export interface Notifications {
  readonly notified: readonly number[];
  readonly resolved: readonly number[];
}

/** The rules of the table, with the settings that they have by default. */
export const rules: Readonly<Record<"restarts" | "failures", () => Rule>> = {
  restarts: () =>
    new RestartsRule(
      { restartCount: 5, restartInterval: minutes(5), notificationInterval: minutes(5) },
      noopState,
    ),
  failures: () =>
    new FailuresRule({
      restartCount: 5,
      stableAfter: minutes(10),
      notificationInterval: minutes(60),
      notifyResolved: true,
    }, noopState),
};

/** Gives the updates to a rule until the day ends. */
export function notificationsOf(rule: Rule, updates: readonly string[]): Notifications {
  const notified: number[] = [];
  const resolved: number[] = [];
  for (const { now, decision: { reason } } of decisions(rule, updates, at(day))) {
    const seconds = Number((now - at(0)) / 1_000_000n) / 1000;
    if (reason === "first" || reason === "repeat") notified.push(seconds);
    if (reason === "resolved") resolved.push(seconds);
  }
  return { notified, resolved };
}

/** The table of src/detection/README.md. */
export function table(): string {
  const head = ["the task crashes", "failed runs", "`restarts`, 5 in 5m", "`failures`, 5"];
  const rows = tasks.map((task) => {
    const { failures, updates } = simulate(task);
    const cells = [rules.restarts(), rules.failures()].map((rule) => inWords(notificationsOf(rule, updates)));
    return [task.what, String(failures.length), ...cells];
  });
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

function inWords({ notified: [first, ...again], resolved: [resolved] }: Notifications): string {
  if (first === undefined) return "never";
  const times = again.length === 0 ? "once," : `${again.length + 1} times, first`;
  return `${times} after ${clock(first)}; ${
    resolved === undefined ? "active" : `resolved after ${clock(resolved)}`
  }`;
}

function clock(seconds: number): string {
  return formatDuration(BigInt(Math.round(seconds)) * 1_000_000_000n);
}
