// The sink `kinesis`: puts alerts into a stream of AWS Kinesis. The AWS SDK is loaded only when it is used.
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import type { Alert } from "../../detection/alert/alert.ts";
import { asFault, Fault } from "../../lib/errors.ts";
import { text } from "../../lib/settings/parsers.ts";
import type { Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { openHandler } from "./http.ts";

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

type Sdk = typeof import("@aws-sdk/client-kinesis");

class KinesisSink implements Sink {
  readonly concurrency = 16;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  #open: Promise<{ client: KinesisClient; sdk: Sdk }> | undefined;
  readonly #closed = new AbortController();

  constructor(values: Values<typeof settings>, context: SinkContext) {
    this.#values = values;
    this.#context = context;
  }

  async connect(): Promise<void> {
    const { client, sdk } = await this.#client();
    const { streamName } = this.#values;
    let status;
    try {
      const answer = await client.send(
        new sdk.DescribeStreamSummaryCommand({ StreamName: streamName }),
        { abortSignal: this.#closed.signal },
      );
      status = answer.StreamDescriptionSummary?.StreamStatus;
    } catch (error) {
      // Writers may lack the permission to describe: then the first alert tells.
      if (nameOf(error) === "AccessDeniedException") return;
      throw this.#explain(error);
    }
    if (status !== "ACTIVE" && status !== "UPDATING") {
      throw new Fault(`stream "${streamName}" is ${status}; it takes alerts when it is ACTIVE`);
    }
  }

  async send(alert: Alert): Promise<void> {
    const { client, sdk } = await this.#client();
    const { streamName, partitionKey } = this.#values;
    const Data = new TextEncoder().encode(this.#context.json(alert));
    try {
      await client.send(
        new sdk.PutRecordCommand({ StreamName: streamName, PartitionKey: partitionKey, Data }),
        { abortSignal: this.#closed.signal },
      );
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async check(): Promise<string> {
    await this.connect();
    return `stream "${this.#values.streamName}": reachable`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    (await this.#open)?.client.destroy();
  }

  #client(): Promise<{ client: KinesisClient; sdk: Sdk }> {
    return this.#open ??= this.#load();
  }

  async #load(): Promise<{ client: KinesisClient; sdk: Sdk }> {
    const [sdk, { NodeHttpHandler }] = await Promise.all([
      import("@aws-sdk/client-kinesis"),
      import("@smithy/node-http-handler"),
    ]);
    // One attempt: when to try again is decided once for all sinks.
    return {
      sdk,
      client: new sdk.KinesisClient({ maxAttempts: 1, requestHandler: openHandler(NodeHttpHandler) }),
    };
  }

  #explain(error: unknown): Fault {
    const name = nameOf(error);
    // The second line of an answer that cannot be read is for who writes programs.
    const message = asFault(error).message.split("\n", 1)[0] || (error as { code?: string }).code ||
      "no answer";
    const { streamName } = this.#values;
    if (name === "ResourceNotFoundException") {
      return new Fault(`stream "${streamName}" does not exist; create it`, "operator");
    }
    if (name === "ValidationException" || name === "InvalidArgumentException") {
      return new Fault(`stream "${streamName}" refused the alert: ${message}`, "rejected");
    }
    if (/region is missing|region=""/i.test(message)) {
      return new Fault("no AWS region; set AWS_REGION", "config");
    }
    if (/region not accepted/i.test(message)) {
      return new Fault(`the AWS region is none: ${message} Set AWS_REGION`, "config");
    }
    // The message repeats what was found, in which a password may stand.
    if (/invalid url/i.test(message)) {
      return new Fault("the AWS endpoint is no URL; set AWS_ENDPOINT_URL_KINESIS", "config");
    }
    if (name === "CredentialsProviderError") {
      return new Fault(
        `no AWS credentials: ${message}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile`,
        "operator",
      );
    }
    const { $response: answer } = error as { $response?: Answered };
    if (name === "SyntaxError" && answer !== undefined) {
      return new Fault(
        `stream "${streamName}": an answer ${answer.statusCode} of type ${
          answer.headers["content-type"]
        } is not of ` +
          "Kinesis; look at AWS_ENDPOINT_URL_KINESIS, and at proxies",
      );
    }
    return new Fault(
      `stream "${streamName}": ${/^(|Error|AggregateError)$/.test(name) ? "" : `${name}: `}${message}`,
    );
  }
}

/** What the SDK adds to the error of an answer that it cannot read. */
interface Answered {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
