// The event stream of the page (server-sent events): the status, and loops as they change. Each loop at most once a
// second; a client that does not read is dropped.
import type { ServerResponse } from "node:http";
import type { History, Remembered } from "./history.ts";
import type { LoopView, StatusView } from "./view.ts";

/** Bytes that may wait for a client. */
const maxWaiting = 1 << 20;
/** Bytes of loops that are sent at one time; those that wait come the next time. */
const maxAtOnce = 256 << 10;
/** Milliseconds between two times that loops are sent, and between two times that the status is. */
const flushEvery = 1_000;
const statusEvery = 5_000;
/** Clients that are served in one turn: between two, detection goes on. */
const clientsInTurn = 10;
/** Changes that come together are sent together. */
const moment = 50;

/** An answer that does not end. */
type Client = ServerResponse;

const utf8 = new TextEncoder();

/** All clients of the stream. Disposing it ends their streams. */
export class EventStream implements Disposable {
  /** Clients that were dropped since they did not read. */
  dropped = 0;
  readonly #status: () => StatusView;
  readonly #view: (loop: Remembered) => LoopView;
  readonly #clients = new Set<Client>();
  /** What changed and is not sent yet, in that order. */
  readonly #changed = new Set<Remembered>();
  /** What is on its way to clients, each with those that have yet to get it. */
  readonly #outgoing: { readonly bytes: Uint8Array; readonly clients: Client[] }[] = [];
  #turnTimer: ReturnType<typeof setTimeout> | undefined;
  #flushedAt = -Infinity;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #statusTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** Is called before loops are sent. */
  onFlush: (() => void) | undefined;

  /** `view` yields a loop as it is now. */
  constructor(
    history: History,
    status: () => StatusView,
    view: (loop: Remembered) => LoopView,
  ) {
    this.#status = status;
    this.#view = view;
    history.onChange = (loop) => this.#change(loop);
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Sends the events to one more client, until `over`, as an answer whose head is written. */
  open(client: Client, over: Promise<void>): void {
    if (this.#closed) return void client.end();
    this.#clients.add(client);
    over.then(() => this.#remove(client));
    this.#send(client, utf8.encode(`retry: 2000\n\n${this.#statusText()}`));
    this.#statusTimer ??= setInterval(() => this.#sendAll(this.#statusText()), statusEvery);
  }

  /** With a comment before it, by which a client knows that the stream lives. */
  #statusText(): string {
    return `:\n\nevent: status\ndata: ${JSON.stringify(this.#status())}\n\n`;
  }

  #change(loop: Remembered): void {
    if (this.#clients.size === 0) return;
    this.#changed.add(loop);
    this.#flushSoon();
  }

  #flushSoon(): void {
    const wait = Math.max(moment, this.#flushedAt + flushEvery - performance.now());
    this.#flushTimer ??= setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#flushedAt = performance.now();
    this.onFlush?.();
    let text = "";
    for (const loop of this.#changed) {
      if (text.length > maxAtOnce) break;
      this.#changed.delete(loop);
      const view = this.#view(loop);
      text += `event: ${view.status === "looping" ? "loop" : view.status}\ndata: ${JSON.stringify(view)}\n\n`;
    }
    this.#sendAll(text);
    if (this.#changed.size > 0) this.#flushSoon();
  }

  #sendAll(text: string): void {
    if (text === "" || this.#clients.size === 0) return;
    this.#outgoing.push({ bytes: utf8.encode(text), clients: [...this.#clients] });
    this.#turnTimer ??= setTimeout(() => this.#turn(), 0);
  }

  #turn(): void {
    this.#turnTimer = undefined;
    const next = this.#outgoing[0];
    if (next === undefined) return;
    for (const client of next.clients.splice(0, clientsInTurn)) {
      if (this.#clients.has(client)) this.#send(client, next.bytes);
    }
    if (next.clients.length === 0) this.#outgoing.shift();
    if (this.#outgoing.length > 0) this.#turnTimer = setTimeout(() => this.#turn(), 0);
  }

  #send(client: Client, bytes: Uint8Array): void {
    if (client.writableLength + bytes.length <= maxWaiting) return void client.write(bytes);
    this.dropped++;
    this.#remove(client);
    client.destroy();
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#statusTimer);
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#turnTimer);
    this.#statusTimer = this.#flushTimer = this.#turnTimer = undefined;
    this.#outgoing.length = 0;
    this.#changed.clear();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const client of this.#clients) {
      this.#remove(client);
      client.end();
    }
  }
}
