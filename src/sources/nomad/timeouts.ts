// The times that the source `nomad` waits and repeats by.

/** How long things take, in milliseconds. */
export interface Timeouts {
  /** Without a byte from Nomad, whose heartbeat comes every 30 s. */
  readonly idle: number;
  /** Until the connection is made anew, so that namespaces are found that are new. */
  readonly renewal: number;
  /** Without a line, after which the stream has sent what it had. */
  readonly catchUp: number;
  /** Between two commits of a position at which nothing was news. */
  readonly checkpoint: number;
  /** Between two heartbeats at most; after a longer pause Nomad itself may have to catch up, … */
  readonly heartbeat: number;
  /** … for which it is given so long, as after a list: its clients report what happened while it did not answer. */
  readonly settle: number;
  /** For which a job must be dead to be given up. */
  readonly deadJob: number;
  /** Between two looks at what became of the jobs that fail. */
  readonly audit: number;
}

/** The timeouts that suits Nomad. */
export const defaultTimeouts: Timeouts = {
  idle: 65_000,
  renewal: 3_600_000,
  catchUp: 500,
  checkpoint: 10_000,
  heartbeat: 35_000,
  settle: 30_000,
  deadJob: 5_000,
  audit: 60_000,
};
