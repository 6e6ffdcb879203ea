// What an alert about the detector itself says: that it is blind, that it cannot save its state, that a sink fails.

/** What does not work, or works again. */
export interface Notice {
  /** What does not work, and its name: `source nomad`, `state`, `sink slack`. */
  readonly kind: "source" | "state" | "sink";
  readonly component: string;
  /** RFC 3339: since when, and until when, if it works again. */
  readonly since: string;
  readonly until?: string;
  /** Why it does not work, as the log says it. */
  readonly problem: string;
}
