// The lifecycle of jobs: stopped, purged, given up or rescheduled, as events and allocations show it. What no event
// shows is queried in the background.
import type { FailingTask } from "../../../detection/rule.ts";
import type { Background } from "./background.ts";
import type { Timeouts } from "../timeouts.ts";
import { type JobClient, type JobList, type JobState, jobStateOf, waitUntilOf } from "./job_client.ts";
import { writeJobChange } from "./job_change.ts";
import type { NewEvent } from "../tracking/new_event.ts";
import type { JobEvent } from "../stream/event_stream.ts";
import type { Allocation } from "../tracking/allocation.ts";

/** Maximum remembered evaluations, and allocations to be rescheduled. */
const maxRemembered = 10_000;

/** A job, or one allocation of a system job, that may have been given up. */
interface Suspect {
  readonly namespace: string;
  readonly job: string;
  readonly index: number;
  readonly allocation?: string;
  /** Raft index of the job's last change: a job that changes is still active. */
  readonly changed?: number;
}

/** Watches jobs across all sessions. */
export class Lifecycle {
  readonly #client: JobClient;
  readonly #timeouts: Pick<Timeouts, "deadJob" | "audit">;
  /** By evaluation: digits of the time until which it is delayed. */
  readonly #untils = new Recent<string>();
  /** By allocation: the evaluation that will reschedule it. */
  readonly #followups = new Recent<string>();
  /** Jobs with a failed allocation, by namespace and job. */
  readonly #failed = new Recent<true>();

  constructor(client: JobClient, timeouts: Pick<Timeouts, "deadJob" | "audit">) {
    this.#client = client;
    this.#timeouts = timeouts;
  }

  /** Takes an event of the topic Job or Evaluation. */
  take({ type, job, evaluation }: JobEvent, index: number, background: Background): NewEvent[] {
    const namespace = textOf((job ?? evaluation)?.Namespace);
    const id = textOf(job?.ID) || textOf(evaluation?.JobID);
    if (id === "") return [];
    const key = jobKey(namespace, id);
    if (type === "JobDeregistered" || type === "JobBatchDeregistered") {
      background.cancel(key);
      const time = typeof evaluation?.ModifyTime === "number" ? evaluation.ModifyTime : undefined;
      return [writeJobChange({ namespace, job: id, outcome: "stopped", index, time })];
    }
    if (evaluation !== undefined) {
      const until = waitUntilOf(evaluation);
      if (until !== undefined && evaluation.Status === "pending") {
        this.#untils.set(textOf(evaluation.ID), until);
      }
    }
    const state = jobStateOf(job);
    if (state === undefined) return [];
    if (!isDead(state)) background.cancel(key);
    else if (this.#failed.get(key)) {
      this.#suspect({ namespace, job: id, index, changed: state.modifyIndex }, background);
    }
    return [];
  }

  /** Takes an allocation from a line or from the list. */
  takeAllocation(allocation: Allocation, jobType: string | undefined, background: Background): NewEvent[] {
    const { ID, Namespace, JobID, FollowupEvalID } = allocation;
    const { ClientStatus, DesiredStatus, NextAllocation, CreateIndex = 0, ModifyIndex } = allocation;
    const isLast = ClientStatus === "failed" && DesiredStatus === "run" && !NextAllocation;
    if (!isLast || FollowupEvalID) background.cancel(ID);
    if (!isLast) {
      this.#followups.delete(ID);
      return [];
    }
    this.#failed.set(jobKey(Namespace, JobID), true);
    if (!FollowupEvalID) {
      const suspect = { namespace: Namespace, job: JobID, index: ModifyIndex, allocation: ID };
      if (isSystem(jobType)) this.#suspect(suspect, background);
      return [];
    }
    if (this.#followups.get(ID) === FollowupEvalID) return [];
    this.#followups.set(ID, FollowupEvalID);
    const until = this.#untils.get(FollowupEvalID);
    return until === undefined ? [] : [placedAgain(Namespace, JobID, ID, CreateIndex, until)];
  }

  /** Compares the failing tasks with the list of all jobs. A job that is not in the list is queried separately: a token
   * may list fewer jobs than it may read. `newest` is the cluster's raft index: what was created after it was created
   * in another cluster. */
  audit(
    failing: Iterable<FailingTask>,
    jobs: JobList,
    newest: number | undefined,
    background: Background,
  ): NewEvent[] {
    const newEvents: NewEvent[] = [];
    for (const tasks of byJob(failing)) {
      const [{ namespace, job }] = tasks as [FailingTask];
      const state = jobs.get(namespace, job);
      if (newest !== undefined && tasks.some(({ createIndex }) => createIndex > newest)) {
        newEvents.push(...gone(tasks));
      } else if (state === undefined) {
        background.ask(async (signal) =>
          this.#judge(tasks, await this.#client.ask(namespace, job, signal), background)
        );
      } else newEvents.push(...this.#judge(tasks, state, background));
      for (const task of tasks) this.#askWhen(task, background);
    }
    return newEvents;
  }

  #judge(
    tasks: readonly FailingTask[],
    state: JobState | "none" | undefined,
    background: Background,
  ): NewEvent[] {
    if (state === undefined) return [];
    if (state === "none") return gone(tasks);
    const [{ namespace, job }] = tasks as [FailingTask];
    const index = newestOf(tasks);
    if (state.stopped) return [writeJobChange({ namespace, job, outcome: "stopped", index })];
    if (isDead(state)) this.#suspect({ namespace, job, index, changed: state.modifyIndex }, background);
    return gone(tasks.filter(({ createIndex }) => createIndex > 0 && createIndex < state.createIndex));
  }

  /** Queries the job after a while: between a failure and its consequence, a job is dead as well. */
  #suspect(suspect: Suspect, background: Background, wait = this.#timeouts.deadJob): void {
    const { namespace, job, index, allocation, changed } = suspect;
    // The next child of a periodic job is the next attempt.
    if (/\/periodic-[0-9]+$/.test(job)) return;
    background.later(allocation ?? jobKey(namespace, job), wait, async (signal) => {
      const state = await this.#client.ask(namespace, job, signal);
      if (state === undefined && !signal.aborted) this.#suspect(suspect, background, this.#timeouts.audit);
      if (state === undefined || state === "none" || state.stopped) return [];
      if (allocation !== undefined) {
        return [writeJobChange({ namespace, job, outcome: "gave-up", index, allocation })];
      }
      if (!isDead(state)) return [];
      if (state.modifyIndex === changed) {
        return [writeJobChange({ namespace, job, outcome: "gave-up", index })];
      }
      this.#suspect({ ...suspect, changed: state.modifyIndex }, background);
      return [];
    });
  }

