// The warning about wrong clocks.
import { formatDuration, type Nanoseconds, second } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";

/** Warns that the clock of a node is ahead, and says what to do. */
export function clockWarning(log: Log): (node: string, ahead: Nanoseconds) => void {
  return (node, ahead) =>
    log.warning(
      "The clock of {node} is ahead by {ahead}: its events no longer move the time of the others. Set its clock, " +
        "or see why NTP does not",
      { node, ahead: inSeconds(ahead) },
    );
}

/** The duration in whole seconds. */
export function inSeconds(duration: Nanoseconds): string {
  return formatDuration(duration / second * second);
}
