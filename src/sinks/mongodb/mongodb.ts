// The sink `mongodb`: inserts each alert as a document, whose _id is the alert's, so that a repeated delivery is no
// second one. The driver is loaded only when it is used.
import type { Collection, MongoClient as Client } from "mongodb";
import { LazyConnection } from "../../clients/tcp/lazy_connection.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { text, wholeNumber } from "../../lib/settings/parsers.ts";
import type { Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { documentOf, type MakeLong } from "./document.ts";
import { explainMongo, isRepeated } from "./errors.ts";

const prefix = "SINK_MONGODB";

const settings = {
  connection: text(
    {
      env: `${prefix}_CONNECTION`,
      help: "URL of the MongoDB that alerts go to, with the options of its drivers",
      example: "mongodb://detector:secret@localhost:27017/?authSource=admin",
      secret: true,
    },
    "a URL that begins with mongodb:// or mongodb+srv://",
    /^mongodb(?:\+srv)?:\/\/(?:[^@/?#]*@)?[^@/?#]+(?:[/?][^@]*)?$/,
  ),
  database: text({ env: `${prefix}_DATABASE`, help: "database of the collection", example: "nomad" }),
  collection: text({
    env: `${prefix}_COLLECTION`,
    help: "collection that alerts are inserted into",
    example: "crash_loops",
  }),
  workers: wholeNumber(
    {
      env: `${prefix}_WORKERS`,
      help: "maximum unconfirmed alerts, in tens, each on a connection of its own",
      default: "1",
      example: "4",
    },
    1,
    10,
  ),
};

/** The adapter of the sink `mongodb`. */
export const mongodb = defineSink({
  type: "mongodb",
  settings,
  open: (values, context, prefix) => new MongoSink(values, context, prefix),
});

const connectTimeout = 5_000;
const answerTimeout = 10_000;

/** A client that is connected. */
interface Open {
  usable: boolean;
  readonly collection: Collection<{ _id: string }>;
  readonly long: MakeLong;
  close(): void;
}

class MongoSink implements Sink {
  readonly concurrency: number;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #where: string;
  readonly #prefix: string;
  readonly #ended = Promise.withResolvers<never>();
  readonly #client = new LazyConnection(() => this.#connect());
  #closing: Promise<void> | undefined;

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string) {
    this.#values = values;
    this.#context = context;
    this.#prefix = prefix;
    this.#where = `MongoDB at ${values.connection.replace(/^[^:]*:\/\/(?:[^@]*@)?|[/?].*$/g, "")}`;
    this.concurrency = values.workers * 10;
    this.#ended.promise.catch(() => {});
  }

  async connect(): Promise<void> {
    const { collection } = await this.#client.get();
    await this.#settle(collection.db.command({ ping: 1 }));
  }

  async send(alert: Alert): Promise<void> {
    const { collection, long } = await this.#client.get();
    const document = documentOf(alert.id, this.#context.json(alert), long);
    await this.#settle(
      collection.insertOne(document as { _id: string }).catch((error) => {
        if (!isRepeated(error)) throw error;
      }),
    );
  }

  async check(): Promise<string> {
    await this.connect();
    const { database, collection } = this.#values;
    return `${this.#where}: connected; whether this user may insert into ${database}.${collection} the first alert ` +
      "will show";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.reject(new Fault("closed"));
    this.#client[Symbol.dispose]();
    await this.#closing;
  }

  async #connect(): Promise<Open> {
    const { connection, database, collection, workers } = this.#values;
    // The default alone is there in a bundle: the driver is CommonJS.
    const { default: { MongoClient, Long } } = await import("mongodb");
    let client: Client;
    try {
      client = new MongoClient(connection, {
        appName: "nomad-crashloop-detector",
        serverSelectionTimeoutMS: connectTimeout,
        connectTimeoutMS: connectTimeout,
        socketTimeoutMS: answerTimeout,
        maxPoolSize: workers * 10,
        // When to try again is decided once for all sinks.
        retryWrites: false,
        ...(/[?&]w=/.test(connection) ? {} : { writeConcern: { w: "majority" } }),
      });
    } catch (error) {
      // The driver's words can have the URL in them.
      const { name } = error as Error;
      if (!name.startsWith("Mongo")) throw error;
      throw new Fault(
        `${this.#where}: the driver does not take the URL (${name}); correct ${this.#prefix}_CONNECTION`,
        "config",
      );
    }
    const close = () => {
      open.usable = false;
      this.#closing ??= client.close().catch(() => {});
    };
    const open: Open = {
      usable: true,
      collection: client.db(database).collection<{ _id: string }>(collection),
      long: (digits) => Long.fromString(digits),
      close,
    };
    try {
      await this.#settle(client.connect());
      return open;
    } catch (error) {
      await client.close().catch(() => {});
      throw error;
    }
  }

  /** What a promise of the driver yields, or until the sink is closed. @throws {Fault} */
  async #settle<T>(promise: Promise<T>): Promise<T> {
    try {
      return await Promise.race([promise, this.#ended.promise]);
    } catch (error) {
      throw explainMongo(error, this.#where, this.#prefix);
    }
  }
}
