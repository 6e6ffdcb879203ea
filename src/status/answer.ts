// What is answered: status, headers and a body; and how many bytes of all bodies clients have yet to take.
import type { ServerResponse } from "node:http";
import type { ErrorView } from "./view.ts";

/** An answer. Several may have the same body. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Where nothing may keep the answer. */
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

/** What cannot be answered now. */
export function busy(error: string): Answer {
  return failure(503, `${error}; try again later`, { "retry-after": "1" });
}

/** Bodies that clients have yet to take. */
export class InFlight {
  /** Of all bodies; one that several clients get counts once. */
  bytes = 0;
  readonly #clients = new Map<Uint8Array, number>();

  /** Sends an answer; `over` resolves when the client has it or is gone. */
  send(
    response: ServerResponse,
    { status, headers, body }: Answer,
    withBody: boolean,
    over: Promise<void>,
  ): void {
    response.writeHead(status, { ...headers, "content-length": `${body.length}` });
    if (!withBody) return void response.end();
    this.#add(body);
    over.then(() => this.#remove(body));
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

/** Bodies that were made a moment ago, for who asks for the same. */
export class Recent {
  readonly #age: number;
  readonly #bodies = new Map<string, { readonly at: number; readonly answer: Answer }>();

  /** They are good enough for so many milliseconds. */
  constructor(age: number) {
    this.#age = age;
  }

  get(key: string, make: () => Answer): Answer {
    const now = performance.now();
    for (const [key, { at }] of this.#bodies) if (now - at >= this.#age) this.#bodies.delete(key);
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
