// The times that the source `nomad` waits and repeats by.

/** How long things take, in milliseconds. */
export interface Pace {
  /** Without a byte from Nomad, whose heartbeat comes every 30 s. */
  readonly silence: number;
  /** Until the connection is made anew, so that namespaces are found that are new. */
  readonly renewal: number;
  /** Without a line, after which the stream has sent what it had. */
  readonly quiet: number;
  /** Between two commits of a position at which nothing was news. */
  readonly idleCommit: number;
  /** Between two heartbeats at most; after a longer pause Nomad itself may have to catch up, … */
  readonly beat: number;
  /** … for which it is given so long, as after a list: its clients report what happened while it did not answer. */
  readonly settling: number;
  /** For which a job must be dead to be given up. */
  readonly settled: number;
  /** Between two looks at what became of the jobs that fail. */
  readonly audit: number;
}

/** The pace that suits Nomad. */
export const defaultPace: Pace = {
  silence: 65_000,
  renewal: 3_600_000,
  quiet: 500,
  idleCommit: 10_000,
  beat: 35_000,
  settling: 30_000,
  settled: 5_000,
  audit: 60_000,
};
