// The event stream of the page (server-sent events): the status, and loops as they change, each at most once a second.
// A client that does not read is dropped.
import type { ServerResponse } from "node:http";
import type { LoopHistory } from "../history/history.ts";
import type { Loop } from "../history/loop.ts";
import type { LoopView, StatusView } from "../view.ts";

/** Bytes that may be pending for a client. */
const maxPending = 1 << 20;
/** Bytes of loops that are sent at one time; the rest follows in the next flush. */
const maxFlush = 256 << 10;
/** How often loops, and the status, are sent, in milliseconds. */
const flushEvery = 1_000;
const statusEvery = 5_000;
/** Clients that are served in one turn of the event loop, so that detection is not held up. */
const clientsInTurn = 10;
/** Changes within these milliseconds are sent together. */
const flushDelay = 50;

/** A response that does not end. */
type Client = ServerResponse;

const utf8 = new TextEncoder();

/** What a stream sends. */
export interface StreamContent {
  readonly history: LoopHistory;
  status(): StatusView;
  view(loop: Loop): LoopView;
  /** Called before loops are sent. */
  beforeFlush(): void;
}

/** The clients of the stream. Disposing it ends their responses. */
export class LoopEventStream implements Disposable {
  /** Clients that were dropped because they did not read. */
  dropped = 0;
  readonly #content: StreamContent;
  readonly #subscription: Disposable;
  readonly #clients = new Set<Client>();
  /** Loops that changed and are not sent yet, in that order. */
  readonly #changed = new Set<Loop>();
  /** Bytes to be sent, each with the clients that have yet to get them. */
  readonly #outgoing: { readonly bytes: Uint8Array; readonly clients: Client[] }[] = [];
  #turnTimer: ReturnType<typeof setTimeout> | undefined;
  #flushedAt = -Infinity;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #statusTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(content: StreamContent) {
    this.#content = content;
    this.#subscription = content.history.subscribe((loop) => this.#change(loop));
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Adds a client, whose response head is written, until `closed` resolves. */
  open(client: Client, closed: Promise<void>): void {
    if (this.#closed) return void client.end();
    this.#clients.add(client);
    closed.then(() => this.#remove(client));
    this.#send(client, utf8.encode(`retry: 2000\n\n${this.#statusText()}`));
    this.#statusTimer ??= setInterval(() => this.#sendAll(this.#statusText()), statusEvery);
  }

  /** The status, after a comment that serves as heartbeat. */
  #statusText(): string {
    return `:\n\nevent: status\ndata: ${JSON.stringify(this.#content.status())}\n\n`;
  }

  #change(loop: Loop): void {
    if (this.#clients.size === 0) return;
    this.#changed.add(loop);
    this.#flushSoon();
  }

  #flushSoon(): void {
    const wait = Math.max(flushDelay, this.#flushedAt + flushEvery - performance.now());
    this.#flushTimer ??= setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#flushedAt = performance.now();
    this.#content.beforeFlush();
    let text = "";
    for (const loop of this.#changed) {
      if (text.length > maxFlush) break;
      this.#changed.delete(loop);
      const view = this.#content.view(loop);
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
    if (client.writableLength + bytes.length <= maxPending) return void client.write(bytes);
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
    this.#subscription[Symbol.dispose]();
    for (const client of this.#clients) {
      this.#remove(client);
      client.end();
    }
  }
}
