// The keys in a job's `meta` that this program reads, and how their texts become settings. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { choice, duration, text, toggle, url, wholeNumber } from "../../lib/settings/parsers.ts";
import { quoted } from "../../lib/settings/redact.ts";
import type { Setting } from "../../lib/settings/setting.ts";
import { parseTime } from "../../lib/time.ts";

/** What the `meta` of a task, its group and its job ask for; a field is absent where they do not. */
export interface TaskSettings {
  readonly enabled?: boolean;
  readonly restartCount?: number;
  readonly stableAfter?: Nanoseconds;
  readonly notificationInterval?: Nanoseconds;
  readonly muteUntil?: Nanoseconds;
  /** Names and types of sinks, in lower case. */
  readonly sinks?: readonly string[];
  readonly owner?: string;
  /** URL. */
  readonly runbook?: string;
  readonly severity?: "warning" | "critical";
}

/** Texts by key: `crashloop_owner`. */
export type Meta = Readonly<Record<string, string>>;

/** A text that is not accepted. */
export interface MetaProblem {
  readonly key: string;
  /** What was found and what was expected. */
  readonly text: string;
}

/** What the keys of this program begin with. */
const prefix = "crashloop_";

/** By the name that code uses. */
const settings: { readonly [Name in keyof TaskSettings]-?: Setting<NonNullable<TaskSettings[Name]>> } = {
  enabled: { ...toggle(named("enabled")), example: "false" },
  // The rule `restarts` keeps no more of one allocation.
  restartCount: wholeNumber({ ...named("restart_count"), example: "3" }, 1, 10_000),
  stableAfter: duration({ ...named("stable_after"), example: "30m" }),
  notificationInterval: duration({ ...named("notification_interval"), example: "4h" }),
  muteUntil: {
    ...named("mute_until"),
    accepts: "a time as RFC 3339 writes it",
    example: "2026-12-01T08:00:00Z",
    parse(text) {
      const time = parseTime(text);
      if (time === undefined) throw new Error("");
      return time;
    },
  },
  sinks: {
    ...named("sinks"),
    accepts: "sinks as SINK_TYPE names them, separated by commas",
    example: "slack,pagerduty",
    parse(text) {
      const words = text.toLowerCase().split(",").map((word) => word.trim());
      if (!words.every((word) => /^[a-z]+(?::[a-z][a-z0-9-]*)?$/.test(word))) throw new Error("");
      return [...new Set(words)];
    },
  },
  owner: text({ ...named("owner"), example: "team-web" }, "a name of at most 200 characters", /^.{1,200}$/),
  runbook: {
    ...url({ ...named("runbook"), example: "https://wiki.example.com/web" }, ["http", "https"]),
    parse: address,
  },
  severity: choice({ ...named("severity"), example: "critical" }, ["warning", "critical"] as const),
};

/** All of its keys, in the order of the README. */
export const metaKeys: readonly string[] = Object.values(settings).map(({ env }) => env);

/** The texts of this program among those of a `meta`; undefined if there are none. */
export function ownMeta(meta: Meta): Meta | undefined {
  const own = Object.entries(meta).filter(([key]) => key.startsWith(prefix));
  return own.length === 0 ? undefined : Object.fromEntries(own);
}

/** Reads a `meta`. A text that is not accepted is as good as none; an empty one is none, so that a task can undo what
 * its job says. */
export function readMeta(
  meta: Meta,
): { readonly settings: TaskSettings; readonly problems: readonly MetaProblem[] } {
  const read: Record<string, unknown> = {};
  const problems: MetaProblem[] = [];
  for (const [name, setting] of Object.entries(settings)) {
    const found = meta[setting.env]?.trim() ?? "";
    if (found === "") continue;
    try {
      read[name] = setting.parse(found);
    } catch (error) {
      const reason = (error as Error).message;
      const expected = `expected ${setting.accepts}, such as ${setting.example}`;
      problems.push({
        key: setting.env,
        text: `found ${shown(found)}${reason && `, ${reason}`}; ${expected}`,
      });
    }
  }
  for (const key of Object.keys(meta)) {
    if (!key.startsWith(prefix) || metaKeys.includes(key)) continue;
    problems.push({ key, text: `found no such key; expected one of ${metaKeys.join(", ")}` });
  }
  return { settings: read, problems };
}

function named(name: string) {
  return { env: prefix + name, help: "" };
}

/** The URL as it was written. */
function address(text: string): string {
  const value = URL.parse(text);
  if (value === null || !/^https?:$/.test(value.protocol)) throw new Error("");
  return text;
}

function shown(text: string): string {
  return quoted(text.length > 100 ? `${text.slice(0, 100)}…`.toWellFormed() : text);
}
