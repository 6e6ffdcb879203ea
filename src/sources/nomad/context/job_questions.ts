// What Nomad knows of a job beside its definition: its last deployment, its earlier versions, and its allocations.
import { Buffer } from "node:buffer";
import type { NomadClient } from "../../../clients/nomad/client.ts";
import { type Fields, textOf } from "../../../detection/decode/fields.ts";
import { JsonArraySplitter } from "../stream/json_array.ts";

/** The last rollout of a job. */
export interface Deployment {
  readonly id: string;
  /** The version of the job that it rolls out. */
  readonly version: number;
  readonly status: string;
  readonly description: string;
}

/** A version of a job, and whether Nomad marked it as stable: a deployment of it succeeded. */
export interface JobVersion {
  readonly version: number;
  readonly stable: boolean;
}

/** An allocation that should run. */
export interface WantedAllocation {
  /** `job.group[index]`. */
  readonly name: string;
  readonly group: string;
  readonly jobType: string;
  readonly node: string;
  /** ClientStatus. */
  readonly status: string;
  readonly createIndex: number;
  readonly tasks: readonly string[];
}

/** Maximum bytes of an answer about one job; of its allocations, of which one at a time is in memory. */
const maxBytes = 16 << 20;
const maxListBytes = 256 << 20;

/** Asks about jobs. */
export class JobQuestions {
  readonly #client: NomadClient;
  readonly #idleTimeout: number;

  /** `idleTimeout`: milliseconds without a byte. */
  constructor(client: NomadClient, idleTimeout: number) {
    this.#client = client;
    this.#idleTimeout = idleTimeout;
  }

  /** The last deployment; "none" of a job without one, such as a batch job. @throws {Fault} */
  async deployment(namespace: string, job: string, signal: AbortSignal): Promise<Deployment | "none"> {
    const found = fieldsOf(await this.#read(namespace, job, "deployment", signal));
    if (textOf(found.ID) === "") return "none";
    return {
      id: textOf(found.ID),
      version: numberOf(found.JobVersion),
      status: textOf(found.Status),
      description: textOf(found.StatusDescription),
    };
  }

  /** The versions that Nomad keeps. @throws {Fault} */
  async versions(namespace: string, job: string, signal: AbortSignal): Promise<JobVersion[]> {
    const { Versions } = fieldsOf(await this.#read(namespace, job, "versions", signal));
    return (Array.isArray(Versions) ? Versions : []).map(fieldsOf).map(({ Version, Stable }) => (
      { version: numberOf(Version), stable: Stable === true }
    ));
  }

  /** The allocations of a job that should run, completed ones left out. @throws {Fault} */
  async allocations(namespace: string, job: string, signal: AbortSignal): Promise<WantedAllocation[]> {
    const body = await this.#get(namespace, job, "allocations", maxListBytes, signal);
    const elements = new JsonArraySplitter(this.#client.where, "allocations");
    const wanted: WantedAllocation[] = [];
    for await (const chunk of body) {
      for (const element of elements.push(chunk)) {
        const found = fieldsOf(JSON.parse(new TextDecoder().decode(element)));
        if (found.DesiredStatus === "run" && found.ClientStatus !== "complete") wanted.push(wantedOf(found));
      }
    }
    elements.end();
    return wanted;
  }

  async #read(namespace: string, job: string, what: string, signal: AbortSignal): Promise<unknown> {
    const body = await this.#get(namespace, job, what, maxBytes, signal);
    return JSON.parse(Buffer.concat(await Array.fromAsync(body)).toString());
  }

  async #get(
    namespace: string,
    job: string,
    what: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const path = `/v1/job/${encodeURIComponent(job)}/${what}`;
    const { body } = await this.#client.get({
      path,
      query: { namespace },
      idleTimeout: this.#idleTimeout,
      maxBytes,
      signal,
    });
    return body;
  }
}

function wantedOf(found: Fields): WantedAllocation {
  return {
    name: textOf(found.Name),
    group: textOf(found.TaskGroup),
    jobType: textOf(found.JobType),
    node: textOf(found.NodeID),
    status: textOf(found.ClientStatus),
    createIndex: numberOf(found.CreateIndex),
    tasks: Object.keys(fieldsOf(found.TaskStates)),
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
