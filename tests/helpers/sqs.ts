// A private SQS and SNS for a test, and a hand at them.
import {
  CreateTopicCommand,
  SetSubscriptionAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AwsHandler } from "../../src/clients/aws/handler.ts";
import { type NpmServer, startNpmServer } from "./npm_server.ts";

/** Starts SQS and SNS in a process of their own. They take any credentials. */
export function startSqs(): Promise<NpmServer> {
  return startNpmServer("fauxqs");
}

/** A message as a consumer of the queue gets it. */
export interface Received {
  readonly body: string;
  readonly id: string | undefined;
  readonly group: string | undefined;
  readonly deduplicationId: string | undefined;
}

/** A test's own hand at SQS and SNS. */
export interface SqsHand extends Disposable {
  /** Makes a queue; returns its URL. */
  createQueue(name: string): Promise<string>;
  /** Makes a topic whose messages go to a queue as they are; returns its ARN and the queue's URL. */
  createTopic(name: string): Promise<{ readonly arn: string; readonly queue: string }>;
  /** Takes all messages out of a queue. */
  take(queue: string): Promise<Received[]>;
}

/** Connects to SQS and SNS. */
export function sqsHand(url: string): SqsHand {
  const options = {
    endpoint: url,
    region: "eu-north-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    requestHandler: new AwsHandler() as never,
  };
  const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
  const sns = new SNSClient({ ...options, requestHandler: new AwsHandler() as never });
  const fifo = { FifoQueue: "true" };
  const createQueue = async (name: string) => {
    const Attributes = name.endsWith(".fifo") ? fifo : undefined;
    return (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl!;
  };
  return {
    createQueue,
    async createTopic(name: string) {
      const ending = name.endsWith(".fifo") ? ".fifo" : "";
      const topic = { Name: name, Attributes: ending === "" ? undefined : { FifoTopic: "true" } };
      const { TopicArn } = await sns.send(new CreateTopicCommand(topic));
      const QueueUrl = await createQueue(`of-${name}`);
      const asked = { QueueUrl, AttributeNames: ["QueueArn" as const] };
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
      const { SubscriptionArn } = await sns.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: "sqs",
          Endpoint: Attributes!.QueueArn,
          ReturnSubscriptionArn: true,
        }),
      );
      const AttributeName = "RawMessageDelivery";
      await sns.send(
        new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue: "true" }),
      );
      return { arn: TopicArn!, queue: QueueUrl };
    },
    async take(QueueUrl: string): Promise<Received[]> {
      const received: Received[] = [];
      while (true) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            AttributeNames: ["All"],
            MessageAttributeNames: ["All"],
          }),
        );
        if (Messages.length === 0) return received;
        for (const { Body, Attributes, MessageAttributes, ReceiptHandle } of Messages) {
          received.push({
            body: Body!,
            id: MessageAttributes?.id?.StringValue,
            group: Attributes?.MessageGroupId,
            deduplicationId: Attributes?.MessageDeduplicationId,
          });
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    },
    [Symbol.dispose]() {
      sqs.destroy();
      sns.destroy();
    },
  };
}
