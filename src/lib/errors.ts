// What can go wrong with the world outside: one sentence that says what was attempted, on what, what was found
// and what to do.

/** How a fault can end. */
export type Recovery =
  /** By itself: it is tried again. */
  | "transient"
  /** By an operator's hand: a queue is missing there, say. It is tried again, and told even amid an outage. */
  | "operator"
  /** Not while the settings are as they are: wrong password, unknown virtual host. At the start it ends the program. */
  | "config"
  /** Not for this alert: it is too large, say. The alert is given up. */
  | "rejected"
  /** Nobody is there any more: the reader of stdout went away. It ends the program. */
  | "closed";

/** A fault of a source or a sink, in words for the operator. Its message holds no secret. */
export class Fault extends Error {
  override readonly name = "Fault";
  /** `retryAfter`: milliseconds that the other side asks to wait before the next attempt. */
  constructor(message: string, readonly recovery: Recovery = "transient", readonly retryAfter = 0) {
    super(message);
  }
}

/** The error as a fault: unforeseen ones are taken for such as heal. */
export function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault(error instanceof Error ? error.message : String(error));
}
