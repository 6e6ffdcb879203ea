// The settings that belong to no other folder, and all settings in the groups that help and README show.
import { groupSettings } from "../detection/groups/settings.ts";
import { payloadSettings, ruleSettings } from "../detection/settings.ts";
import { logFormats, logLevels } from "../lib/log.ts";
import { choice, duration, optional, text, url } from "../lib/settings/parsers.ts";
import type { SettingsGroup } from "../lib/settings/setting.ts";
import { state } from "../state/settings.ts";
import { heartbeatSettings } from "../status/heartbeat/settings.ts";
import { listenSettings } from "../status/listen.ts";
import type { SinkAdapter } from "../sinks/adapter.ts";
import { sinkChoice, sourceChoice, sources } from "./adapters.ts";

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

/** The setting of what alerts say of their loops beyond what the rule knows. */
export const contextSettings = {
  context: choice({
    env: "ALERT_CONTEXT",
    help: "source nomad: whose alerts wait up to 3 s for what Nomad says of job, allocations and logs: " +
      "those of sinks for people, of all sinks, or of none",
    default: "people",
    example: "all",
  }, ["people", "all", "none"] as const),
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

/** The settings of what every alert says of where it comes from. */
export const surroundingSettings = {
  clusterName: optional(text({
    env: "CLUSTER_NAME",
    help: "name of the cluster, in every alert but those of PAYLOAD=original",
    example: "prod-eu",
  })),
  nomadUi: optional(url({
    env: "NOMAD_UI_URL",
    help: "address of Nomad's web UI, for links in messages",
    example: "https://nomad.example.com",
  }, ["http", "https"])),
  externalUrl: optional(url({
    env: "EXTERNAL_URL",
    help: "address of this detector's page, for links in messages",
    example: "https://crashloops.example.com",
  }, ["http", "https"])),
};

/** Every setting but those of other sinks than these, in the order of help and README. */
export function settingsOf(sinks: readonly SinkAdapter[]): readonly SettingsGroup[] {
  return [
    { title: "Source", settings: sourceChoice },
    ...sources.map(({ group }) => group),
    { title: "Rule", settings: ruleSettings },
    { title: "State", settings: stateSettings },
    {
      title: "Sinks",
      settings: {
        ...sinkChoice,
        ...outputSettings,
        ...payloadSettings,
        ...contextSettings,
        ...surroundingSettings,
      },
    },
    { title: "Groups", settings: groupSettings },
    ...sinks.map(({ group }) => group),
    { title: "Status", settings: { ...listenSettings, ...heartbeatSettings } },
    { title: "Process", settings: processSettings },
  ].filter(({ settings }) => Object.keys(settings).length > 0);
}
