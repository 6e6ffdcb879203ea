// The alert about a crash loop: rules create it, the state keeps it, sinks send it. No I/O.
import { hash } from "node:crypto";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { AlertGroup } from "../groups/group.ts";
import type { AlertDetails, JobWishes } from "./details.ts";
import type { Notice } from "./notice.ts";

/** One notification about a crash loop. */
export interface Alert {
  /** Reproducible, so that receivers recognise a repeated delivery: 32 hexadecimal digits. */
  readonly id: string;
  /** The same in all alerts about one loop: the id of the first. */
  readonly loop: string;
  /** Text of the key: the allocation's name, or the task's. */
  readonly name: string;
  /** The loop's first alert, a repeat while it is active, its end, or that Nomad makes no further attempt. An update is
   * of a group only: its loops changed. */
  readonly reason: "first" | "repeat" | "update" | "resolved" | "gave-up";
  /** The update of its last restart, or failed run, as it came. */
  readonly lastEvent: string;
  /** The times of its counted restarts, in order of arrival. */
  readonly eventLog: readonly Nanoseconds[];
  /** Set if `eventLog` has as many times as are kept: there can have been older ones. */
  readonly limit?: number;
  /** What the payload `full` adds. Absent with the rule `restarts`, whose details follow from the rest: `detailsOf`
   * has them of any alert. */
  readonly details?: AlertDetails;
  /** What its job asks for, where `details` do not say it. */
  readonly wishes?: JobWishes;
  /** Only these sinks get it, by name or by type: its job wants that. All sinks if it is absent. */
  readonly sinks?: readonly string[];
  /** Set if the alert is about loops with one cause, and not about one loop; `loop` is then the group's id. */
  readonly group?: AlertGroup;
  /** Set if the alert is about the detector itself, and not about a loop: only people get it, whatever the filters. */
  readonly notice?: Notice;
}

/** The id of an alert, from what identifies it. */
export function alertId(...identity: readonly string[]): string {
  return hash("sha256", JSON.stringify(identity), "hex").slice(0, 32);
}

/** What sinks get: the two fields of seatgeek's nomad-crashloop-detector, or those and full details. */
export const payloads = ["original", "full"] as const;
/** One of them. */
export type Payload = typeof payloads[number];
