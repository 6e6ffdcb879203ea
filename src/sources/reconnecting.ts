// The retry loop of all live sources. A live source connects once and reads; this connects it again, with back-off,
// after every outage.
import { delay } from "../lib/delay.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { RetryState } from "../lib/retry.ts";
import type { Batch, ContextOf, Source, SourceContext } from "./source.ts";

/** A source whose connection can be lost. It must not retry. */
export interface LiveSource {
  /** The word that selects it, as in `SOURCE_TYPE`. */
  readonly type: string;
  /**
   * Connects once; called again, with back-off, until it succeeds, and after every connection that ended.
   * `checkpoint` is what was kept of the checkpoints of its batches at the start. @throws {Fault}
   */
  connect(stop: AbortSignal, checkpoint: ReadonlyMap<string, string>): Promise<Connection>;
  /** Verifies that it can be read; consumes nothing. Returns what it found, in words. @throws {Fault} */
  check(stop: AbortSignal): Promise<string>;
  /** See `Source`, for both. They need no connection of the source. */
  readonly contextOf?: ContextOf;
  readonly maxUnacknowledged?: number;
}

/** One connection of a live source. Disposing it closes it; that may happen more than once. */
export interface Connection extends AsyncDisposable {
  /**
   * Batches until `stop`, or until the connection is to be renewed. Batches may still be acknowledged until the
   * connection is disposed. @throws {Fault} when it is lost; it closes itself then.
   */
  batches(stop: AbortSignal): AsyncIterable<Batch>;
}

/** A server ended the connection and gave a reason that it also gives when it shuts down. The reason is reported only
 * if the server still answers. */
export class EndedByServer extends Fault {}

/** Milliseconds after which a server that ended a connection is asked whether it is still there. */
const reconnectAfter = 100;

/** What the loop needs of the program. */
type RetryContext = Pick<SourceContext, "log" | "startupDeadline" | "health" | "visibility">;

/** A live source with retries. */
export class ReconnectingSource implements Source {
  readonly mode = "live";
  readonly contextOf: ContextOf | undefined;
  readonly maxUnacknowledged: number | undefined;
  readonly #source: LiveSource;
  readonly #context: RetryContext;
  readonly #closed = new AbortController();
  #connection: Connection | undefined;

  constructor(source: LiveSource, context: RetryContext) {
    this.#source = source;
    this.#context = context;
    this.contextOf = source.contextOf;
    this.maxUnacknowledged = source.maxUnacknowledged;
  }

  async *batches(
    stopped: AbortSignal,
    checkpoint: ReadonlyMap<string, string> = new Map(),
  ): AsyncIterable<Batch> {
    const { log, startupDeadline, health, visibility } = this.#context;
    const component = `source ${this.#source.type}`;
    const stop = AbortSignal.any([stopped, this.#closed.signal]);
    const retry = new RetryState(log, component, startupDeadline, health);
    let wasConnected = false;
    let ended: EndedByServer | undefined;
    while (!stop.aborted) {
      let isConnected = false;
      try {
        const connection = this.#connection = await this.#source.connect(stop, checkpoint);
        if (this.#closed.signal.aborted) return await connection[Symbol.asyncDispose]();
        if (ended !== undefined) retry.failed(ended);
        ended = undefined;
        retry.succeeded();
        isConnected = wasConnected = true;
        yield* connection.batches(stop);
        if (stop.aborted) return;
        await connection[Symbol.asyncDispose]();
        visibility?.lose();
      } catch (error) {
        if (stop.aborted) return;
        const fault = asFault(error);
        if (fault instanceof EndedByServer) {
          ended = fault;
          await delay(reconnectAfter, stop);
          continue;
        }
        ended = undefined;
        // Once connected, a refusal may pass; what the settings get wrong on an open connection does not.
        if (fault.recovery === "config" && (isConnected || !wasConnected)) {
          throw new Fault(`${component}: ${fault.message}`, fault.recovery);
        }
        visibility?.lose();
        await delay(retry.failed(fault), stop);
      }
    }
  }

  check(): Promise<string> {
    return this.#source.check(this.#closed.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#connection?.[Symbol.asyncDispose]();
  }
}
