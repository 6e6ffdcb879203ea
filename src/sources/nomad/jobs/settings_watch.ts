// Finds out what failing jobs ask for in their `meta`, and passes it on as updates. A job is asked for once for each of
// its versions; the topic Job brings new ones without being asked.
import { Fault } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import { ownMeta, readMeta } from "../../../detection/jobs/meta.ts";
import type { NewEvent } from "../tracking/new_event.ts";
import type { Background } from "./background.ts";
import type { JobClient, JobList } from "./job_client.ts";
import { type JobDefinition, jobDefinitionOf } from "./job_definition.ts";
import { writeJobSettings } from "./job_settings_update.ts";

/** Requests at one time, so that a storm of failing jobs does not flood Nomad, and maximum jobs that wait for one. */
const maxRequests = 4;
const maxWaiting = 10_000;
/** Maximum remembered jobs: the settings of the one that was read longest ago are given up for a new one. */
const maxKnown = 10_000;
/** Milliseconds for which failures in the list, and the first failure of a job, wait for what their jobs ask for, so that a
 * muted job does not notify before that is known. */
const maxHoldTime = 1_000;

/** What a watch needs. */
export interface SettingsWatchContext {
  readonly client: Pick<JobClient, "define">;
  readonly log: Log;
  /** Milliseconds after which a job is asked for again that Nomad did not answer for. */
  readonly retryAfter: number;
  /** Maximum remembered jobs. */
  readonly limit?: number;
}

/** A job that was asked for. */
interface Known {
  readonly namespace: string;
  readonly job: string;
  /** Raft index of its version; -1 if that is not known. */
  index: number;
  /** It has settings, which were passed on. */
  has: boolean;
  /** From when on a failure asks again, by `performance.now()`. */
  askAt: number;
}

/** A job that is asked for. */
interface Waiting {
  readonly namespace: string;
  readonly job: string;
  /** Time of the first failure that is held back for it, in nanoseconds. */
  time: number;
}

/** One session: its requests end with it. */
class Asking implements AsyncDisposable {
  readonly stop = new AbortController();
  /** Those in the queue and those that are being asked for. */
  readonly waiting = new Map<string, Waiting>();
  readonly queue: string[] = [];
  readonly requests = new Set<Promise<void>>();
  /** Failures in the list are held back. */
  isListing = true;
  /** After the list, the jobs whose first failures are held back. */
  readonly newcomers = new Set<string>();
  /** What was found for those that are held back. */
  readonly held: NewEvent[] = [];
  /** Until when failures are held back: after the list, from when there was nothing to ask for. */
  holdUntil = Infinity;
  wake = () => {};

  constructor(readonly background: Background) {}

  /** Whether an answer is to come that failures are held back for. */
  get isPending(): boolean {
    return this.isListing ? this.waiting.size > 0 : this.newcomers.size > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    this.queue.length = 0;
    this.wake();
    await Promise.all(this.requests);
  }
}

/** Watches the settings of jobs, over all sessions. */
export class SettingsWatch {
  readonly #client: Pick<JobClient, "define">;
  readonly #log: Log;
  readonly #retryAfter: number;
  readonly #limit: number;
  /** By namespace and job, the one that was read last comes last. */
  readonly #known = new Map<string, Known>();
  /** What changed since `takeChanges`. */
  #changes = new Map<string, string | undefined>();
  #asking: Asking | undefined;
  #warned = false;

  constructor({ client, log, retryAfter, limit = maxKnown }: SettingsWatchContext) {
    this.#client = client;
    this.#log = log;
    this.#retryAfter = retryAfter;
    this.#limit = limit;
  }

  /** Restores what `takeChanges` returned: the rule knows the settings of this job. */
  restore(key: string, index: string): void {
    const [namespace, job] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    this.#known.set(key, { namespace, job, index: Number(index), has: true, askAt: 0 });
  }

