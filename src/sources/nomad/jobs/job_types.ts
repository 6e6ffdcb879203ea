// The types of jobs: service, batch, system. The list of allocations has them, the event stream does not; the type of a
// job without a known allocation is queried.
import type { NomadClient } from "../../../clients/nomad/client.ts";
import { asFault } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import type { Allocation } from "../tracking/allocation.ts";

/** Milliseconds that a response may take, while events wait for it. */
const defaultTimeout = 5_000;
/** Maximum bytes of a response: by default Nomad limits the source of a job to 1 MB. */
const maxBytes = 16 << 20;
/** Maximum cached types. */
const maxCached = 10_000;

/** A cache of the types of jobs. */
export class JobTypes {
  readonly #client: NomadClient;
  readonly #log: Log;
  readonly #idleTimeout: number;
  /** By namespace and job; undefined if Nomad did not answer. */
  readonly #types = new Map<string, string | undefined>();

  constructor(client: NomadClient, log: Log, idleTimeout = defaultTimeout) {
    this.#client = client;
    this.#log = log;
    this.#idleTimeout = idleTimeout;
  }

  /** The type of an allocation's job; undefined if Nomad does not answer. */
  async ask({ Namespace, JobID }: Allocation, signal: AbortSignal): Promise<string | undefined> {
    // The children of a periodic or parameterized job are of its type, and there are many.
    const job = JobID.replace(/\/(?:periodic|dispatch)-.*$/s, "");
    const key = `${Namespace}\0${job}`;
    if (!this.#types.has(key)) {
      if (this.#types.size >= maxCached) this.#types.clear();
      this.#types.set(key, await this.#get(Namespace, job, signal));
    }
    return this.#types.get(key);
  }

  async #get(namespace: string, job: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const path = `/v1/job/${encodeURIComponent(job)}`;
      const time = { idleTimeout: this.#idleTimeout, deadline: this.#idleTimeout };
      const { body } = await this.#client.get({ path, query: { namespace }, ...time, maxBytes, signal });
      const { Type } = await new Response(ReadableStream.from(body)).json();
      return typeof Type === "string" ? Type : undefined;
    } catch (error) {
      const reason = asFault(error).message;
      this.#log.debug("source nomad: the type of job {job} is not known: {reason}", { job, reason });
      return undefined;
    }
  }
}
