// The detector's answers and its stream of events. Both are fetched, since EventSource cannot send a token.

/** @typedef {import("../view.ts").StatusView} StatusView */
/** @typedef {import("../view.ts").LoopView} LoopView */
/** @typedef {import("../view.ts").LoopsView} LoopsView */
/** @typedef {import("../view.ts").AllocationView} AllocationView */

/** An answer with a status of 400 or more; its message is what the detector says of it. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const tokenKey = "nomad-crashloop-detector token";

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(tokenKey, token);
}

/** @returns {boolean} whether a token is kept */
export function hasToken() {
  return sessionStorage.getItem(tokenKey) !== null;
}

/** Forgets a token that was refused. */
export function dropToken() {
  sessionStorage.removeItem(tokenKey);
}

/**
 * What `/api/v1/` answers on a path. Throws a Refusal, or the TypeError of fetch where nothing answers.
 *
 * @template T
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function get(path, signal) {
  const response = await ask(path, "application/json", signal);
  return await response.json();
}

/**
 * @param {string} path
 * @param {string} accept
 * @param {AbortSignal} [signal]
 */
async function ask(path, accept, signal) {
  const token = sessionStorage.getItem(tokenKey);
  const response = await fetch(`/api/v1/${path}`, {
    headers: { accept, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    cache: "no-store",
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.ok) return response;
  const message = await response.json().then(({ error }) => error, () => undefined);
  throw new Refusal(
    response.status,
    typeof message === "string" ? message : `the detector answered ${response.status}`,
  );
}

/**
 * The events of `/api/v1/events`, until the connection ends. Throws as `get` does.
 *
 * @param {AbortSignal} signal
 * @param {() => void} heard called for whatever comes, heartbeats too
 * @returns {AsyncGenerator<{ event: string, data: string }>}
 */
export async function* events(signal, heard) {
  const { body } = await ask("events", "text/event-stream", signal);
  heard();
  if (!body) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    yield* parser.read(value);
  }
}

/** Puts the lines of an event stream together (HTML Standard, 9.2.6), as far as this stream has them. */
export class EventParser {
  #rest = "";
  #event = "message";
  /** @type {string[]} */
  #data = [];

  /**
   * @param {string} text the next part of the stream
   * @returns {{ event: string, data: string }[]} the events that it completes
   */
  read(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    const complete = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) complete.push({ event: this.#event, data: this.#data.join("\n") });
        this.#event = "message";
        this.#data = [];
      } else this.#take(line);
    }
    return complete;
  }

  /** @param {string} line */
  #take(line) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
  }
}
