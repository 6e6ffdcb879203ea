// A stand-in for a workflow of Microsoft Teams that posts cards: their form, their size and their rate.
import { type Json, RateLimit, StandIn, type StandInAnswer, type StandInRequest } from "./stand_in.ts";

/** A workflow, as its address knows it. */
export class TeamsStandIn extends StandIn {
  readonly path =
    "/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?api-version=2016-06-01&sig=S1gnatureOfTheFlow";
  /** Cards that were posted. */
  readonly cards: Json[] = [];
  readonly #rate: RateLimit;

  constructor() {
    super((request) => this.#answer(request));
    this.#rate = new RateLimit(4, 1000);
  }

  get webhookUrl(): string {
    return `http://127.0.0.1:${this.port}${this.path}`;
  }

  #answer({ method, path, headers, body }: StandInRequest): StandInAnswer {
    if (method !== "POST") return { status: 405 };
    if (path !== this.path) {
      return failed(401, "DirectApiAuthorizationRequired", `signature of ${path} is wrong`);
    }
    if (this.#rate.exceeded()) {
      const message = "Rate limit is exceeded. Try again in 1 seconds.";
      return { ...failed(429, "TooManyRequests", message), headers: { "retry-after": "1" } };
    }
    if (!/^application\/json/.test(headers["content-type"] ?? "")) {
      return failed(415, "UnsupportedMediaType", "");
    }
    if (new TextEncoder().encode(body).length > 28 * 1024) return failed(413, "RequestEntityTooLarge", "");
    const wrong = wrongWith(JSON.parse(body));
    if (wrong !== undefined) return failed(400, "InvalidRequestContent", wrong);
    this.cards.push(JSON.parse(body).attachments[0].content);
    return { status: 202 };
  }
}

/** Starts it on a free port. */
export async function startTeams(): Promise<TeamsStandIn> {
  const teams = new TeamsStandIn();
  await teams.listen();
  return teams;
}

function failed(status: number, code: string, message: string): StandInAnswer {
  return { status, body: JSON.stringify({ error: { code, message } }) };
}

function wrongWith({ type, attachments }: Json): string | undefined {
  if (type !== "message" || attachments?.length !== 1) return "not a message with a card";
  const [{ contentType, contentUrl, content }] = attachments;
  if (contentType !== "application/vnd.microsoft.card.adaptive" || contentUrl !== null) return "not a card";
  if (content?.type !== "AdaptiveCard" || content.version !== "1.2") return "not an adaptive card 1.2";
  const text = (value: unknown) => typeof value === "string" && value !== "";
  const fine = content.body.every((block: Json) => {
    if (block.type === "TextBlock") {
      return text(block.text) && [undefined, "good", "warning", "attention"].includes(block.color);
    }
    return block.type === "FactSet" &&
      block.facts.every((fact: Json) => text(fact.title) && text(fact.value));
  });
  if (!fine) return "the body of the card is wrong";
  const actions = content.actions.every(({ type, title, url }: Json) =>
    type === "Action.OpenUrl" && text(title) && URL.canParse(url)
  );
  return actions ? undefined : "the actions of the card are wrong";
}
