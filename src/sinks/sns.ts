// The sink `sns`: publishes alerts to a topic of AWS SNS, standard or FIFO. The AWS SDK is loaded only when it is used.
import type { PublishBatchRequestEntry, SNSClient } from "@aws-sdk/client-sns";
import { Buffer } from "node:buffer";
import type { Alert } from "../detection/alert/alert.ts";
import { Batches, type EntryResult, requireSize, resultsOf } from "../clients/aws/batches.ts";
import { AwsConnection } from "../clients/aws/connection.ts";
import { explainAws, messageOf, nameOf } from "../clients/aws/errors.ts";
import { Fault } from "../lib/errors.ts";
import { text } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const settings = {
  topicArn: text(
    {
      env: "SINK_SNS_TOPIC_ARN",
      help:
        "SNS topic that alerts are published to; region, credentials and endpoint are the AWS SDK's own settings",
      example: "arn:aws:sns:eu-west-1:123456789012:crash-loops",
    },
    "the ARN of a topic",
    /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,256}(?:\.fifo)?$/,
  ),
};

/** The adapter of the sink `sns`. */
export const sns = defineSink({
  type: "sns",
  settings,
  open: (values, context) => new SnsSink(values, context),
});

type Sdk = typeof import("@aws-sdk/client-sns");

const service = { name: "SNS", endpoint: "AWS_ENDPOINT_URL_SNS" };
/** Of one request; one message may have as many bytes. */
const limits = { maxEntries: 10, maxBytes: 256 << 10 };
/** Maximum characters of a subject, which subscribers by email see. */
const maxSubject = 100;

class SnsSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #connection = new AwsConnection<Sdk, SNSClient>(
    () => import("@aws-sdk/client-sns"),
    (sdk, options) => new sdk.SNSClient(options),
  );
  readonly #batches = new Batches<PublishBatchRequestEntry>(limits, (entries) => this.#send(entries));

  constructor(values: Values<typeof settings>, context: SinkContext) {
    this.#values = values;
    this.#context = context;
  }

  async connect(): Promise<void> {
    const { client, sdk } = await this.#connection.open();
    try {
      await client.send(
        new sdk.GetTopicAttributesCommand({ TopicArn: this.#values.topicArn }),
        this.#connection.requestOptions,
      );
    } catch (error) {
      // Publishers may lack the permission to look: then the first alert shows.
      if (!isDenied(error)) throw this.#explain(error);
    }
  }

  async send(alert: Alert): Promise<void> {
    const Message = this.#context.json(alert);
    const isFifo = this.#values.topicArn.endsWith(".fifo");
    const bytes = Buffer.byteLength(Message);
    requireSize(bytes, limits, this.#where);
    await this.#batches.add({
      Id: alert.id,
      Message,
      Subject: subjectOf(this.#context.message(alert).title),
      MessageAttributes: { id: { DataType: "String", StringValue: alert.id } },
      ...(isFifo ? { MessageGroupId: alert.loop, MessageDeduplicationId: alert.id } : {}),
    }, bytes);
  }

  async #send(entries: readonly PublishBatchRequestEntry[]): Promise<EntryResult[]> {
    const { client, sdk } = await this.#connection.open();
    try {
      const { Failed = [] } = await client.send(
        new sdk.PublishBatchCommand({
          TopicArn: this.#values.topicArn,
          PublishBatchRequestEntries: [...entries],
        }),
        this.#connection.requestOptions,
      );
      return resultsOf(entries, Failed, this.#where);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async check(): Promise<string> {
    await this.connect();
    return `${this.#where}: reachable; only the first alert shows whether it may be published there`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  get #where(): string {
    return `topic "${this.#values.topicArn.split(":").at(-1)}"`;
  }

  #explain(error: unknown): Fault {
    const name = nameOf(error);
    if (name === "NotFoundException" || name === "NotFound") {
      return new Fault(`${this.#where} does not exist; create it, or correct its ARN`, "operator");
    }
    if (isDenied(error)) {
      return new Fault(`${this.#where}: ${messageOf(error)}; allow sns:Publish`, "operator");
    }
    if (/^InvalidParameter(Value)?(Exception)?$/.test(name)) {
      return new Fault(`${this.#where} refused the alert: ${messageOf(error)}`, "rejected");
    }
    return explainAws(error, this.#where, service);
  }
}

function isDenied(error: unknown): boolean {
  return /^(AuthorizationError|AuthorizationErrorException|AccessDenied|AccessDeniedException)$/.test(
    nameOf(error),
  );
}

/** A subject is of printable ASCII. */
function subjectOf(title: string): string {
  const ascii = title.replaceAll(/[^\x20-\x7e]/g, "?");
  return ascii.length > maxSubject ? `${ascii.slice(0, maxSubject - 3)}...` : ascii;
}
