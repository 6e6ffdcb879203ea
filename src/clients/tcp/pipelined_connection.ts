// A connection on which requests are sent without waiting for each other, and answered in their order. It does not
// reconnect; its user does.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { Fault } from "../../lib/errors.ts";
import { explainSocket } from "./socket.ts";

/** Makes replies of what comes in pieces. */
export interface Decoder<Reply> {
  /** The replies that are whole by now. @throws {Fault} where it is no reply of the protocol. */
  decode(bytes: Buffer): Iterable<Reply>;
}

/** Milliseconds that an answer may take. */
const answerTimeout = 10_000;

/** An open connection. */
export class PipelinedConnection<Reply> {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #onLost: (fault: Fault) => void;
  readonly #pending: PromiseWithResolvers<Reply>[] = [];
  /** It is refreshed by each answer, which costs a tenth of a new one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What is sent in this turn of the event loop. */
  #unsent: (Uint8Array | string)[] = [];
  /** Why it is not usable any more. */
  #ended: Fault | undefined;

  /** `where` is its other side, for people. `onLost` is called once if that or the network ends it. */
  constructor(socket: Socket, where: string, decoder: Decoder<Reply>, onLost: (fault: Fault) => void) {
    this.#socket = socket;
    this.#where = where;
    this.#onLost = onLost;
    socket.on("data", (bytes: Buffer) => this.#take(decoder, bytes));
    socket.on("error", (error) => this.#lose(explainSocket(error, where)));
    for (const event of ["end", "close"]) {
      socket.on(event, () => this.#lose(new Fault(`${where} closed the connection`)));
    }
    // It can have been lost before anybody listened.
    if (socket.destroyed) this.#lose(new Fault(`${where} closed the connection`));
  }

  /** False as soon as it is lost or closed. */
  get usable(): boolean {
    return this.#ended === undefined;
  }

  /** How many requests have no answer yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Sends a request and resolves with its answer. @throws {Fault} where the connection ends before. */
  async request(bytes: Uint8Array | string): Promise<Reply> {
    if (this.#ended !== undefined) throw this.#ended;
    const answered = Promise.withResolvers<Reply>();
    this.#pending.push(answered);
    this.#timer ??= this.#deadline();
    this.write(bytes);
    return await answered.promise;
  }

  /** Sends what has no answer; what is sent in one turn of the event loop leaves in one write. */
  write(bytes: Uint8Array | string): void {
    if (this.#unsent.push(bytes) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    if (this.#ended !== undefined) return;
    this.#socket.write(
      unsent.every((part) => typeof part === "string")
        ? unsent.join("")
        : Buffer.concat(unsent.map((part) => typeof part === "string" ? Buffer.from(part) : part)),
    );
  }

  /** Ends it at once, without calling `onLost`. Requests without an answer fail with the reason. */
  close(reason: Fault = new Fault("closed")): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { reject } of this.#pending.splice(0)) reject(reason);
  }

  #take(decoder: Decoder<Reply>, bytes: Buffer): void {
    if (this.#ended !== undefined) return;
    try {
      for (const reply of decoder.decode(bytes)) this.#answer(reply);
    } catch (error) {
      this.#lose(error as Fault);
    }
  }

  #answer(reply: Reply): void {
    const answered = this.#pending.shift();
    if (answered === undefined) throw new Fault(`${this.#where} answers what it was not asked`);
    if (this.#pending.length > 0) this.#timer?.refresh();
    else {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    answered.resolve(reply);
  }

  #deadline(): ReturnType<typeof setTimeout> {
    return setTimeout(
      () => this.#lose(new Fault(`${this.#where}: no answer within ${answerTimeout / 1000} s`)),
      answerTimeout,
    );
  }

  #lose(fault: Fault): void {
    if (this.#ended !== undefined) return;
    this.close(fault);
    this.#onLost(fault);
  }
}
