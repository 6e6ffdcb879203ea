// A sink that does what a test says.
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { Fault } from "../../src/lib/errors.ts";
import type { Sink } from "../../src/sinks/sink.ts";

/** An alert on its way. */
export interface OnItsWay {
  readonly alert: Alert;
  confirm(): void;
  fail(reason: unknown): void;
}

/** A sink whose connections and confirmations are in the test's hand. */
export class TestSink implements Sink {
  /** What was handed to `send` and is not settled. */
  readonly sending: OnItsWay[] = [];
  /** Ids of all alerts that were handed to `send`, and of those that were confirmed. */
  readonly sent: string[] = [];
  readonly confirmed: string[] = [];
  connects = 0;
  /** While set, `connect` fails with it. */
  down: unknown;
  /** Confirms at once. */
  ready = false;
  closed = false;
  onLost?: (reason: Fault) => void;

  constructor(readonly type = "test", readonly concurrency = 1) {}

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
