// A sink that does what a test says.
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { SinkParts } from "../../src/pipeline/sink_worker.ts";
import type { StateStore } from "../../src/state/store.ts";
import { messageOf } from "../../src/detection/alert/message.ts";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Sink, SinkContext, SinkListener, SinkRecords } from "../../src/sinks/sink.ts";

const silent: SinkListener = { lost() {}, blocked() {}, part() {} };

/** The records of one sink, in memory. */
export class TestRecords implements SinkRecords {
  readonly map = new Map<string, unknown>();
  entries<Value>(): Iterable<readonly [key: string, value: Value]> {
    return [...this.map] as [string, Value][];
  }
  put(key: string, value: unknown): void {
    if (value === undefined) this.map.delete(key);
    else this.map.set(key, value);
  }
}

/** What a sink gets of the program; standard output fails. */
export function sinkContext(differs: Partial<SinkContext> = {}): SinkContext {
  return {
    listener: silent,
    records: new TestRecords(),
    stdout: { write: () => Promise.reject(new Error("not its own")) },
    json: (alert) => alertJson(alert),
    message: (alert) => messageOf(alert),
    isActive: () => true,
    cluster: undefined,
    readable: false,
    ...differs,
  };
}

/** What a delivery gets of a store, by the sink's name. */
export function partsOf(store: StateStore): (sink: string) => SinkParts {
  return (sink) => ({ outbox: store.outbox(sink), records: new TestRecords() });
}

/** An alert in flight. */
export interface InFlightSend {
  readonly alert: Alert;
  confirm(): void;
  fail(reason: unknown): void;
}

/** A sink whose connections and confirmations are in the test's hand. */
export class TestSink implements Sink {
  /** What was handed to `send` and is not settled. */
  readonly sending: InFlightSend[] = [];
  /** Ids of all alerts that were handed to `send`, and of those that were confirmed. */
  readonly sent: string[] = [];
  readonly confirmed: string[] = [];
  connects = 0;
  /** While set, `connect` fails with it. */
  down: unknown;
  /** Confirms at once. */
  ready = false;
  closed = false;
  /** What the delivery listens with. */
  listener: SinkListener = silent;

  constructor(readonly name = "test", readonly concurrency = 1) {}

  readonly open = (listener: SinkListener): Sink => {
    this.listener = listener;
    return this;
  };

  connect(): Promise<void> {
    this.connects++;
    return this.down === undefined ? Promise.resolve() : Promise.reject(this.down);
  }

  send(alert: Alert): Promise<void> {
    this.sent.push(alert.id);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => this.sending.splice(this.sending.indexOf(sending), 1);
    const sending = {
      alert,
      confirm: () => {
        leave();
        this.confirmed.push(alert.id);
        resolve();
      },
      fail: (reason: unknown) => {
        leave();
        reject(reason);
      },
    };
    this.sending.push(sending);
    if (this.down !== undefined) sending.fail(this.down);
    else if (this.ready) sending.confirm();
    return promise;
  }

  check(): Promise<string> {
    return Promise.resolve("a test's");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
