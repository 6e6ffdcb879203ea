// The sink `sqs`: sends alerts to a queue of AWS SQS, standard or FIFO. The AWS SDK is loaded only when it is used.
import type { SendMessageBatchRequestEntry, SQSClient } from "@aws-sdk/client-sqs";
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
  queueName: text(
    {
      env: "SINK_SQS_QUEUE_NAME",
      help:
        "SQS queue that alerts are sent to; region, credentials and endpoint are the AWS SDK's own settings",
      example: "crash-loops.fifo",
    },
    "1 to 80 of the letters a-z and A-Z, digits, _ and -, and .fifo at the end of a FIFO queue's name",
    /^[a-zA-Z0-9_-]{1,80}$|^[a-zA-Z0-9_-]{1,75}\.fifo$/,
  ),
};

/** The adapter of the sink `sqs`. */
export const sqs = defineSink({
  type: "sqs",
  settings,
  open: (values, context) => new SqsSink(values, context),
});

type Sdk = typeof import("@aws-sdk/client-sqs");

const service = { name: "SQS", endpoint: "AWS_ENDPOINT_URL_SQS" };
/** Of one request; one message may have as many bytes. */
const limits = { maxEntries: 10, maxBytes: 1 << 20 };

class SqsSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #connection = new AwsConnection<Sdk, SQSClient>(
    () => import("@aws-sdk/client-sqs"),
    // The URL of a queue has the host that AWS knows, which is not that of another endpoint.
    (sdk, options) => new sdk.SQSClient({ ...options, useQueueUrlAsEndpoint: false }),
  );
  readonly #batches = new Batches<SendMessageBatchRequestEntry>(limits, (entries) => this.#send(entries));
  /** Found by the first connect. */
  #url: string | undefined;

  constructor(values: Values<typeof settings>, context: SinkContext) {
    this.#values = values;
    this.#context = context;
  }

  async connect(): Promise<void> {
    await this.#findUrl();
  }

  async send(alert: Alert): Promise<void> {
    const MessageBody = this.#context.json(alert);
    const isFifo = this.#values.queueName.endsWith(".fifo");
    const bytes = Buffer.byteLength(MessageBody);
    requireSize(bytes, limits, this.#where);
    await this.#batches.add({
      Id: alert.id,
      MessageBody,
      MessageAttributes: { id: { DataType: "String", StringValue: alert.id } },
      ...(isFifo ? { MessageGroupId: alert.loop, MessageDeduplicationId: alert.id } : {}),
    }, bytes);
  }

  async #send(Entries: readonly SendMessageBatchRequestEntry[]): Promise<EntryResult[]> {
    const { client, sdk } = await this.#connection.open();
    const QueueUrl = await this.#findUrl();
    try {
      const { Failed = [] } = await client.send(
        new sdk.SendMessageBatchCommand({ QueueUrl, Entries: [...Entries] }),
        this.#connection.requestOptions,
      );
      return resultsOf(Entries, Failed, this.#where);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async #findUrl(): Promise<string> {
    if (this.#url !== undefined) return this.#url;
    const { client, sdk } = await this.#connection.open();
    try {
      const { QueueUrl } = await client.send(
        new sdk.GetQueueUrlCommand({ QueueName: this.#values.queueName }),
        this.#connection.requestOptions,
      );
      return this.#url = QueueUrl!;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async check(): Promise<string> {
    this.#url = undefined;
    await this.#findUrl();
    return `${this.#where}: exists; only the first alert shows whether alerts may be sent there`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  get #where(): string {
    return `queue "${this.#values.queueName}"`;
  }

  #explain(error: unknown): Fault {
    const name = nameOf(error);
    if (name === "QueueDoesNotExist" || name === "AWS.SimpleQueueService.NonExistentQueue") {
      this.#url = undefined;
      return new Fault(`${this.#where} does not exist; create it`, "operator");
    }
    if (/^(AccessDenied|AccessDeniedException)$/.test(name)) {
      return new Fault(
        `${this.#where}: ${messageOf(error)}; allow sqs:GetQueueUrl and sqs:SendMessage`,
        "operator",
      );
    }
    return explainAws(error, this.#where, service);
  }
}
