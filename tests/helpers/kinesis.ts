// A private Kinesis for a test, and a hand at it.
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
} from "@aws-sdk/client-kinesis";
import { AwsHandler } from "../../src/clients/aws/handler.ts";
import { type NpmServer, startNpmServer } from "./npm_server.ts";
import { waitFor } from "./wait_for.ts";

/** A Kinesis server of a test's own. It takes any credentials and any region. */
export type Kinesis = NpmServer;

/** Starts a Kinesis server in a process of its own and resolves when it listens. */
export function startKinesis(): Promise<Kinesis> {
  return startNpmServer("kinesalite");
}

/** A test's own hand at a Kinesis server. */
export interface KinesisHand extends AsyncDisposable {
  /** Makes a stream of one shard; resolves when it takes records. */
  create(stream: string): Promise<void>;
  /** All records of a stream so far, as texts, and their partition keys. */
  records(stream: string): Promise<{ data: string; partitionKey: string }[]>;
}

/** Connects to a Kinesis server. */
export function kinesisHand(url: string): KinesisHand {
  const client = new KinesisClient({
    endpoint: url,
    region: "eu-north-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    requestHandler: new AwsHandler(60_000, 64 << 20) as never,
  });
  const records = async (StreamName: string) => {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName,
        ShardId: "shardId-000000000000",
        ShardIteratorType: "TRIM_HORIZON",
      }),
    );
    const records: { data: string; partitionKey: string }[] = [];
    for (let next = ShardIterator; next !== undefined;) {
      // At most ten thousand come at once.
      const { Records = [], NextShardIterator } = await client.send(
        new GetRecordsCommand({ ShardIterator: next }),
      );
      for (const { Data, PartitionKey } of Records) {
        records.push({ data: new TextDecoder().decode(Data), partitionKey: PartitionKey! });
      }
      next = Records.length === 0 ? undefined : NextShardIterator;
    }
    return records;
  };
  return {
    records,
    async create(StreamName) {
      await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      await waitFor("the stream to be there", () => records(StreamName).then(() => true, () => false));
    },
    [Symbol.asyncDispose]() {
      client.destroy();
      return Promise.resolve();
    },
  };
}
