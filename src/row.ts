// The failed runs of one task in a row: what each event does to it. No clock, no I/O.
import type { Nanoseconds } from "./duration.ts";
import type { Key, RunEvent } from "./run_event.ts";
import { type Fields, isObject } from "./update.ts";

/** How a process ended, as far as Nomad said. */
export interface Exit {
  readonly time: Nanoseconds;
  readonly code: number | undefined;
  readonly signal: number | undefined;
  /** `reported` by Nomad, or `likely`: killed by signal 9 though Nomad did not ask for it. */
  readonly outOfMemory: "reported" | "likely" | undefined;
  /** How long the process ran. */
  readonly after: Nanoseconds | undefined;
}

/** What a row has told. */
export interface RowTold {
  readonly id: string;
  repeats: number;
  /** When it was told last. */
  at: Nanoseconds;
  /** The loop that was told is over. */
  over: boolean;
}

/** A task whose runs failed. All of it is kept; it is plain data. */
export interface Row {
  readonly key: Key;
  /** Failed runs in a row, those that no event told of included. */
  failures: number;
  notSeen: number;
  /** The first failure of the row, and the newest event. */
  since: Nanoseconds;
  newest: Nanoseconds;
  /** The allocation that the newest news are of, its newest event, and those that it replaced. */
  allocation: { readonly ID: string; newest: Nanoseconds };
  replaced: string[];
  /** Nothing from this time and before it counts: a row ended there. */
  clearedAt: Nanoseconds | undefined;
  /** The failures that events told of, the newest `mostLogged`. */
  log: { readonly time: Nanoseconds; readonly identity: number }[];
  /** The last run, until its end has been judged. */
  run: { readonly allocation: string; readonly startedAt: Nanoseconds; endedAt?: Nanoseconds } | undefined;
  /** The allocation whose run has been counted, though it has yet to be killed. */
  counted: string | undefined;
  /** Nomad killed the process that exits next. */
  killing: boolean;
  exit: Exit | undefined;
  /** Nomad tries again then. */
  nextAttempt: Nanoseconds | undefined;
  node: RunEvent["node"];
  /** The last events, whatever they mean, in order of arrival. */
  events: { readonly Time: Nanoseconds; readonly Type: string; readonly DisplayMessage: string }[];
  /** The update of the last failure. */
  lastEvent: string;
  told: RowTold | undefined;
}

/** Of the failures of a row so many are remembered one by one, of all its events, and of its allocations. */
const mostLogged = 100;
const mostEvents = 10;
const mostReplaced = 10;

/** A row for a task whose first failure is about to be taken. */
export function newRow({ key, time, node, allocation }: RunEvent): Row {
  return {
    key,
    failures: 0,
    notSeen: 0,
    since: time,
    newest: time,
    allocation: { ID: allocation, newest: time - 1n },
    replaced: [],
    clearedAt: undefined,
    log: [],
    run: undefined,
    counted: undefined,
    killing: false,
    exit: undefined,
    nextAttempt: undefined,
    node,
    events: [],
    lastEvent: "",
    told: undefined,
  };
}

/** What an event did to a row: `stable`, `completed` and `stopped` end it. */
export type Step = "noted" | "duplicate" | "failed" | "stable" | "completed" | "stopped";

/** Takes an event into its row. A run that lasted `stableAfter` breaks the row. */
export function take(row: Row, event: RunEvent, stableAfter: Nanoseconds): Step {
  const { meaning, time } = event;
  const failure = meaning === "failed" || meaning === "failing";
  if (isOld(row, event)) return failure ? "duplicate" : "noted";
  remember(row, event);
  switch (meaning) {
    case "started":
      row.run = { allocation: event.allocation, startedAt: time };
      row.counted = undefined;
      row.killing = false;
      row.nextAttempt = undefined;
      return "noted";
    case "exited":
    case "completed":
      return exit(row, event, stableAfter);
    case "failed":
    case "failing":
      return fail(row, event, stableAfter);
    case "stopped":
      row.run = undefined;
      return "stopped";
    default:
      if (event.type === "Killing") row.killing = true;
      return "noted";
  }
}

/** Begins anew: what was counted so far does not count any more. */
export function clear(row: Row, at: Nanoseconds): void {
  row.failures = 0;
  row.notSeen = 0;
  row.log = [];
  row.counted = undefined;
  row.nextAttempt = undefined;
  row.clearedAt = at;
  if (row.told !== undefined) row.told.over = true;
}

