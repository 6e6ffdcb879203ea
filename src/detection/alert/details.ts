// What the payload `full` adds to the original's two fields, and the wording that the rules' builders share.
// alert.schema.json describes the fields.
import { formatDuration, type Nanoseconds } from "../../lib/duration.ts";
import { formatTime } from "../../lib/time.ts";
import type { Key } from "../decode/task_key.ts";

/** Fields of the payload; times are RFC 3339, durations as Go writes them. */
export interface AlertDetails extends JobWishes, AlertContext {
  readonly Status: "looping" | "resolved" | "gave-up";
  readonly Rule: "restarts" | "failures";
  /** The same in all alerts about one loop: the id of the first. */
  readonly Loop: string;
  readonly Key: Partial<Key>;
  /** Restarts, or consecutive failed runs. */
  readonly Failures: number;
  /** Of them, those that no event showed. */
  readonly Missed: number;
  /** The first failure. */
  readonly Since: string;
  /** Set while it flaps, that is loops, resolves and loops again: when the first of these loops was notified. */
  readonly FlappingSince?: string;
  readonly LastExit?: {
    readonly Time: string;
    readonly ExitCode?: number;
    readonly Signal?: number;
    /** `reported` by Nomad, or `likely`: killed by signal 9, and not by Nomad. */
    readonly OutOfMemory?: "reported" | "likely";
    /** How long the process ran, as Go writes durations. */
    readonly After?: string;
  };
  readonly Reason: string;
  readonly NextAttempt?: string;
  readonly Node: { readonly ID: string; readonly Name?: string };
  readonly Events: readonly {
    readonly Time: string;
    readonly Type: string;
    readonly DisplayMessage: string;
  }[];
}

/** What the job asks for in its `meta`, where the source reads it. */
export interface JobWishes {
  readonly Severity?: "warning" | "critical";
  readonly Owner?: string;
  /** URL. */
  readonly Runbook?: string;
  /** Why no sink gets it, in words: `until 2026-12-01T08:00:00Z, as crashloop_mute_until says`. */
  readonly Muted?: string;
}

/** What was asked about a loop when it was notified; a field is absent if it was not asked for, or not answered. */
export interface AlertContext {
  /** The job as it runs now, and how it came to that. */
  readonly Change?: {
    readonly JobVersion: number;
    readonly Submitted: string;
    /** What the task runs: its image, or its command. */
    readonly Image?: string;
    readonly Command?: string;
    readonly Deployment?: { readonly ID: string; readonly Status: string; readonly Description?: string };
    /** The version before, if there is one, and whether Nomad marked it as stable. */
    readonly Previous?: { readonly JobVersion: number; readonly Stable: boolean };
  };
  /** Allocations of the task group that should run, that loop, and that run without looping. */
  readonly Allocations?: { readonly Total: number; readonly Looping: number; readonly Running: number };
  /** The last lines that the task wrote; `Missing` says why there are none. */
  readonly LastWords?: {
    readonly Stderr?: readonly string[];
    readonly Stdout?: readonly string[];
    readonly Missing?: string;
  };
}

/** How often: `once`, `3 times`. */
export function often(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** The time of day and its zone, with the date if it is not that of `now`: `03:42 UTC`, `05:42 +02:00`. */
export function clock(time: Nanoseconds, now: Nanoseconds): string {
  return clockOf(formatTime(time), formatTime(now));
}

/** The same of RFC 3339 texts; `end` is 16 for minutes, 19 for seconds. */
export function clockOf(time: string, reference: string, end: 16 | 19 = 16): string {
  const [zone = "Z"] = /[+-]\d\d:\d\d$/.exec(time) ?? [];
  const day = time.slice(0, 10) === reference.slice(0, 10) ? "" : `${time.slice(0, 10)} `;
  return `${day}${time.slice(11, end)} ${zone === "Z" ? "UTC" : zone}`;
}

/** A reason without how often since when, as `often` and `clock` say it: for where a title has said that. */
export function withoutCount(reason: string): string {
  const since = /since (?:\d{4}-\d\d-\d\d )?\d\d:\d\d (?:UTC|[+-]\d\d:\d\d)/.source;
  return reason
    .replace(new RegExp(`^restarted (?:once|\\d+ times) ${since}: `), "")
    .replace(new RegExp(`, (?:once|\\d+ times|after \\d+ failed runs?) ${since}`), "");
}

/** A duration in a sentence: `52 s`, `1.2 s`, `3 min 20 s`, `1 h 30 min`. */
export function inWords(duration: Nanoseconds): string {
  return rounded(duration).replaceAll(
    /([0-9.]+)([a-zµ]+)/g,
    (_, number, unit) => `${number} ${unit === "m" ? "min" : unit} `,
  ).trim();
}

/** Rounded for a person: `52s`, `1.2s`, `3m20s`. */
export function rounded(duration: Nanoseconds): string {
  const unit = duration < 10_000_000_000n ? 100_000_000n : 1_000_000_000n;
  return formatDuration((duration + unit / 2n) / unit * unit);
}

/** The first part of an ID, as Nomad's own command line shows it. */
export function shortId(id: string): string {
  return id.split("-")[0]!;
}

/** A node's name with its ID, or its ID alone: `client-1 (3c0af5d1)`. */
export function nodeWords({ ID, Name }: AlertDetails["Node"]): string {
  return Name === undefined ? shortId(ID) : `${Name} (${shortId(ID)})`;
}
