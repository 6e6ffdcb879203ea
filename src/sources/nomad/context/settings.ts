// What the source `nomad` asks about loops beyond its events.
import { wholeNumber } from "../../../lib/settings/parsers.ts";
import type { Values } from "../../../lib/settings/setting.ts";

/** Its settings. */
export const contextSettings = {
  logLines: wholeNumber(
    {
      env: "ALERT_LOG_LINES",
      help:
        "last lines of a failing task's stderr and stdout that its alerts show; needs read-logs; logs can hold " +
        "secrets, which all who get alerts then read",
      default: "0",
      example: "20",
    },
    0,
    200,
  ),
};

/** Their values. */
export type ContextSettings = Values<typeof contextSettings>;
