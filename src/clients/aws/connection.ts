// A client of the AWS SDK that is loaded when it is first used.
import { AwsHandler } from "./handler.ts";

/** What is used of the SDK's clients. */
interface SdkClient {
  destroy(): void;
}

/** What every client is made with. */
export interface AwsOptions {
  /** One attempt: when to retry is decided once for all sinks. */
  readonly maxAttempts: 1;
  readonly requestHandler: AwsHandler;
  /** Nothing of the SDK is written to standard output, which alerts may go to. */
  readonly logger: Readonly<Record<"debug" | "info" | "warn" | "error", () => void>>;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A client with its SDK, loaded once. */
export class AwsConnection<Sdk, Client extends SdkClient> implements AsyncDisposable {
  readonly #load: () => Promise<Sdk>;
  readonly #create: (sdk: Sdk, options: AwsOptions) => Client;
  readonly #closed = new AbortController();
  #open: Promise<{ sdk: Sdk; client: Client }> | undefined;

  /** `load` imports the SDK, `create` makes the client. */
  constructor(
    load: () => Promise<Sdk>,
    create: (sdk: Sdk, options: AwsOptions) => Client,
  ) {
    this.#load = load;
    this.#create = create;
  }

  /** For every request: aborted when the connection is closed. */
  get requestOptions(): { abortSignal: AbortSignal } {
    return { abortSignal: this.#closed.signal };
  }

  /** The SDK and the client. */
  open(): Promise<{ sdk: Sdk; client: Client }> {
    return this.#open ??= this.#opened();
  }

  async #opened(): Promise<{ sdk: Sdk; client: Client }> {
    const sdk = await this.#load();
    const options: AwsOptions = { maxAttempts: 1, requestHandler: new AwsHandler(), logger: silent };
    return { sdk, client: this.#create(sdk, options) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    (await this.#open)?.client.destroy();
  }
}
