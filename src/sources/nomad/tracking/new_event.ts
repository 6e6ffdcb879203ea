// The updates that the source `nomad` passes on, each with the time of its event.

/** An update to pass on. */
export interface NewEvent {
  readonly text: string;
  /** Approximate time of its event, in nanoseconds. */
  readonly time: number;
}
