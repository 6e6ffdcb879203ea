// What is sent in one turn of the event loop, put together into requests of as many entries as a service takes.
import { Fault } from "../../lib/errors.ts";

/** The result of one entry: undefined, or why it failed. */
export type EntryResult = Error | undefined;

/** An entry that SQS or SNS failed. */
interface FailedEntry {
  readonly Id: string | undefined;
  readonly Code: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault: boolean | undefined;
}

/** The results of entries, of which those that failed are named by their ids. `where` is for people. */
export function resultsOf(
  entries: readonly { readonly Id: string | undefined }[],
  failed: readonly FailedEntry[],
  where: string,
): EntryResult[] {
  return entries.map(({ Id }) => {
    const one = failed.find((entry) => entry.Id === Id);
    if (one === undefined) return undefined;
    const { Code, Message = "no reason", SenderFault } = one;
    return new Fault(`${where}: ${Code}: ${Message}`, SenderFault ? "rejected" : "transient");
  });
}

/** Rejects an alert that no request can hold. @throws {Fault} */
export function requireSize(bytes: number, { maxBytes }: BatchLimits, where: string): void {
  if (bytes <= maxBytes) return;
  throw new Fault(`${where} takes at most ${maxBytes} bytes; the alert has ${bytes}`, "rejected");
}

/** Limits of a request. */
export interface BatchLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Waiting<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
  readonly settled: PromiseWithResolvers<void>;
}

/** Sends entries in batches. */
export class Batches<Entry> {
  readonly #limits: BatchLimits;
  readonly #send: (entries: readonly Entry[]) => Promise<readonly EntryResult[]>;
  #waiting: Waiting<Entry>[] = [];

  /** `send` sends one request, and returns the result of each of its entries in order; it throws where all failed. */
  constructor(limits: BatchLimits, send: (entries: readonly Entry[]) => Promise<readonly EntryResult[]>) {
    this.#limits = limits;
    this.#send = send;
  }

  /** Resolves when the service has the entry, of so many bytes. */
  add(entry: Entry, bytes: number): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#waiting.push({ entry, bytes, settled });
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    return settled.promise;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const { maxEntries, maxBytes } = this.#limits;
    for (let begin = 0, end; begin < waiting.length; begin = end) {
      let bytes = waiting[begin]!.bytes;
      for (end = begin + 1; end < waiting.length && end - begin < maxEntries; end++) {
        if ((bytes += waiting[end]!.bytes) > maxBytes) break;
      }
      void this.#sendTogether(waiting.slice(begin, end));
    }
  }

  async #sendTogether(batch: readonly Waiting<Entry>[]): Promise<void> {
    try {
      const results = await this.#send(batch.map(({ entry }) => entry));
      for (const [index, { settled }] of batch.entries()) {
        const result = results[index];
        if (result === undefined) settled.resolve();
        else settled.reject(result);
      }
    } catch (error) {
      for (const { settled } of batch) settled.reject(error);
    }
  }
}
