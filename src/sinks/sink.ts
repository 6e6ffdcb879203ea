// What a sink is: where alerts go.
import type { Alert } from "../detection/alert/alert.ts";
import type { Fault } from "../lib/errors.ts";
import type { Adapter } from "../lib/settings/adapter.ts";

/** A sink of alerts. It tries once; when and how often it is tried again is decided in delivery.ts. */
export interface Sink extends AsyncDisposable {
  /** For logs: `amqp`. */
  readonly type: string;
  /** Most alerts that may be unconfirmed at one time. */
  readonly concurrency: number;
  /** Gets ready to send; at once where it is ready. @throws {Fault} */
  connect(): Promise<void>;
  /** Resolves when the receiver has confirmed that it has the alert. @throws {Fault} */
  send(alert: Alert): Promise<void>;
  /** Set by the one who sends: called when a sink that was ready is no longer. */
  onLost?: (reason: Fault) => void;
  /** Set by the one who sends: called with a reason when the receiver takes nothing for now, though alerts may still
   * be sent and then wait there; and without one when that is over. */
  onBlocked?: (reason?: string) => void;
  /** Tries whether alerts could be sent; sends nothing. Yields what it found, in words. @throws {Fault} */
  check(): Promise<string>;
}

/** What a sink may use of the program. */
export interface SinkContext {
  readonly stdout: { write(bytes: Uint8Array): Promise<number> };
  /** The payload of an alert: JSON on one line. */
  json(alert: Alert): string;
  /** Whether alerts on stdout are for a person. */
  readonly readable: boolean;
  /** Whether they may have colours then. */
  readonly colored?: boolean;
}

/** A row of the table of sinks. */
export type SinkAdapter = Adapter<SinkContext, Sink>;
