// The connection that keeps the page live: it reads the stream of events, and reconnects.
import { events, Refusal } from "./api.js";

/** The connection is considered lost after this time without data, in milliseconds; heartbeats are more frequent. */
const idleTimeout = 45_000;
/** How long a connection may be lost before the page says so, in milliseconds. */
const gracePeriod = 1_500;

/** A stream of events that is opened again whenever it ends. */
export class Connection {
  /** When data was received last, by this machine's clock. */
  receivedAt = Date.now();
  live = false;
  /** Whether it has been lost for longer than a moment. */
  isLost = false;
  #abort = new AbortController();
  #lostTimer = 0;

  /**
   * @param {object} options
   * @param {() => Promise<void>} options.opened called when data comes again; events wait for it
   * @param {(event: string, data: any) => void} options.take
   * @param {() => void} options.lost called when `isLost` becomes true
   * @param {() => void} options.refused called when a token is needed
   * @param {() => boolean} options.isLocked whether the page waits for a token
   */
  constructor({ opened, take, lost, refused, isLocked }) {
    this.opened = opened;
    this.take = take;
    this.lost = lost;
    this.refused = refused;
    this.isLocked = isLocked;
  }

  /** Stays connected until a token is needed. */
  async stayLive() {
    for (let attempt = 0;; attempt++) {
      this.#abort = new AbortController();
      try {
        for await (const { event, data } of events(this.#abort.signal, () => this.#received())) {
          if (!this.live) await this.#begin();
          attempt = 0;
          this.take(event, JSON.parse(data));
        }
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) {
          this.refused();
          return;
        }
      }
      if (this.isLocked()) return;
      this.#ended();
      await pause(attempt === 0 ? 200 : Math.min(15_000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2));
    }
  }

  close() {
    this.#abort.abort();
  }

  /** Closes a connection on which nothing comes any more. */
  closeIfIdle() {
    if (this.live && Date.now() - this.receivedAt > idleTimeout) this.close();
  }

  #received() {
    this.receivedAt = Date.now();
    if (!this.live) this.#begin();
  }

  async #begin() {
    this.live = true;
    clearTimeout(this.#lostTimer);
    this.#lostTimer = 0;
    this.isLost = false;
    await this.opened();
  }

  #ended() {
    this.live = false;
    if (this.#lostTimer !== 0 || this.isLost) return;
    this.#lostTimer = setTimeout(() => {
      this.#lostTimer = 0;
      this.isLost = true;
      this.lost();
    }, gracePeriod);
  }
}

/** Resolves after that time, or when the network or the user is back. @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}
