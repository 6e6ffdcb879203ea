// The sink `eventbridge`: puts alerts onto a bus of AWS EventBridge. The AWS SDK is loaded only when it is used.
import type { EventBridgeClient, PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { Buffer } from "node:buffer";
import type { Alert } from "../detection/alert/alert.ts";
import { Batches, type EntryResult, requireSize } from "../clients/aws/batches.ts";
import { AwsConnection } from "../clients/aws/connection.ts";
import { explainAws, messageOf, nameOf } from "../clients/aws/errors.ts";
import { Fault } from "../lib/errors.ts";
import { text } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const prefix = "SINK_EVENT_BUS";

const settings = {
  name: text(
    {
      env: "SINK_EVENT_BUS_NAME",
      help:
        "EventBridge bus that alerts are put onto; region, credentials and endpoint are the AWS SDK's own settings",
      example: "default",
    },
    "the name of a bus, or its ARN",
    /^[/.\-_A-Za-z0-9]{1,256}$|^arn:[a-z-]+:events:[a-z0-9-]+:\d{12}:event-bus\/[/.\-_A-Za-z0-9]{1,256}$/,
  ),
  detailType: text(
    {
      env: "SINK_EVENT_BUS_DETAIL_TYPE",
      help: "detail-type of the events, by which rules choose them",
      default: "crash-loop",
      example: "crash-loop",
    },
    "1 to 128 characters",
    /^.{1,128}$/su,
  ),
  source: text(
    {
      env: "SINK_EVENT_BUS_SOURCE",
      help: "source of the events, by which rules choose them",
      default: "nomad-crashloop-detector",
      example: "nomad-crashloop-detector",
    },
    "1 to 256 characters that do not begin with aws.",
    /^(?!aws\.).{1,256}$/su,
  ),
};

/** The adapter of the sink `eventbridge`. */
export const eventbridge = defineSink({
  type: "eventbridge",
  prefix,
  settings,
  open: (values, context) => new EventBridgeSink(values, context),
});

type Sdk = typeof import("@aws-sdk/client-eventbridge");

const service = { name: "EventBridge", endpoint: "AWS_ENDPOINT_URL_EVENTBRIDGE" };
/** Of one request, and of one entry. */
const limits = { maxEntries: 10, maxBytes: 256 << 10 };

class EventBridgeSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #connection = new AwsConnection<Sdk, EventBridgeClient>(
    () => import("@aws-sdk/client-eventbridge"),
    (sdk, options) => new sdk.EventBridgeClient(options),
  );
  readonly #batches = new Batches<PutEventsRequestEntry>(limits, (entries) => this.#send(entries));

  constructor(values: Values<typeof settings>, context: SinkContext) {
    this.#values = values;
    this.#context = context;
  }

  async connect(): Promise<void> {
    const { client, sdk } = await this.#connection.open();
    try {
      await client.send(
        new sdk.DescribeEventBusCommand({ Name: this.#values.name }),
        this.#connection.requestOptions,
      );
    } catch (error) {
      // Who may put events may lack the permission to look: then the first alert shows.
      if (!isDenied(error)) throw this.#explain(error);
    }
  }

  async send(alert: Alert): Promise<void> {
    const { name, detailType, source } = this.#values;
    const Detail = this.#context.json(alert);
    // As AWS counts: 14 for the time, and every text.
    const bytes = 14 +
      [Detail, source, detailType, alert.id].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    requireSize(bytes, limits, this.#where);
    const Resources = [alert.id];
    await this.#batches.add(
      { EventBusName: name, DetailType: detailType, Source: source, Detail, Resources, Time: new Date() },
      bytes,
    );
  }

  async #send(Entries: readonly PutEventsRequestEntry[]): Promise<EntryResult[]> {
    const { client, sdk } = await this.#connection.open();
    try {
      const { Entries: results = [] } = await client.send(
        new sdk.PutEventsCommand({ Entries: [...Entries] }),
        this.#connection.requestOptions,
      );
      return Entries.map((_, index) => {
        const { ErrorCode, ErrorMessage } = results[index] ?? { ErrorCode: "NoResult" };
        if (ErrorCode === undefined) return undefined;
        const recovery = /^(MalformedDetail|InvalidArgument)$/.test(ErrorCode) ? "rejected" : "transient";
        return new Fault(`${this.#where}: ${ErrorCode}: ${ErrorMessage ?? "no reason"}`, recovery);
      });
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async check(): Promise<string> {
    await this.connect();
    return `${this.#where}: reachable; only the first alert shows whether events may be put there`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  get #where(): string {
    return `event bus "${this.#values.name.split("/").at(-1)}"`;
  }

  #explain(error: unknown): Fault {
    if (nameOf(error) === "ResourceNotFoundException") {
      return new Fault(`${this.#where} does not exist; create it`, "operator");
    }
    if (isDenied(error)) {
      return new Fault(`${this.#where}: ${messageOf(error)}; allow events:PutEvents`, "operator");
    }
    if (nameOf(error) === "ValidationException") {
      return new Fault(`${this.#where} refused the alert: ${messageOf(error)}`, "rejected");
    }
    return explainAws(error, this.#where, service);
  }
}

function isDenied(error: unknown): boolean {
  return nameOf(error) === "AccessDeniedException";
}
