// The settings of the heartbeat; its code is loaded only when it is used.
import { type Input, isSet, namesOf, type Values } from "../../lib/settings/setting.ts";
import { optional, url } from "../../lib/settings/parsers.ts";

/** The settings of the heartbeat. */
export const heartbeatSettings = {
  url: optional(url({
    env: "HEARTBEAT_URL",
    help:
      "URL that is called each minute while the source is connected, the state is saved and sinks work, for a " +
      "monitor that raises an alarm when no call comes",
    example: "https://hc-ping.com/3f9c…",
    secret: true,
  }, ["https", "http"])),
  failUrl: optional(url({
    env: "HEARTBEAT_FAIL_URL",
    help: "URL that is called by POST, with the reasons, each minute while that has not been so for a minute",
    example: "https://hc-ping.com/3f9c…/fail",
    secret: true,
  }, ["https", "http"])),
};

/** Their values. */
export type HeartbeatSettings = Values<typeof heartbeatSettings>;

/** What is wrong with values that are right one by one. */
export function heartbeatConflicts(input: Input): string[] {
  const { url, failUrl } = heartbeatSettings;
  if (isSet(url, input) || !isSet(failUrl, input)) return [];
  return [`${namesOf(failUrl)}: found without ${namesOf(url)}; give both`];
}
