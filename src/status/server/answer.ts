// Builds responses, reuses recent ones for a moment, and counts the bytes that clients have yet to read.
import type { ServerResponse } from "node:http";
import type { ErrorView } from "../view.ts";

/** A response. Several may share a body. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** For responses that must not be cached. */
export const fresh = { "cache-control": "no-store" };

const utf8 = new TextEncoder();

export function text(status: number, body: string): Answer {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...fresh },
    body: utf8.encode(body),
  };
}

export function json(status: number, body: unknown): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...fresh },
    body: utf8.encode(JSON.stringify(body)),
  };
}

export function failure(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const { body, headers: usual } = json(status, { error } satisfies ErrorView);
  return { status, headers: { ...usual, ...headers }, body };
}

/** The response when a limit is reached. */
export function busy(error: string): Answer {
  return failure(503, `${error}; try again later`, { "retry-after": "1" });
}

/** Bodies that clients have yet to read. */
export class InFlight {
  /** Of all bodies; a body sent to several clients counts once. */
  bytes = 0;
  readonly #clients = new Map<Uint8Array, number>();

  /** Sends a response; `done` resolves when the client has it or is gone. */
  send(
    response: ServerResponse,
    { status, headers, body }: Answer,
    withBody: boolean,
    done: Promise<void>,
  ): void {
    response.writeHead(status, { ...headers, "content-length": `${body.length}` });
    if (!withBody) return void response.end();
    this.#add(body);
    done.then(() => this.#remove(body));
    response.end(body);
  }

  #add(body: Uint8Array): void {
    const clients = this.#clients.get(body) ?? 0;
    if (clients === 0) this.bytes += body.length;
    this.#clients.set(body, clients + 1);
  }

  #remove(body: Uint8Array): void {
    const clients = this.#clients.get(body)! - 1;
    if (clients > 0) return void this.#clients.set(body, clients);
    this.#clients.delete(body);
    this.bytes -= body.length;
  }
}

/** A cache of responses for clients that request the same at nearly the same time. */
export class Recent {
  readonly #maxAge: number;
  readonly #bodies = new Map<string, { readonly at: number; readonly answer: Answer }>();

  /** Responses expire after so many milliseconds. */
  constructor(maxAge: number) {
    this.#maxAge = maxAge;
  }

  get(key: string, make: () => Answer): Answer {
    const now = performance.now();
    for (const [key, { at }] of this.#bodies) if (now - at >= this.#maxAge) this.#bodies.delete(key);
    const found = this.#bodies.get(key);
    if (found !== undefined) return found.answer;
    const answer = make();
    this.#bodies.set(key, { at: now, answer });
    return answer;
  }

  clear(): void {
    this.#bodies.clear();
  }
}
