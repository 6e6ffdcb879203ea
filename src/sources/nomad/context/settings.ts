// What the source `nomad` asks about loops beyond its events.
import { wholeNumber } from "../../../lib/settings/parsers.ts";
import type { Values } from "../../../lib/settings/setting.ts";

/** Its settings. */
export const contextSettings = {
  logLines: wholeNumber(
    {
      env: "ALERT_LOG_LINES",
      help:
        "how many of the last lines of a failing task's stderr and stdout its alerts show; needs read-logs; " +
        "logs can hold secrets, which whoever gets alerts then reads",
      default: "0",
      example: "20",
    },
    0,
    200,
  ),
};

/** Their values. */
export type ContextSettings = Values<typeof contextSettings>;
