// The types of jobs: service, batch, system. The list of allocations says them, the event stream does not: for a job
// of which no allocation is known yet, Nomad is asked.
import type { NomadClient } from "../../clients/nomad/client.ts";
import { asFault } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Allocation } from "./allocation.ts";

/** Milliseconds that an answer may take: events wait for it. */
const defaultPatience = 5_000;
/** Bytes of an answer: Nomad itself takes no source of a job of more than 1 MB unless it is told to. */
const maxBytes = 16 << 20;
/** Answers that are remembered. */
const maxRemembered = 10_000;

/** What Nomad answered about jobs. */
export class JobTypes {
  readonly #client: NomadClient;
  readonly #log: Log;
  readonly #idleTimeout: number;
  /** By namespace and job; undefined where Nomad did not say. */
  readonly #types = new Map<string, string | undefined>();

  constructor(client: NomadClient, log: Log, idleTimeout = defaultPatience) {
    this.#client = client;
    this.#log = log;
    this.#idleTimeout = idleTimeout;
  }

  /** The type of an allocation's job. Where Nomad does not say it, it is not known. */
  async ask({ Namespace, JobID }: Allocation, signal: AbortSignal): Promise<string | undefined> {
    // The children of a periodic or parameterized job are of its type, and there are many.
    const job = JobID.replace(/\/(?:periodic|dispatch)-.*$/s, "");
    const key = `${Namespace}\0${job}`;
    if (!this.#types.has(key)) {
      if (this.#types.size >= maxRemembered) this.#types.clear();
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