  /** The jobs with settings that changed since the last call, by namespace and job: the index of the version, or
   * undefined where there are no settings any more. */
  takeChanges(): Map<string, string | undefined> {
    const changes = this.#changes;
    if (changes.size > 0) this.#changes = new Map();
    return changes;
  }

  /** Begins a session. Jobs can have changed since the last one, so each is asked for again when it fails. */
  begin(background: Background): AsyncDisposable {
    for (const known of this.#known.values()) known.askAt = 0;
    return this.#asking = new Asking(background);
  }

  /** The cluster was set up again or restored: its indexes say nothing about those before. */
  reset(): void {
    for (const known of this.#known.values()) known.index = -1;
  }

  /** A task of a job failed at about this time, in nanoseconds: asks for the job unless it is known. */
  noteFailure(namespace: string, job: string, time: number): void {
    // The children of a periodic job are counted for it.
    this.#ask(namespace, job.replace(/\/periodic-[0-9]+$/, ""), time);
  }

  /** Takes a job from the topic Job. */
  takeJob(job: Readonly<Record<string, unknown>> | undefined): NewEvent[] {
    if (job === undefined || !Array.isArray(job.TaskGroups) || typeof job.JobModifyIndex !== "number") {
      return [];
    }
    const key = `${job.Namespace}/${job.ID}`;
    const known = this.#known.get(key);
    if (known === undefined ? !this.#asking?.waiting.has(key) : job.JobModifyIndex <= known.index) return [];
    const definition = jobDefinitionOf(job);
    return definition === undefined ? [] : this.#take(definition, Date.now() * 1e6);
  }

  /** Asks for the known jobs that have another version in the list of all jobs. */
  compare(jobs: JobList): void {
    for (const { namespace, job, index } of [...this.#known.values()]) {
      const found = jobs.get(namespace, job)?.jobModifyIndex ?? 0;
      if (found > 0 && found !== index) this.#ask(namespace, job, Date.now() * 1e6, true);
    }
  }

  /** Resolves when all jobs are known that failures are held back for, or when these were held back for long enough.
   * Returns what was found. */
  async settled(): Promise<NewEvent[]> {
    const asking = this.#asking!;
    while (asking.isPending && !asking.stop.signal.aborted) {
      const left = asking.holdUntil - performance.now();
      if (left <= 0) break;
      const { promise, resolve } = Promise.withResolvers<void>();
      asking.wake = resolve;
      const timer = setTimeout(resolve, left);
      await promise;
      clearTimeout(timer);
    }
    asking.newcomers.clear();
    return asking.held.splice(0);
  }

  /** Whether `settled` has something to wait for, or to return. */
  get holds(): boolean {
    const { isListing, newcomers, held } = this.#asking!;
    return isListing || newcomers.size > 0 || held.length > 0;
  }

  /** The list is read: from now on only the first failure of a job is held back, and what else is found is an event of the
   * session. */
  endListing(): void {
    const asking = this.#asking!;
    if (asking.held.length > 0) asking.background.pass(asking.held.splice(0));
    asking.isListing = false;
  }

  #ask(namespace: string, job: string, time: number, again = false): void {
    const asking = this.#asking!;
    const key = `${namespace}/${job}`;
    const known = this.#known.get(key);
    if (known !== undefined && !again && known.askAt > 0 && performance.now() < known.askAt) return;
    const waiting = asking.waiting.get(key);
    if (waiting !== undefined) waiting.time = Math.min(waiting.time, time);
    else if (asking.waiting.size < maxWaiting) {
      const isIdle = !asking.isListing && asking.waiting.size === 0;
      if (isIdle || asking.holdUntil === Infinity) asking.holdUntil = performance.now() + maxHoldTime;
      if (!asking.isListing && known === undefined && performance.now() < asking.holdUntil) {
        asking.newcomers.add(key);
      }
      asking.waiting.set(key, { namespace, job, time });
      asking.queue.push(key);
      this.#request(asking);
    }
  }

  #request(asking: Asking): void {
    while (asking.requests.size < maxRequests) {
      const key = asking.queue.shift();
      if (key === undefined) return;
      const waiting = asking.waiting.get(key)!;
      const request = this.#read(waiting, asking.stop.signal).then((events) => {
        asking.waiting.delete(key);
        asking.requests.delete(request);
        if (asking.stop.signal.aborted) return;
        if (asking.newcomers.delete(key) || asking.isListing) asking.held.push(...events);
        else if (events.length > 0) asking.background.pass(events);
        this.#request(asking);
        if (!asking.isPending) asking.wake();
      });
      asking.requests.add(request);
    }
  }