/** Events come again after an outage, and late: a late failure counts, a late start says nothing of now. */
function isOld(row: Row, { time, identity, meaning, allocation }: RunEvent): boolean {
  if (row.clearedAt !== undefined && time <= row.clearedAt && meaning !== "stopped") return true;
  if (meaning === "failed" || meaning === "failing") {
    const oldest = row.log[0];
    if (row.log.length >= mostLogged && oldest !== undefined && time < oldest.time) return true;
    return row.log.some((logged) => logged.time === time && logged.identity === identity);
  }
  if (row.replaced.includes(allocation)) return true;
  // Compared within one allocation only: another one's node can have a clock that is behind.
  return allocation === row.allocation.ID && time <= row.allocation.newest && meaning !== "stopped";
}

function remember(row: Row, { time, type, displayMessage, node, allocation }: RunEvent): void {
  const last = row.events.at(-1);
  if (last?.Time !== time || last.Type !== type) {
    row.events.push({ Time: time, Type: type, DisplayMessage: displayMessage });
    if (row.events.length > mostEvents) row.events.shift();
  }
  if (time > row.newest) row.newest = time;
  if (row.replaced.includes(allocation)) return;
  if (row.allocation.ID !== allocation) {
    row.replaced.push(row.allocation.ID);
    if (row.replaced.length > mostReplaced) row.replaced.shift();
    row.allocation = { ID: allocation, newest: time };
  }
  if (time > row.allocation.newest) row.allocation.newest = time;
  row.node = node;
}

function exit(row: Row, event: RunEvent, stableAfter: Nanoseconds): Step {
  const run = row.run?.allocation === event.allocation ? row.run : undefined;
  if (run !== undefined) run.endedAt = event.time;
  const after = run && event.time - run.startedAt;
  row.exit = exitOf(event, after, row.killing);
  row.killing = false;
  if (after !== undefined && after >= stableAfter) return "stable";
  return event.meaning === "completed" ? "completed" : "noted";
}

function fail(row: Row, event: RunEvent, stableAfter: Nanoseconds): Step {
  const counted = row.counted === event.allocation;
  row.counted = event.meaning === "failing" ? event.allocation : undefined;
  const lasted = lastedOf(row, event);
  if (row.run?.allocation === event.allocation) row.run = undefined;
  if (counted) return "noted";
  if (lasted >= stableAfter) return "stable";
  if (row.failures === 0) row.since = event.time;
  row.failures += 1 + event.notSeen;
  row.notSeen += event.notSeen;
  row.lastEvent = event.update;
  row.nextAttempt = nextAttempt(event);
  row.log.push({ time: event.time, identity: event.identity });
  row.log.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  if (row.log.length > mostLogged) row.log.shift();
  return "failed";
}

/** How long the run lasted that failed: as its events said, or as the update itself does. */
function lastedOf({ run }: Row, { allocation, time, startedAt }: RunEvent): Nanoseconds {
  if (run?.allocation === allocation) return (run.endedAt ?? time) - run.startedAt;
  // The update is of a later moment than its event: the next run may have begun.
  return run !== undefined || startedAt === undefined || startedAt > time ? 0n : time - startedAt;
}

function nextAttempt(
  { type, time, event: { StartDelay: delay, Details: details } }: RunEvent,
): Nanoseconds | undefined {
  if (type !== "Restarting") return undefined;
  const text = isObject(details) && typeof details.start_delay === "string" ? details.start_delay : "";
  if (/^[0-9]{1,18}$/.test(text)) return time + BigInt(text);
  return typeof delay === "number" && delay > 0 && delay < 2 ** 53
    ? time + BigInt(Math.round(delay))
    : undefined;
}

function exitOf({ time, event }: RunEvent, after: Nanoseconds | undefined, killing: boolean): Exit {
  const details: Fields = isObject(event.Details) ? event.Details : {};
  const code = number(details.exit_code ?? event.ExitCode);
  const signal = number(details.signal ?? event.Signal);
  const said = `${details.exit_message ?? ""} ${event.Message ?? ""}`;
  const reported = details.oom_killed === "true" || /\bOOM\b|out of memory/i.test(said);
  const likely = !killing && (signal === 9 || code === 137);
  return { time, code, signal, after, outOfMemory: reported ? "reported" : likely ? "likely" : undefined };
}

function number(value: unknown): number | undefined {
  const found = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isSafeInteger(found) ? found : undefined;
}
