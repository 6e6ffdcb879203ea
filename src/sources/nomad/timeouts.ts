// The timeouts and periods of the source `nomad`.

/** Durations in milliseconds. */
export interface Timeouts {
  /** Time without a byte after which a connection is dead; Nomad sends a heartbeat every 30 s. */
  readonly idle: number;
  /** Age at which a connection is renewed, which finds new namespaces. */
  readonly renewal: number;
  /** Time without a line after which the stream has caught up. */
  readonly catchUp: number;
  /** Time between two checkpoints of a position without new events. */
  readonly checkpoint: number;
  /** Maximum time between two heartbeats; after a longer pause Nomad itself may have to catch up, … */
  readonly heartbeat: number;
  /** … within this time, as after a list: its clients report what happened while it did not answer. */
  readonly settle: number;
  /** Time for which a job must be dead to count as given up. */
  readonly deadJob: number;
  /** Time between two checks of the jobs that fail. */
  readonly audit: number;
  /** Maximum time for all that is asked about a loop before an alert is sent; 3 s by default. */
  readonly context?: number;
}

/** The durations for a real Nomad. */
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
