// What a sink is: where alerts go. The port of every adapter in this folder.
import type { Alert } from "../detection/alert/alert.ts";
import type { Message } from "../detection/alert/message.ts";
import type { Fault } from "../lib/errors.ts";

/** A sink of alerts. It tries once; when and how often to retry is decided in pipeline/sink_worker.ts. */
export interface Sink extends AsyncDisposable {
  /** Maximum alerts that may be in flight at one time. */
  readonly concurrency: number;
  /** Gets ready to send; at once if it is ready. @throws {Fault} */
  connect(): Promise<void>;
  /** Resolves when the receiver has confirmed the alert. @throws {Fault} */
  send(alert: Alert): Promise<void>;
  /** Tries whether alerts could be sent; sends nothing. Returns what it found, in words. @throws {Fault} */
  check(): Promise<string>;
}

/** Who listens to a sink between sends. */
export interface SinkListener {
  /** A connection that was established is lost. */
  lost(reason: Fault): void;
  /** The receiver takes nothing for now, for this reason, though alerts may be sent and are then pending there; without
   * a reason it takes alerts again. */
  blocked(reason?: string): void;
  /** A part of the receiver, such as one member of its cluster, fails while others take alerts; without a fault it works
   * again. */
  part(name: string, fault?: Fault): void;
}

/** What a sink remembers from one start to the next, by key. What is put is kept by the next commit of the state. */
export interface SinkRecords {
  entries<Value>(): Iterable<readonly [key: string, value: Value]>;
  /** Plain data; undefined forgets it. */
  put(key: string, value: unknown): void;
}

/** What a sink may use of the program. */
export interface SinkContext {
  readonly listener: SinkListener;
  readonly records: SinkRecords;
  readonly stdout: { write(bytes: Uint8Array): Promise<number> };
  /** The payload of an alert: JSON on one line. */
  json(alert: Alert): string;
  /** What a person reads of an alert. */
  message(alert: Alert): Message;
  /** Whether the rule knows a loop of this name, an alert's, that goes on or was given up. */
  isActive(name: string): boolean;
  /** Name of the cluster, where it has one. */
  readonly cluster: string | undefined;
  /** Whether alerts on stdout are for a person. */
  readonly readable: boolean;
  /** Whether they may have colours then. */
  readonly colored?: boolean;
}

/** A sink that the settings chose, ready to be opened. */
export interface PlannedSink {
  /** `slack`, or `webhook:audit` where it has a name of its own. For logs, metrics and the state. */
  readonly name: string;
  /** Whether it gets the ends of loops. */
  readonly getsEnds: boolean;
  /** Whether it gets this alert. */
  accepts(alert: Alert): boolean;
  open(listener: SinkListener, records: SinkRecords): Sink;
  /** Whether its alerts wait some seconds for what the source knows of their loops. */
  readonly showsContexts?: boolean;
}
