// Calls of Slack's Web API, and what its refusals mean: Slack answers most of them with 200 and `"ok":false`.
import { type HttpClient } from "../../clients/http/client.ts";
import { explainAnswer, type HttpAnswer, quoteAnswer, retryAfter } from "../../clients/http/errors.ts";
import { Fault, type Recovery } from "../../lib/errors.ts";

/** What is read of Slack's answers. */
export interface SlackAnswer {
  readonly ok: boolean;
  readonly error?: string;
  readonly channel?: string;
  readonly ts?: string;
  /** Of auth.test: who it is, and where. */
  readonly user?: string;
  readonly team?: string;
  /** The scope that is missing. */
  readonly needed?: string;
  readonly response_metadata?: { readonly messages?: readonly string[] };
}

/** A refusal, with Slack's word for it. */
export class SlackRefusal extends Fault {
  constructor(message: string, recovery: Recovery, retryAfter: number, readonly error: string) {
    super(message, recovery, retryAfter);
  }
}

/** What the API needs to know. */
export interface SlackApiOptions {
  readonly url: URL;
  readonly token: string;
  readonly channel: string;
  /** What the variables of the sink begin with. */
  readonly prefix: string;
}

/** Slack's Web API with a token. It does not retry. */
export class SlackApi {
  readonly #http: HttpClient;
  readonly #options: SlackApiOptions;

  constructor(http: HttpClient, options: SlackApiOptions) {
    this.#http = http;
    this.#options = options;
  }

  /** Calls a method. @throws {Fault} where it has not succeeded; {SlackRefusal} where Slack says why. */
  async call(method: string, body: unknown): Promise<SlackAnswer & { readonly scopes: string | undefined }> {
    const { token } = this.#options;
    const url = new URL(this.#options.url);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${method}`;
    const where = `${url.origin}${url.pathname}`;
    const answer = await this.#http.send({
      url,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(body),
    }, where);
    if (answer.status !== 200) throw explainAnswer(answer, where, [token]);
    const read = this.#read(answer, where);
    if (!read.ok) throw this.#explain(read, answer, where);
    return { ...read, scopes: answer.header("x-oauth-scopes") };
  }

  #read({ text }: HttpAnswer, where: string): SlackAnswer {
    let read: unknown;
    try {
      read = JSON.parse(text);
    } catch {
      read = undefined;
    }
    if (typeof (read as SlackAnswer | undefined)?.ok === "boolean") return read as SlackAnswer;
    const said = quoteAnswer(text, [this.#options.token]);
    throw new Fault(
      `${where} answered 200, but not as Slack does: ${
        said || "nothing"
      }; check ${this.#options.prefix}_API_URL ` +
        "and any proxies",
      "operator",
    );
  }

  #explain(read: SlackAnswer, answer: HttpAnswer, where: string): SlackRefusal {
    const { token, channel, prefix } = this.#options;
    const error = quoteAnswer(String(read.error ?? "no reason"), [token]);
    const why = quoteAnswer((read.response_metadata?.messages ?? []).join(", "), [token]);
    const { recovery, advice } = refusals.get(error) ?? unknownRefusal;
    const toDo = advice({ prefix, channel, needed: quoteAnswer(read.needed ?? "chat:write") });
    return new SlackRefusal(
      `${where} refused: ${error}${why && ` (${why})`}${toDo && `; ${toDo}`}`,
      recovery,
      retryAfter(answer.header("retry-after")),
      error,
    );
  }
}

interface Refusal {
  readonly recovery: Recovery;
  /** What to do. */
  advice(given: { readonly prefix: string; readonly channel: string; readonly needed: string }): string;
}

const unknownRefusal: Refusal = { recovery: "operator", advice: () => "" };

const groups: readonly (readonly [errors: string, Refusal])[] = [
  ["invalid_auth not_authed account_inactive token_revoked token_expired not_allowed_token_type", {
    recovery: "config",
    advice: ({ prefix }) =>
      `set ${prefix}_TOKEN to the Bot User OAuth Token of an app that is installed in the workspace`,
  }],
  ["missing_scope", {
    recovery: "config",
    advice: ({ needed }) => `give the app the scope ${needed}, and install it in the workspace again`,
  }],
  ["channel_not_found", {
    recovery: "operator",
    advice: ({ prefix, channel }) =>
      `set ${prefix}_CHANNEL, which is ${channel}, to a channel that exists; invite the app to it if it is private`,
  }],
  ["not_in_channel", {
    recovery: "operator",
    advice: ({ channel }) => `invite the app to ${channel}, or give it the scope chat:write.public`,
  }],
  ["is_archived", {
    recovery: "operator",
    advice: ({ prefix, channel }) => `unarchive ${channel}, or set ${prefix}_CHANNEL to another channel`,
  }],
  [
    "msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format invalid_attachments too_many_attachments " +
    "no_text invalid_arguments invalid_json json_not_object invalid_charset",
    { recovery: "rejected", advice: () => "" },
  ],
  [
    "ratelimited rate_limited internal_error fatal_error service_unavailable request_timeout team_added_to_org update_failed",
    { recovery: "transient", advice: () => "" },
  ],
];

const refusals: ReadonlyMap<string, Refusal> = new Map(
  groups.flatMap(([errors, refusal]) => errors.split(" ").map((error) => [error, refusal] as const)),
);
