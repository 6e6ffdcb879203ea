// The sink `kinesis`: puts alerts into a stream of AWS Kinesis. The AWS SDK is loaded only when it is used.
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import type { Alert } from "../detection/alert/alert.ts";
import { AwsConnection } from "../clients/aws/connection.ts";
import { explainAws, messageOf, nameOf } from "../clients/aws/errors.ts";
import { Fault } from "../lib/errors.ts";
import { text } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const settings = {
  streamName: text(
    {
      env: "SINK_KINESIS_STREAM_NAME",
      help:
        "Kinesis stream that alerts are put into; region, credentials and endpoint are the AWS SDK's own settings",
      example: "crash-loops",
    },
    "1 to 128 of the letters a-z and A-Z, digits, and _.-",
    /^[a-zA-Z0-9_.-]{1,128}$/,
  ),
  partitionKey: text(
    {
      env: "SINK_KINESIS_PARTITION_KEY",
      help: "partition key of alerts",
      example: "nomad",
    },
    "1 to 256 characters",
    /^.{1,256}$/su,
  ),
};

/** The adapter of the sink `kinesis`. */
export const kinesis = defineSink({
  type: "kinesis",
  settings,
  open: (values, context) => new KinesisSink(values, context),
});

const service = { name: "Kinesis", endpoint: "AWS_ENDPOINT_URL_KINESIS" };

type Sdk = typeof import("@aws-sdk/client-kinesis");

class KinesisSink implements Sink {
  readonly concurrency = 16;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #connection = new AwsConnection<Sdk, KinesisClient>(
    () => import("@aws-sdk/client-kinesis"),
    (sdk, options) => new sdk.KinesisClient(options),
  );

  constructor(values: Values<typeof settings>, context: SinkContext) {
    this.#values = values;
    this.#context = context;
  }

  async connect(): Promise<void> {
    const { client, sdk } = await this.#connection.open();
    const { streamName } = this.#values;
    let status;
    try {
      const answer = await client.send(
        new sdk.DescribeStreamSummaryCommand({ StreamName: streamName }),
        this.#connection.requestOptions,
      );
      status = answer.StreamDescriptionSummary?.StreamStatus;
    } catch (error) {
      // Writers may lack the permission to describe: then the first alert shows.
      if (nameOf(error) === "AccessDeniedException") return;
      throw this.#explain(error);
    }
    if (status !== "ACTIVE" && status !== "UPDATING") {
      throw new Fault(`stream "${streamName}" is ${status}; it takes alerts when it is ACTIVE`);
    }
  }

  async send(alert: Alert): Promise<void> {
    const { client, sdk } = await this.#connection.open();
    const { streamName, partitionKey } = this.#values;
    const Data = new TextEncoder().encode(this.#context.json(alert));
    try {
      await client.send(
        new sdk.PutRecordCommand({ StreamName: streamName, PartitionKey: partitionKey, Data }),
        this.#connection.requestOptions,
      );
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async check(): Promise<string> {
    await this.connect();
    return `stream "${this.#values.streamName}": reachable`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  #explain(error: unknown): Fault {
    const where = `stream "${this.#values.streamName}"`;
    const name = nameOf(error);
    if (name === "ResourceNotFoundException") {
      return new Fault(`${where} does not exist; create it`, "operator");
    }
    if (name === "ValidationException" || name === "InvalidArgumentException") {
      return new Fault(`${where} refused the alert: ${messageOf(error)}`, "rejected");
    }
    return explainAws(error, where, service);
  }
}
