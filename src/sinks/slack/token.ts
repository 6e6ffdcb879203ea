// Slack by a token: one message for a loop or a group, which updates change, its repeats in the thread, its end in both.
import { HttpClient } from "../../clients/http/client.ts";
import { Pace } from "../../clients/http/pace.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { quoted } from "../../lib/settings/redact.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { type SlackAnswer, SlackApi, SlackRefusal } from "./api.ts";
import { type Layout, layoutOf, layoutRefusals, replyOf, withoutLayout } from "./layout.ts";
import { type Thread, Threads } from "./threads.ts";

/** Slack's words for a message that cannot be found, or not any more. */
const gone = new Set([
  "message_not_found",
  "thread_not_found",
  "cannot_reply_to_message",
  "channel_not_found",
  "not_in_channel",
  "is_archived",
]);
/** For one that is there, but must stay as it is. */
const fixed = new Set(["cant_update_message", "edit_window_closed"]);

/** Posts with a token, and remembers where the message of each loop is. */
export class TokenSink implements Sink {
  readonly concurrency = 1;
  readonly #channel: string;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #http: HttpClient;
  readonly #pace: Pace;
  readonly #api: SlackApi;
  readonly #threads: Threads;
  /** The alert whose message is changed already, while its reply is not there yet, and whether that worked. */
  #changed: { readonly id: string; readonly shown: boolean } | undefined;

  constructor(
    given: { readonly token: string; readonly channel: string; readonly url: URL },
    context: SinkContext,
    prefix: string,
    interval: number,
  ) {
    this.#channel = given.channel;
    this.#context = context;
    this.#prefix = prefix;
    this.#http = new HttpClient({ prefix, single: true });
    this.#pace = new Pace(interval);
    this.#api = new SlackApi(this.#http, { ...given, prefix });
    this.#threads = new Threads(context.records);
  }

  async connect(): Promise<void> {
    await this.#whoAmI();
  }

  async send(alert: Alert): Promise<void> {
    const message = this.#context.message(alert);
    const ends = alert.reason === "resolved" || alert.reason === "gave-up";
    const layout = layoutOf(message);
    let thread = this.#threads.get(alert.loop);
    try {
      if (thread !== undefined && alert.reason === "update") await this.#update(thread, alert, layout);
      else if (thread !== undefined && !ends) await this.#reply(thread, layout);
      else if (thread !== undefined) await this.#end(thread, alert, layout);
    } catch (error) {
      if (!(error instanceof SlackRefusal && gone.has(error.error))) throw error;
      thread = undefined;
    }
    thread ??= await this.#post(layout);
    // A group that Nomad gave up can have loops that go on, or end later.
    const over = ends && (alert.group === undefined || alert.reason === "resolved");
    if (over || thread === undefined) this.#threads.forget(alert.loop);
    else this.#threads.keep(alert.loop, thread);
  }

  /** The group's message changes, and nobody hears of it. Where it must stay as it is, its thread says that it has
   * doubled. */
  async #update(thread: Thread, { group }: Alert, layout: Layout): Promise<void> {
    const shown = await this.#change(thread, layout);
    if (!shown && group?.doubled) await this.#reply(thread, layout);
  }

  /** The loop's message turns into its end, and its thread says so. What Nomad gave up is shown in the channel too, as
   * is an end where the message must stay as it is. */
  async #end(thread: Thread, alert: Alert, layout: Layout): Promise<void> {
    if (this.#changed?.id !== alert.id) {
      this.#changed = { id: alert.id, shown: await this.#change(thread, layout) };
    }
    const message = this.#context.message(alert);
    const loud = message.state === "gave-up" || !this.#changed.shown;
    await this.#reply(thread, { ...replyOf(message), ...(loud ? { reply_broadcast: true } : {}) });
    this.#changed = undefined;
  }

  /** Yields whether the message may be changed. */
  async #change(thread: Thread, layout: Layout): Promise<boolean> {
    try {
      await this.#call("chat.update", { ...thread, ...layout });
      return true;
    } catch (error) {
      if (error instanceof SlackRefusal && fixed.has(error.error)) return false;
      throw error;
    }
  }

  async #reply({ channel, ts }: Thread, layout: Layout): Promise<void> {
    await this.#write({ channel, thread_ts: ts, ...layout });
  }

  /** Yields where the message is, where Slack says it. */
  async #post(layout: Layout): Promise<Thread | undefined> {
    const { channel, ts } = await this.#write({ channel: this.#channel, ...layout });
    return channel === undefined || ts === undefined ? undefined : { channel, ts };
  }

  #write(message: object): Promise<SlackAnswer> {
    const body = { ...message, unfurl_links: false, unfurl_media: false };
    return this.#call("chat.postMessage", body);
  }

  /** Where Slack refuses the layout, the text goes without it. */
  async #call(method: string, body: object): Promise<SlackAnswer> {
    try {
      return await this.#pace.turn(() => this.#api.call(method, body));
    } catch (error) {
      if (!(error instanceof SlackRefusal && layoutRefusals.has(error.error))) throw error;
      return await this.#pace.turn(() => this.#api.call(method, { ...body, ...withoutLayout }));
    }
  }

  async check(): Promise<string> {
    const { user, team } = await this.#whoAmI();
    return `token of ${quoted(user ?? "")} in ${quoted(team ?? "")}: valid; whether it may post to ` +
      `${this.#channel} only a message can try, which nomad-crashloop-detector test-alert sends`;
  }

  async #whoAmI() {
    const answer = await this.#api.call("auth.test", {});
    const { scopes } = answer;
    if (scopes !== undefined && !scopes.split(/[\s,]+/).includes("chat:write")) {
      throw new Fault(
        `the token of ${this.#prefix}_TOKEN lacks the scope chat:write; give it to the app, and install it in the ` +
          "workspace again",
        "config",
      );
    }
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pace[Symbol.dispose]();
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }
}
