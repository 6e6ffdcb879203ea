// When loops are one message.
import type { Nanoseconds } from "../../lib/duration.ts";

/** When loops are one message. */
export interface GroupThresholds {
  /** A group's first message waits this long, and so does an update. */
  readonly wait: Nanoseconds;
  /** More groups that begin within a minute are one. */
  readonly digestAbove: number;
}
