// The JSON of `/api/v1`, declared once for the server and the page. Fields are only ever added.
// Times are RFC 3339 with nanoseconds unless a comment says otherwise; an unknown value is null.
import type { AlertContext } from "../detection/alert/details.ts";

/** `GET /api/v1/status`, and the event `status` of `/api/v1/events`. */
export interface StatusView {
  readonly version: string;
  /** When the process started, by the wall clock. */
  readonly startedAt: string;
  /** When this was written, by the wall clock. `startedAt`, `since` and `oldestPendingAt` are times of that clock. */
  readonly wallNow: string;
  /** In `batch` mode loops follow the clock of the events: `now` is then the time of the newest one. */
  readonly mode: "live" | "batch";
  /** The time by the clock that loops follow. */
  readonly now: string;
  readonly rule: {
    readonly type: "restarts" | "failures";
    /** What is counted, in the singular: `restart`, `failed run`. */
    readonly counts: string;
    readonly threshold: number;
    /** `RESTART_INTERVAL` or `STABLE_AFTER`, and `NOTIFICATION_INTERVAL`, as Go writes durations. */
    readonly interval: string;
    readonly notificationInterval: string;
  };
  readonly source: ComponentView & {
    /** The input has been read to its end. */
    readonly ended: boolean;
  };
  readonly sinks: readonly (ComponentView & {
    /** Alerts that the sink has not confirmed, and since when the oldest of them is pending. */
    readonly pending: number;
    readonly oldestPendingAt: string | null;
  })[];
  /** Messages received: `events`, `others` and `malformed`. The rest are events that were not counted. */
  readonly messages: {
    readonly events: number;
    readonly others: number;
    readonly malformed: number;
    readonly duplicates: number;
    readonly outsideWindow: number;
    readonly requested: number;
  };
  /** Notifications since the start. */
  readonly notifications: number;
  /** Tracked allocations or tasks, and active crash loops. */
  readonly trackedKeys: number;
  readonly activeLoops: number;
  readonly lastEventAt: string | null;
}

/** A source or a sink. */
export interface ComponentView {
  readonly type: string;
  readonly up: boolean;
  /** When it went up or down. */
  readonly since: string;
  /** Why it is down, or accepts nothing although it is up. */
  readonly problem: string | null;
}

/** A loop in `GET /api/v1/loops`, and in the events `loop` (new or changed), `gave-up` and `resolved`. */
export interface LoopView {
  /** The id that all alerts about one loop share. */
  readonly id: string;
  /** `gave-up`: Nomad will not try again, and the job was neither stopped nor run again. */
  readonly status: "looping" | "gave-up" | "resolved";
  /** The key: `job.group[index]`, after `namespace/` if that is known, and before `/task` with the rule for failed runs. */
  readonly name: string;
  readonly namespace: string | null;
  readonly job: string;
  readonly group: string | null;
  readonly task: string | null;
  readonly node: string | null;
  /** Id of the last allocation. */
  readonly allocation: string | null;
  /** Restarts in the window, or consecutive failed runs. */
  readonly count: number;
  /** Notifications about the loop, the one that it is resolved included. */
  readonly notifications: number;
  /** The first notification; null if that was before the detector started and its state did not keep it. */
  readonly firstNotifiedAt: string | null;
  readonly since: string;
  readonly lastAt: string;
  /** When Nomad gave it up. */
  readonly gaveUpAt: string | null;
  readonly resolvedAt: string | null;
  /** One plain sentence. */
  readonly reason: string;
  readonly exitCode: number | null;
  /** Restarts or failed runs in the hour before `lastAt`, oldest first, in milliseconds since the Unix epoch. */
  readonly timeline: readonly number[];
  /** Why no sink gets it, in words; null if sinks get it. */
  readonly muted: string | null;
  readonly severity: "warning" | "critical" | null;
  readonly owner: string | null;
  /** URL of HTTP or HTTPS. */
  readonly runbook: string | null;
  /** What it has in common with loops of other jobs. */
  readonly cause: CauseView | null;
}

/** A node, or only that too many loops began at one time. */
export interface CauseView {
  readonly kind: "node" | "storm";
  readonly id: string;
  /** In words: `5 jobs loop on node client-1`. */
  readonly text: string;
}

/** `GET /api/v1/loops?status=looping|gave-up|resolved&q=…&sort=newest|worst&offset=0&limit=100`. */
export interface LoopsView {
  /** All that match; `loops` is the requested page of them. */
  readonly total: number;
  readonly loops: readonly LoopView[];
}

/**
 * `GET /api/v1/jobs`, which takes what `/api/v1/loops` takes, and `toggled=<key>` for each group that is to be open, or
 * with a search text closed: loops by job, as the page lists them. Active loops that a node causes come first, by node;
 * loops that are muted come last.
 */
export interface JobsView {
  /** All rows; `rows` is the requested page of them. */
  readonly total: number;
  /** Loops that match, and how many of them are muted. */
  readonly loops: number;
  readonly muted: number;
  /** Muted loops of this status, whether they match or not. */
  readonly allMuted: number;
  readonly rows: readonly RowView[];
}

/** A row: a group, or a loop of an open group, or of a job that has no other. */
export type RowView = GroupView | {
  readonly kind: "loop";
  /** How many open groups it is in. */
  readonly level: number;
  readonly loop: LoopView;
};

/** Loops of one job, group and task, or, with the kind `node`, of one node that is the cause. */
export interface GroupView {
  readonly kind: "job" | "node";
  readonly level: number;
  /** What `toggled` takes. */
  readonly key: string;
  /** Its loops, or jobs, are the next rows. */
  readonly open: boolean;
  /** Of a job as its loops have it, without the index: `namespace/job.group/task`. Of a node the text of the cause. */
  readonly name: string;
  readonly namespace: string | null;
  /** The names of its jobs, 5 at most, and how many they are. */
  readonly jobNames: readonly string[];
  readonly jobs: number;
  /** The nodes of its loops, 5 at most, and how many they are. */
  readonly nodeNames: readonly string[];
  readonly nodes: number;
  /** Its loops of this status that match. */
  readonly loops: number;
  readonly muted: number;
  /** Further loops of its jobs, which Nomad has given up; 0 unless `loops` are active ones. */
  readonly gaveUp: number;
  /** How many of `loops` are critical. */
  readonly critical: number;
  /** The loop with the highest count. */
  readonly worst: LoopView;
  /** The earliest start. */
  readonly since: string;
  /** The newest start, or end if they are given up or resolved. */
  readonly newest: string;
  /** The most frequent reason, without its numbers, and of how many loops it is. */
  readonly reason: string;
  readonly reasonLoops: number;
  /** Why it is muted, if all of its loops are, for the same reason. */
  readonly mutedBecause: string | null;
  readonly storm: boolean;
}

/** One event of an allocation. */
export interface EventView {
  readonly at: string;
  readonly type: string;
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  /** The run failed. The type does not say so: Nomad also kills tasks that are stopped. */
  readonly failed: boolean;
  readonly allocation: string | null;
  readonly task: string | null;
  readonly node: string | null;
}

/** `GET /api/v1/allocations/<name or id of a loop, or id of an allocation>`: the loop and its events. */
export interface AllocationView {
  readonly loop: LoopView;
  /** The loop was notified before the detector started: earlier events are those that its state kept. */
  readonly restored: boolean;
  /** Oldest first, 200 at most. */
  readonly events: readonly EventView[];
  /** What was asked about the loop when it was notified. */
  readonly context: AlertContext | null;
}

/** The body of a response with a status of 400 or more. */
export interface ErrorView {
  readonly error: string;
}