  async #read(waiting: Waiting, signal: AbortSignal): Promise<NewEvent[]> {
    const { namespace, job } = waiting;
    try {
      const definition = await this.#client.define(namespace, job, signal);
      if (signal.aborted) return [];
      // Before the failure, so that it comes first where updates are sorted; a number holds 256 ns.
      if (definition !== undefined) return this.#take({ ...definition, namespace, job }, waiting.time - 1024);
      // It is purged: its loops end for that reason.
      this.#remember(namespace, job, { askAt: performance.now() + this.#retryAfter });
    } catch (error) {
      if (signal.aborted) return [];
      this.#remember(namespace, job, { askAt: performance.now() + this.#retryAfter });
      this.#warn(error);
    }
    return [];
  }

  #warn(error: unknown): void {
    if (this.#warned || !(error instanceof Fault)) return;
    this.#warned = true;
    this.#log.warning(
      "source nomad: cannot read a job, so what jobs ask for in their meta is not known: {reason}",
      { reason: error.message },
    );
  }

  /** What of a version of a job is to be passed on. */
  #take(definition: JobDefinition, time: number): NewEvent[] {
    const { namespace, job, version, jobModifyIndex: index } = definition;
    const key = `${namespace}/${job}`;
    const before = this.#known.get(key);
    // The topic Job can be faster than the answer.
    if (before !== undefined && before.index >= index) {
      before.askAt = Infinity;
      return [];
    }
    const tasks = definition.tasks.flatMap(({ group, task, meta }) => {
      const own = ownMeta(meta);
      return own === undefined ? [] : [{ group, task, meta: own }];
    });
    const has = tasks.length > 0;
    const forgotten = this.#remember(namespace, job, { index, has, askAt: Infinity });
    if (has) this.#changes.set(key, String(index));
    else if (before?.has) this.#changes.set(key, undefined);
    else return forgotten;
    this.#warnOf(key, version, tasks.map(({ meta }) => meta));
    return [...forgotten, writeJobSettings({ namespace, job, version, tasks }, time)];
  }

  #warnOf(job: string, version: number, metas: readonly Readonly<Record<string, string>>[]): void {
    const problems = metas.flatMap((meta) => readMeta(meta).problems);
    for (const [text, key] of new Map(problems.map(({ key, text }) => [`${key}: ${text}`, key]))) {
      this.#log.warning(
        "source nomad: job {job}, version {version}: meta {problem}; the detector's own setting holds",
        { job, version, problem: text, key },
      );
    }
  }

  /** Notes what is known of a job. Returns updates that forget the settings of jobs that make room for it. */
  #remember(namespace: string, job: string, differs: Partial<Known>): NewEvent[] {
    const key = `${namespace}/${job}`;
    const known = this.#known.get(key) ?? { namespace, job, index: -1, has: false, askAt: 0 };
    this.#known.delete(key);
    this.#known.set(key, { ...known, ...differs });
    const forgotten: NewEvent[] = [];
    for (const [oldest, { namespace, job, has }] of this.#known) {
      if (this.#known.size <= this.#limit) break;
      this.#known.delete(oldest);
      if (!has) continue;
      this.#changes.set(oldest, undefined);
      forgotten.push(writeJobSettings({ namespace, job, version: 0, tasks: [] }, Date.now() * 1e6));
    }
    return forgotten;
  }
}
