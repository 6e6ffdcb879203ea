// Faults of the outside world. A fault is one sentence: what was attempted, on what, what was found, what to do.

/** What helps against a fault. */
export type Recovery =
  /** Time: it is retried. */
  | "transient"
  /** An operator, for example if a queue is missing. It is retried, and logged even during an outage. */
  | "operator"
  /** Other settings, for example if the password is wrong. At the start it ends the program. */
  | "config"
  /** Nothing, for this alert: it is too large, for example. The alert is dropped. */
  | "rejected"
  /** Nothing: the reader of stdout is gone. It ends the program. */
  | "closed";

/** A fault in words for the operator. Its message contains no secret. */
export class Fault extends Error {
  override readonly name = "Fault";
  /** `retryAfter`: milliseconds that the other side asks to wait before the next attempt. */
  constructor(message: string, readonly recovery: Recovery = "transient", readonly retryAfter = 0) {
    super(message);
  }
}

/** The error as a fault; an unknown error counts as transient. */
export function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault(error instanceof Error ? error.message : String(error));
}
