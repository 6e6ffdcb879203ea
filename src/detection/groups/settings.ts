// The settings of groups.
import { choice, duration, wholeNumber } from "../../lib/settings/parsers.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { formatDuration, parseDuration } from "../../lib/duration.ts";
import type { Setting } from "../../lib/settings/setting.ts";

/** A duration that may be zero. */
function pause(declared: Parameters<typeof duration>[0]): Setting<Nanoseconds> {
  return {
    ...declared,
    accepts: "a Go duration of at least zero",
    parse(text) {
      const value = parseDuration(text);
      if (value < 0n) throw new Error(`which is ${formatDuration(value)}`);
      return value;
    },
  };
}

/** When people get loops with one cause as one message. */
export const groupSettings = {
  groupBy: choice(
    {
      env: "GROUP_BY",
      help: "whether sinks for people get loops of one job, node or storm as one message, or each loop",
      default: "job",
      example: "none",
    },
    ["job", "none"] as const,
  ),
  groupWait: pause({
    env: "GROUP_WAIT",
    help: "how long a group's first message waits for more loops, and its updates; 0s for none",
    default: "10s",
    example: "30s",
  }),
  digestAbove: wholeNumber(
    {
      env: "DIGEST_ABOVE",
      help: "more groups than this that begin within a minute are one message",
      default: "20",
      example: "50",
    },
    1,
    1_000_000,
  ),
};
