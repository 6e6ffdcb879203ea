// The types of jobs: service, batch, system. The list of allocations says them; the event stream does not, so that
// for a job which is not in the list yet Nomad is asked.
import type { NomadClient } from "../clients/nomad.ts";
import { asFault } from "../fault.ts";
import type { Log } from "../log.ts";
import type { Allocation } from "./nomad_update.ts";

/** Milliseconds that an answer may take: events wait for it. */
const patience = 5_000;

/** The types of jobs, as far as they are known. */
export class JobTypes {
  readonly #client: NomadClient;
  readonly #log: Log;
  /** By namespace and id; undefined where Nomad would not say. */
  #types = new Map<string, string | undefined>();
  #listed = new Map<string, string | undefined>();

  constructor(client: NomadClient, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  of(allocation: Allocation): string | undefined {
    return allocation.JobType ?? this.#types.get(keyOf(allocation));
  }

  beginListing(): void {
    this.#listed = new Map();
  }

  /** Takes the type from an allocation of the list. */
  learn(allocation: Allocation): void {
    this.#types.set(keyOf(allocation), allocation.JobType);
    this.#listed.set(keyOf(allocation), allocation.JobType);
  }

  /** Forgets what the list did not show. */
  endListing(): void {
    this.#types = this.#listed;
  }

  /** Asks for the type of an allocation's job where it is not known. Where Nomad does not say, it stays unknown. */
  async ask(allocation: Allocation): Promise<void> {
    const key = keyOf(allocation);
    if (this.#types.has(key)) return;
    this.#types.set(key, undefined);
    try {
      const { body } = await this.#client.get({
        path: `/v1/job/${encodeURIComponent(parentOf(allocation.JobID))}`,
        query: { namespace: allocation.Namespace },
        patience,
      });
      const { Type } = await new Response(ReadableStream.from(body)).json();
      if (typeof Type === "string") this.#types.set(key, Type);
    } catch (error) {
      const reason = asFault(error).message;
      this.#log.debug("source nomad: type of job {job} is not known: {reason}", {
        job: allocation.JobID,
        reason,
      });
    }
  }
}

/** The children of a periodic or parameterized job are of its type, and there are many. */
function parentOf(job: string): string {
  return job.replace(/\/(?:periodic|dispatch)-.*$/, "");
}

function keyOf({ Namespace, JobID }: Allocation): string {
  return `${Namespace}\0${parentOf(JobID)}`;
}
