// Watches the jobs of failing tasks over all sessions: what events and allocations show of them, and periodically the
// list of all jobs.
import type { NomadClient } from "../../../clients/nomad/client.ts";
import type { FailingTask } from "../../../detection/rule.ts";
import { asFault } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import type { JobEvent } from "../stream/event_stream.ts";
import type { Timeouts } from "../timeouts.ts";
import type { Allocation } from "../tracking/allocation.ts";
import type { NewEvent } from "../tracking/new_event.ts";
import type { Background } from "./background.ts";
import { JobClient, type JobList } from "./job_client.ts";
import { isFinal, Lifecycle } from "./lifecycle.ts";

/** An allocation that changed within these nanoseconds before the first list may still change. */
const recent = 10e9;

/** What a watch needs. */
export interface JobWatchContext {
  readonly client: NomadClient;
  readonly namespace: string;
  readonly log: Log;
  readonly timeouts: Timeouts;
  /** The failing tasks, whose jobs are watched; undefined if jobs are not watched. */
  readonly failing?: (() => Iterable<FailingTask>) | undefined;
}

/** Watches jobs, if `failing` is given. */
export class JobWatch {
  readonly #client: JobClient;
  readonly #lifecycle: Lifecycle;
  readonly #log: Log;
  readonly #auditPeriod: number;
  readonly #failing: (() => Iterable<FailingTask>) | undefined;
  /** The jobs at the very first list. */
  #firstJobs: JobList | undefined;
  #warnedNoJobs = false;

  constructor({ client, namespace, log, timeouts, failing }: JobWatchContext) {
    this.#client = new JobClient(client, namespace);
    this.#lifecycle = new Lifecycle(this.#client, timeouts);
    this.#log = log;
    this.#auditPeriod = timeouts.audit;
    this.#failing = failing;
  }

  /** Reads the list of jobs before the very first list of allocations, for `isFinal`. */
  async beginFirstListing(signal: AbortSignal): Promise<void> {
    this.#firstJobs = await this.#list(signal);
  }

  endFirstListing(): void {
    this.#firstJobs = undefined;
  }

  /** Whether the failures of an allocation in the very first list are final. */
  isFinal(allocation: Allocation): boolean {
    const job = this.#firstJobs?.get(allocation.Namespace, allocation.JobID);
    return job !== undefined && isFinal(allocation, job, Date.now() * 1e6 - recent);
  }

  takeEvent(event: JobEvent, index: number, background: Background): NewEvent[] {
    return this.#lifecycle.take(event, index, background);
  }

  takeAllocation(allocation: Allocation, jobType: string | undefined, background: Background): NewEvent[] {
    if (this.#failing === undefined) return [];
    return this.#lifecycle.takeAllocation(allocation, jobType, background);
  }

  /** Checks the jobs of the failing tasks now and then periodically. `newest` is the cluster's raft index, if known;
   * `onList` takes each list of all jobs. */
  audit(
    newest: () => number | undefined,
    background: Background,
    onList: (jobs: JobList) => void = () => {},
  ): void {
    const failing = this.#failing;
    if (failing === undefined) return;
    background.ask(async (signal) => {
      background.later("audit", this.#auditPeriod, () => {
        this.audit(newest, background, onList);
        return Promise.resolve([]);
      });
      const jobs = isEmpty(failing()) ? undefined : await this.#list(signal);
      if (jobs !== undefined) onList(jobs);
      return jobs === undefined ? [] : this.#lifecycle.audit(failing(), jobs, newest(), background);
    });
  }

  /** Undefined if jobs cannot be listed, or are not watched. */
  async #list(signal: AbortSignal): Promise<JobList | undefined> {
    if (this.#failing === undefined) return undefined;
    try {
      return await this.#client.list(signal);
    } catch (error) {
      if (signal.aborted || this.#warnedNoJobs) return undefined;
      this.#warnedNoJobs = true;
      const reason = asFault(error).message;
      this.#log.warning(
        "source nomad: cannot list jobs, so the loop of a purged job may stay active: {reason}",
        { reason },
      );
      return undefined;
    }
  }
}

function isEmpty(tasks: Iterable<unknown>): boolean {
  for (const _ of tasks) return false;
  return true;
}
