// Every setting of the program, in the groups that help and README show.
import { payloadSettings, ruleSettings } from "../detection/settings.ts";
import { logFormats, logLevels } from "../lib/log.ts";
import { choice, duration, optional } from "../lib/settings/parsers.ts";
import type { SettingsGroup } from "../lib/settings/setting.ts";
import { state } from "../state/settings.ts";
import { listenSettings } from "../status/listen.ts";
import { sinkChoice, sinks, sourceChoice, sources } from "./adapters.ts";

/** The setting that chooses where the state is kept. */
export const stateSettings = { state };

/** The setting of the alerts on standard output. */
export const outputSettings = {
  output: optional(choice({
    env: "OUTPUT",
    help: "how the sink stdout writes an alert",
    defaultNote: "text on a terminal, json elsewhere",
    example: "json",
  }, ["json", "text"] as const)),
};

/** The settings of the process. */
export const processSettings = {
  logLevel: choice(
    {
      env: "LOG_LEVEL",
      help: "minimum level of log lines on stderr; debug logs each restart",
      default: "info",
      example: "debug",
    },
    logLevels,
    { warn: "warning" },
  ),
  logFormat: choice(
    { env: "LOG_FORMAT", help: "format of log lines", default: "text", example: "json" },
    logFormats,
  ),
  connectTimeout: optional(duration({
    env: "CONNECT_TIMEOUT",
    help: "how long to retry unreachable servers at startup before exiting",
    defaultNote: "no limit",
    example: "1m",
  })),
  shutdownTimeout: duration({
    env: "SHUTDOWN_TIMEOUT",
    help: "how long to wait for in-flight alerts after SIGINT or SIGTERM",
    default: "10s",
    example: "30s",
  }),
};

/** Every setting, in the order of help and README. */
export const settingsGroups: readonly SettingsGroup[] = [
  { title: "Source", settings: sourceChoice },
  ...sources.map(({ group }) => group),
  { title: "Rule", settings: ruleSettings },
  { title: "State", settings: stateSettings },
  { title: "Sinks", settings: { ...sinkChoice, ...outputSettings, ...payloadSettings } },
  ...sinks.map(({ group }) => group),
  { title: "Status", settings: listenSettings },
  { title: "Process", settings: processSettings },
].filter(({ settings }) => Object.keys(settings).length > 0);
