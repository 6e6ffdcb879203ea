// The settings of the rule and of the payload, and the rule's opening. The only file that knows all rules.
import { type Payload, payloads } from "./alert/alert.ts";
import { RestartsRule, type RestartsThresholds } from "./restarts/rule.ts";
import type { FailuresThresholds } from "./failures/deadlines.ts";
import { FailuresRule } from "./failures/rule.ts";
import type { Rule, RuleState } from "./rule.ts";
import { globs } from "./alert/path_filter.ts";
import type { Scope } from "./jobs/job_settings.ts";
import { choice, duration, optional, toggle, wholeNumber } from "../lib/settings/parsers.ts";
import { type Input, isSet, readSettings } from "../lib/settings/setting.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import type { Visibility } from "./visibility.ts";

/** The settings of the rule. */
export const ruleSettings = {
  rule: optional(choice({
    env: "RULE",
    help: "detection rule: N restarts within a window, or N consecutive failed runs",
    defaultNote: "failures with the source nomad, restarts with others",
    example: "failures",
  }, ["restarts", "failures"] as const)),
  restartCount: wholeNumber(
    {
      env: "RESTART_COUNT",
      help: "restarts, or failed runs, that make a crash loop",
      default: "5",
      example: "3",
    },
    1,
    1_000_000,
  ),
  restartInterval: duration({
    env: "RESTART_INTERVAL",
    help: "rule restarts: only restarts younger than this count",
    default: "5m",
    example: "1h30m",
  }),
  stableAfter: duration({
    env: "STABLE_AFTER",
    help: "rule failures: a run that lasts this long resolves a loop",
    default: "10m",
    example: "30m",
  }),
  notificationInterval: optional(duration({
    env: "NOTIFICATION_INTERVAL",
    help: "minimum time between notifications for one loop",
    defaultNote: "5m with the rule restarts, 1h with failures",
    example: "30m",
  })),
  ignoreRequested: toggle({
    env: "IGNORE_REQUESTED_RESTARTS",
    help: "rule restarts: ignore restarts requested by a user or a template",
  }),
  include: globs({
    env: "INCLUDE",
    help: "globs over namespace/job/group/task: all other loops are muted, that is shown and not sent",
    example: "prod/*,staging/web",
  }),
  exclude: globs({
    env: "EXCLUDE",
    help: "globs over namespace/job/group/task: these loops are muted",
    example: "*/ci-*",
  }),
};

/** The settings of notifications. */
export const payloadSettings = {
  payload: optional(choice({
    env: "PAYLOAD",
    help: "what an alert says: the two fields of the original, or full details",
    defaultNote: "full with the rule failures, original with restarts",
    example: "full",
  }, payloads)),
  notifyResolved: optional(toggle({
    env: "NOTIFY_RESOLVED",
    help: "also notify when a loop resolves; needs PAYLOAD=full; sinks for people get ends in any case",
    defaultNote: "on with the rule failures and PAYLOAD=full, else off",
  })),
};

/** A rule's thresholds, in words. */
export interface RuleWords {
  readonly type: "restarts" | "failures";
  /** What it counts, in the singular. */
  readonly counts: string;
  readonly threshold: number;
  /** The time in which restarts count, or after which a run is stable. */
  readonly interval: string;
  readonly notificationInterval: string;
}

/** The rule, ready to open, and how its alerts are written. */
export interface RulePlan {
  readonly type: "restarts" | "failures";
  readonly thresholds: RestartsThresholds & FailuresThresholds & Scope;
  readonly open: (state: RuleState, visibility?: Visibility) => Rule;
  /** It ignores updates of other types than `Restarting`. */
  readonly restartsOnly: boolean;
  readonly payload: Payload;
  /** Whether sinks that do not need the ends of loops get them too. */
  readonly notifyResolved: boolean;
  readonly words: RuleWords;
  /** The variables of settings that were given and that this rule ignores. */
  readonly unused: readonly string[];
}

/** The thresholds in a sentence: `5 restarts in 5m; repeats every 5m`. */
export function ruleSentence({ type, counts, threshold, interval, notificationInterval }: RuleWords): string {
  const consecutive = type === "failures" && threshold > 1 ? "consecutive " : "";
  const counted = `${threshold} ${consecutive}${counts}${threshold === 1 ? "" : "s"}`;
  const when = type === "failures" ? `${counted}, none as long as ${interval}` : `${counted} in ${interval}`;
  return `${when}; repeats every ${notificationInterval}`;
}

/** Reads the settings of the rule; what is wrong with them is added to `input.problems`. `needsEnds`: a sink needs the
 * ends of loops, whatever `NOTIFY_RESOLVED` says. */
export function planRule(
  input: Input,
  sourceType: string | undefined,
  needsEnds = false,
): RulePlan | undefined {
  const values = readSettings(ruleSettings, input);
  const notified = readSettings(payloadSettings, input);
  if (values === undefined || notified === undefined) return undefined;
  const countsFailures = (values.rule ?? (sourceType === "nomad" ? "failures" : "restarts")) === "failures";
  const payload = notified.payload ?? (countsFailures ? "full" : "original");
  const notifyResolved = notified.notifyResolved ?? (countsFailures && payload === "full");
  if (notifyResolved && payload === "original") {
    input.problems.push(
      "NOTIFY_RESOLVED (--notify-resolved): found it on with the payload original, which cannot say that a loop " +
        "is resolved; expected PAYLOAD=full (--payload full) with it",
    );
    return undefined;
  }
  const notificationInterval = values.notificationInterval ?? parseDuration(countsFailures ? "1h" : "5m");
  const thresholds = { ...values, notificationInterval, notifyResolved: notifyResolved || needsEnds };
  const { restartInterval, ignoreRequested, stableAfter } = ruleSettings;
  const ofOther = countsFailures ? [restartInterval, ignoreRequested] : [stableAfter];
  return {
    type: countsFailures ? "failures" : "restarts",
    thresholds,
    payload,
    notifyResolved,
    restartsOnly: !countsFailures,
    words: {
      type: countsFailures ? "failures" : "restarts",
      counts: countsFailures ? "failed run" : "restart",
      threshold: values.restartCount,
      interval: formatDuration(countsFailures ? values.stableAfter : values.restartInterval),
      notificationInterval: formatDuration(notificationInterval),
    },
    unused: ofOther.filter((setting) => isSet(setting, input)).map(({ env }) => env),
    open: (state, visibility) =>
      countsFailures ? new FailuresRule(thresholds, state, visibility) : new RestartsRule(thresholds, state),
  };
}