  #askWhen({ namespace, job, allocation, createIndex }: FailingTask, background: Background): void {
    const evaluation = this.#followups.get(allocation);
    if (evaluation === undefined || this.#untils.get(evaluation) !== undefined) return;
    background.ask(async (signal) => {
      const until = await this.#client.waitUntil(namespace, evaluation, signal);
      if (until === undefined) return [];
      this.#untils.set(evaluation, until);
      return [placedAgain(namespace, job, allocation, createIndex, until)];
    });
  }
}

function placedAgain(
  namespace: string,
  job: string,
  allocation: string,
  index: number,
  until: string,
): NewEvent {
  return writeJobChange({ namespace, job: parentOf(job), outcome: "pending", index, allocation, until });
}

/** The job for which the rule counts the children of a periodic job. */
function parentOf(job: string): string {
  return job.replace(/\/periodic-[0-9]+$/, "");
}

/** Whether Nomad makes no further attempt. A job with children is never dead unless it is stopped. */
export function isDead({ status, stopped }: JobState): boolean {
  return status === "dead" && !stopped;
}

function isSystem(type: string | undefined): boolean {
  return type === "system" || type === "sysbatch";
}

function gone(tasks: readonly FailingTask[]): NewEvent[] {
  const [first] = tasks;
  if (first === undefined) return [];
  const { namespace, job } = first;
  return [writeJobChange({ namespace, job, outcome: "gone", index: newestOf(tasks) })];
}

function newestOf(tasks: readonly FailingTask[]): number {
  return Math.max(...tasks.map(({ createIndex }) => createIndex));
}

function byJob(tasks: Iterable<FailingTask>): Iterable<FailingTask[]> {
  const jobs = new Map<string, FailingTask[]>();
  for (const task of tasks) {
    const key = jobKey(task.namespace, task.job);
    const known = jobs.get(key);
    if (known === undefined) jobs.set(key, [task]);
    else known.push(task);
  }
  return jobs.values();
}

function jobKey(namespace: string, job: string): string {
  return `${namespace}\0${job}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Whether a list shows that an allocation's failures are final, and so irrelevant to a program that starts. One that
 * changed after `before`, in nanoseconds, may still change. */
export function isFinal(
  { JobID, CreateIndex = 0, ModifyTime, ClientStatus, FollowupEvalID, NextAllocation }: Allocation,
  state: JobState,
  before: number,
): boolean {
  if (/\/periodic-[0-9]+$/.test(JobID)) return false;
  if (state.stopped || CreateIndex < state.createIndex) return true;
  const isLast = ClientStatus === "failed" && !FollowupEvalID && !NextAllocation;
  return ModifyTime < before && (isDead(state) || (isSystem(state.type) && isLast));
}

/** A map that keeps the entries set last. */
class Recent<Value> {
  readonly #map = new Map<string, Value>();

  get(key: string): Value | undefined {
    return this.#map.get(key);
  }

  set(key: string, value: Value): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size <= maxRemembered) return;
    for (const oldest of this.#map.keys()) return void this.#map.delete(oldest);
  }

  delete(key: string): boolean {
    return this.#map.delete(key);
  }
}
