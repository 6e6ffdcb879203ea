// A private Kinesis for a test, and a hand at it.

import { join } from "node:path";
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { waitFor } from "./wait_for.ts";

/** A Kinesis server of a test's own. It takes any credentials and any region. */
export interface Kinesis extends AsyncDisposable {
  /** The endpoint, http://127.0.0.1:port. */
  readonly url: string;
}

/** Starts a Kinesis server in a process of its own and resolves when it listens. */
export async function startKinesis(): Promise<Kinesis> {
  const lock = `--lock=${join(import.meta.dirname!, "kinesalite.lock")}`;
  const args = [
    "run",
    "--allow-all",
    "--quiet",
    "--no-config",
    lock,
    "--frozen",
    join(import.meta.dirname!, "kinesalite.ts"),
  ];
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const dispose = async () => {
    await child.stdin.close();
    await child.status;
    await output.cancel();
  };
  try {
    const { value } = await waitFor("kinesalite to listen", () => output.read(), { timeoutMs: 60_000 });
    if (!value) throw new Error("kinesalite ended while starting; its reason is printed above");
    return { url: value.trim(), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The environment with which the AWS SDK talks to that server, or to a proxy before it. */
export function awsEnv(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_KINESIS: url,
    AWS_REGION: "eu-north-1",
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "hunter2",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** Sets the variables of AWS in this process, and no others of them, until it is disposed. */
export function setAwsEnv(env: Record<string, string | undefined>): Disposable {
  const before = Object.entries(Deno.env.toObject()).filter(([name]) => name.startsWith("AWS_"));
  const clear = () => {
    for (const name of Object.keys(Deno.env.toObject())) if (name.startsWith("AWS_")) Deno.env.delete(name);
  };
  clear();
  for (const [name, value] of Object.entries(env)) if (value !== undefined) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      clear();
      for (const [name, value] of before) Deno.env.set(name, value);
    },
  };
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
    requestHandler: new NodeHttpHandler(),
  });
  const records = async (StreamName: string) => {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName,
        ShardId: "shardId-000000000000",
        ShardIteratorType: "TRIM_HORIZON",
      }),
    );
    const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }));
    return (Records ?? []).map(({ Data, PartitionKey }) => ({
      data: new TextDecoder().decode(Data),
      partitionKey: PartitionKey!,
    }));
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
