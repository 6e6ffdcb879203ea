// One member of an Alertmanager cluster: gets what changed and what is to be repeated, in order, many in one request.
import { HttpClient, type HttpClientOptions } from "../../clients/http/client.ts";
import { explainAnswer, type HttpAnswer } from "../../clients/http/errors.ts";
import { asFault, Fault } from "../../lib/errors.ts";
import { printable } from "../../lib/settings/redact.ts";

/** Maximum alerts in one request, and characters of the alerts after which it takes no more: proxies refuse 1 MB. */
const maxAlerts = 500;
const maxLength = 400_000;

/** What a member asks of the sink. */
export interface MemberContext {
  readonly client: HttpClientOptions;
  readonly headers: Readonly<Record<string, string>>;
  /** The alert of a loop as it is now; undefined where nothing is to be sent. `wanted`: an alert about it is in flight. */
  alertOf(name: string, wanted: boolean): string | undefined;
  /** Called when it failed, or works again. */
  changed(): void;
  /** The time, and how far ahead the end of an alert that goes on lies, in milliseconds. */
  now(): number;
  readonly endsAfter: number;
}

/** A member. One request at a time, so that nothing old arrives after something new. */
export class Member implements Disposable {
  /** Its address for people. */
  readonly where: string;
  /** Why it failed last; undefined while it works. */
  fault: Fault | undefined;
  readonly #url: URL;
  readonly #client: HttpClient;
  readonly #context: MemberContext;
  /** The names of loops to be sent, and who waits for the confirmation. */
  #due = new Map<string, PromiseWithResolvers<void> | undefined>();
  #draining: Promise<void> | undefined;

  constructor(url: URL, context: MemberContext) {
    const base = new URL(url);
    base.pathname = `${base.pathname.replace(/\/+$/, "").replace(/\/api\/v2(?:\/alerts)?$/, "")}/`;
    this.where = printable(base).replace(/\/$/, "");
    this.#url = new URL("api/v2/alerts", base);
    [this.#url.username, this.#url.password] = ["", ""];
    this.#client = new HttpClient(context.client);
    this.#context = context;
  }

  /** Sends no alert, which shows whether it would take some. @throws {Fault} */
  async probe(): Promise<void> {
    this.#client.renew();
    await this.#post([]);
  }

  /** Resolves when it has stored the loop as it is now, or later. @throws {Fault} */
  send(name: string): Promise<void> {
    const waiter = this.#due.get(name) ?? Promise.withResolvers<void>();
    this.#due.set(name, waiter);
    void this.#drain();
    return waiter.promise;
  }

  /** Resolves when the loops are sent again, or it failed. */
  async repeat(names: readonly string[]): Promise<void> {
    for (const name of names) if (!this.#due.has(name)) this.#due.set(name, undefined);
    await this.#drain();
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
    this.#giveUp(new Fault("closed"));
  }

  #drain(): Promise<void> {
    return this.#draining ??= this.#sendAll().finally(() => this.#draining = undefined);
  }

  async #sendAll(): Promise<void> {
    // What is sent in the same moment goes together.
    await undefined;
    while (this.#due.size > 0) {
      const taken = this.#take();
      try {
        await this.#post(taken.alerts);
        for (const waiter of taken.waiters.values()) waiter.resolve();
      } catch (error) {
        const fault = asFault(error);
        if (fault.recovery === "rejected") await this.#sendSingly(taken, fault);
        else {
          for (const waiter of taken.waiters.values()) waiter.reject(fault);
          this.#giveUp(fault);
        }
      }
    }
  }

  #take(): Taken {
    const alerts: string[] = [];
    const waiters = new Map<string, PromiseWithResolvers<void>>();
    let length = 0;
    for (const [name, waiter] of this.#due) {
      if (alerts.length >= maxAlerts || length >= maxLength) break;
      this.#due.delete(name);
      const alert = this.#context.alertOf(name, waiter !== undefined);
      if (alert !== undefined) length += alerts[alerts.push(alert) - 1]!.length;
      if (waiter !== undefined) waiters.set(name, waiter);
    }
    return { alerts, waiters };
  }

  /** It stored those that it did not refuse. Which these are is known of an alert that was alone. */
  async #sendSingly({ alerts, waiters }: Taken, fault: Fault): Promise<void> {
    for (const [name, waiter] of waiters) {
      const alert = this.#context.alertOf(name, true);
      if (alerts.length === 1) waiter.reject(fault);
      else if (alert === undefined) waiter.resolve();
      else await this.#post([alert]).then(waiter.resolve, waiter.reject);
    }
  }

  /** Nothing more is sent until there is a new reason to try. */
  #giveUp(fault: Fault): void {
    const due = this.#due;
    this.#due = new Map();
    for (const waiter of due.values()) waiter?.reject(fault);
  }

  async #post(alerts: readonly string[]): Promise<void> {
    const headers = { "content-type": "application/json", ...this.#context.headers };
    let fault: Fault | undefined;
    try {
      const answer = await this.#client.send({ url: this.#url, headers, body: `[${alerts}]` }, this.where);
      if (answer.status < 200 || answer.status >= 300) fault = explainAnswer(answer, this.where);
      else fault = this.#late(answer);
    } catch (error) {
      fault = asFault(error);
    }
    // Who refuses an alert works.
    this.fault = fault?.recovery === "rejected" ? undefined : fault;
    this.#context.changed();
    if (fault !== undefined) throw fault;
  }

  /** With such a clock it would take every alert for resolved. */
  #late(answer: HttpAnswer): Fault | undefined {
    const ahead = Date.parse(answer.header("date") ?? "") - this.#context.now();
    if (!(ahead >= this.#context.endsAfter)) return undefined;
    return new Fault(
      `${this.where}: its clock is ${
        Math.round(ahead / 1000)
      } s ahead of this one's, so that alerts would end when ` +
        "they arrive; set both clocks",
      "operator",
    );
  }
}

/** What goes in one request. */
interface Taken {
  readonly alerts: readonly string[];
  readonly waiters: ReadonlyMap<string, PromiseWithResolvers<void>>;
}
