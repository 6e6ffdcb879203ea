// Queries of jobs and evaluations: the list of all jobs, one job or its definition, and when an allocation is rescheduled. The size of
// each response is limited.
import { parseTime } from "../../../lib/time.ts";
import { Buffer } from "node:buffer";
import type { NomadClient } from "../../../clients/nomad/client.ts";
import { NoSuchJob } from "../../../clients/nomad/errors.ts";
import { JsonArraySplitter } from "../stream/json_array.ts";
import { type JobDefinition, jobDefinitionOf } from "./job_definition.ts";

/** The fields of a job that the list and the job itself share. */
export interface JobState {
  readonly status: string;
  readonly stopped: boolean;
  /** Service, batch, system, sysbatch. */
  readonly type: string;
  /** Raft index of its creation; a job that was purged and run again has another one. And of its last change. */
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** All jobs that the token may list. */
export interface JobList {
  get(namespace: string, job: string): JobState | undefined;
}

/** Milliseconds without a byte, and in total for one job or evaluation. */
const idleTimeout = 10_000;
/** Maximum bytes of one job or evaluation, and of the list of all jobs, of which one at a time is in memory. */
const maxBytes = 16 << 20;
const maxListBytes = 2 ** 30;

/** Queries jobs. */
export class JobClient {
  readonly #client: NomadClient;
  readonly #namespace: string;

  constructor(client: NomadClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** @throws {Fault} */
  async list(signal: AbortSignal): Promise<JobList> {
    const query = { namespace: this.#namespace };
    const { body } = await this.#client.get({
      path: "/v1/jobs",
      query,
      idleTimeout,
      maxBytes: maxListBytes,
      signal,
    });
    const elements = new JsonArraySplitter(this.#client.where, "jobs");
    const jobs = new Map<string, JobState>();
    for await (const chunk of body) {
      for (const element of elements.push(chunk)) {
        const job = parse(new TextDecoder().decode(element));
        const namespace = textOf(job?.Namespace) || this.#ownNamespace;
        const state = jobStateOf(job);
        if (state !== undefined) jobs.set(`${namespace}\0${job!.ID}`, state);
      }
    }
    elements.end();
    return { get: (namespace, job) => jobs.get(`${namespace}\0${job}`) };
  }

  /** One job; "none" if it does not exist. Undefined if Nomad does not answer. */
  async ask(namespace: string, job: string, signal: AbortSignal): Promise<JobState | "none" | undefined> {
    try {
      return jobStateOf(await this.#read(`/v1/job/${encodeURIComponent(job)}`, namespace, signal));
    } catch (error) {
      return error instanceof NoSuchJob ? "none" : undefined;
    }
  }

  /** The definition of a job; undefined if there is no such job. @throws {Fault} if Nomad refuses, or does not answer. */
  async define(namespace: string, job: string, signal: AbortSignal): Promise<JobDefinition | undefined> {
    try {
      return jobDefinitionOf(await this.#read(`/v1/job/${encodeURIComponent(job)}`, namespace, signal));
    } catch (error) {
      if (error instanceof NoSuchJob) return undefined;
      throw error;
    }
  }

  /** Digits of the time, in nanoseconds, until which an evaluation is delayed. Undefined if Nomad does not answer. */
  async waitUntil(namespace: string, evaluation: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const path = `/v1/evaluation/${encodeURIComponent(evaluation)}`;
      return waitUntilOf(await this.#read(path, namespace, signal));
    } catch {
      return undefined;
    }
  }

  /** The namespace of jobs in a list that names none. */
  get #ownNamespace(): string {
    return this.#namespace === "*" ? "default" : this.#namespace;
  }

  async #read(path: string, namespace: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    const { body } = await this.#client.get({
      path,
      query: { namespace },
      idleTimeout,
      deadline: idleTimeout,
      maxBytes,
      signal,
    });
    return parse(Buffer.concat(await Array.fromAsync(body)).toString());
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Until when an evaluation is delayed; undefined if it is not. */
export function waitUntilOf(evaluation: JsonObject | undefined): string | undefined {
  const text = textOf(evaluation?.WaitUntil);
  const time = text.startsWith("0001-") ? undefined : parseTime(text);
  return time === undefined ? undefined : String(time);
}

/** Undefined if it is not a job. */
export function jobStateOf(job: JsonObject | undefined): JobState | undefined {
  if (typeof job?.ID !== "string" || typeof job.Status !== "string") return undefined;
  const [createIndex, modifyIndex] = [numberOf(job.CreateIndex), numberOf(job.ModifyIndex)];
  return { status: job.Status, stopped: job.Stop === true, type: textOf(job.Type), createIndex, modifyIndex };
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function parse(text: string): JsonObject | undefined {
  const value = JSON.parse(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
