// What the status server shows, as JSON: the shapes of `/api/v1`, which the page reads too. Fields are only ever added.
// Times are RFC 3339 with nanoseconds unless the name says otherwise; what is not known is null.

/** `GET /api/v1/status`, and the event `status` of `/api/v1/events`. */
export interface StatusView {
  readonly version: string;
  /** When the program began, on the wall's clock. */
  readonly startedAt: string;
  /** When this was said, on the wall's clock: that of `startedAt`, of `since` of source and sinks, and of `oldest`. */
  readonly wallNow: string;
  /** And on the clock that loops and events have: the wall's, or that of the events, where it is the newest one's time. */
  readonly mode: "live" | "batch";
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
  readonly source: PartView & {
    /** Its input has been read to the end: nothing more comes. */
    readonly ended: boolean;
  };
  readonly sinks: readonly (PartView & {
    /** Alerts that are not confirmed, and since when the oldest of them waits. */
    readonly waiting: number;
    readonly oldest: string | null;
  })[];
  /** What came: `events`, of them `duplicates`, `outsideWindow` and `intended`, `others` and `malformed`. */
  readonly messages: {
    readonly events: number;
    readonly others: number;
    readonly malformed: number;
    readonly duplicates: number;
    readonly outsideWindow: number;
    readonly requested: number;
  };
  readonly alerts: number;
  /** Names that are remembered, those that loop now, and the time of the newest event. */
  readonly names: number;
  readonly looping: number;
  readonly lastEventAt: string | null;
}

/** A source or a sink. */
export interface PartView {
  readonly type: string;
  readonly up: boolean;
  /** Since when it is up or down. */
  readonly since: string;
  /** Why it is down, or takes nothing though it is up, in words. */
  readonly problem: string | null;
}

/** A loop in a list: `GET /api/v1/loops`, and the events `loop` (it began or went on) and `over` (it ended, or was given up). */
export interface LoopView {
  /** The id that all alerts about the loop have in common. */
  readonly id: string;
  /** `gave-up`: Nomad makes no further attempt, and nobody has stopped the job or run it again. */
  readonly status: "looping" | "gave-up" | "resolved";
  /** What restarts are counted by: `job.group[index]`, after `namespace/` where that is known. */
  readonly name: string;
  readonly namespace: string | null;
  readonly job: string;
  readonly group: string | null;
  readonly task: string | null;
  readonly node: string | null;
  /** The last allocation, as a Nomad id. */
  readonly allocation: string | null;
  /** Restarts in the window, or failed runs in a row. */
  readonly count: number;
  /** How often it was told, its end included. */
  readonly alerts: number;
  /** When it was told first; null where that was before the program started, and its state did not keep it. */
  readonly firstNotifiedAt: string | null;
  readonly since: string;
  readonly lastAt: string;
  /** When it ended, or was given up. */
  readonly endedAt: string | null;
  /** One plain sentence. */
  readonly reason: string;
  readonly exitCode: number | null;
  /** Its restarts, or failed runs, of the last hour before `lastAt`, oldest first: milliseconds since the Unix epoch. */
  readonly timeline: readonly number[];
}

/** `GET /api/v1/loops?status=looping|gave-up|resolved&q=…&sort=newest|worst&offset=0&limit=100`. */
export interface LoopsView {
  /** How many match, and those of them that were asked for. */
  readonly total: number;
  readonly loops: readonly LoopView[];
}

/** One event of an allocation. */
export interface EventView {
  readonly at: string;
  readonly type: string;
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  /** It says that the run failed, whatever its type: Nomad kills a task that failed as one that somebody stops. */
  readonly failed: boolean;
  readonly allocation: string | null;
  readonly task: string | null;
  readonly node: string | null;
}

/** `GET /api/v1/allocations/<name or id of a loop, or id of an allocation>`: its loop and what was seen of it. */
export interface AllocationView {
  readonly loop: LoopView;
  /** It was told before the program started: of what was before, the events are those that its state kept. */
  readonly restored: boolean;
  /** Oldest first; the last 200 at most. */
  readonly events: readonly EventView[];
}

/** What an error answers, with a status of 400 or more. */
export interface ErrorView {
  readonly error: string;
}
