// What jobs ask for in their `meta`, by task: kept by the rules, and by the state. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { formatTime, maxTime } from "../../lib/time.ts";
import type { JobWishes } from "../alert/details.ts";
import { type PathFilter, pathOfKey } from "../alert/path_filter.ts";
import type { Key } from "../decode/task_key.ts";
import type { JobSettingsEvent, SettingsOfTask } from "../event.ts";
import { readMeta, type TaskSettings } from "./meta.ts";

/** The settings of one job, as they are kept. */
export interface KeptJobSettings {
  readonly version: number;
  readonly tasks: readonly SettingsOfTask[];
}

/** What takes the settings of jobs; undefined forgets them. */
export interface JobSettingsState {
  put(table: "job settings", key: string, settings: KeptJobSettings | undefined): void;
}

/** What was kept of them. */
export interface KeptJobs {
  entries(table: "job settings"): Iterable<readonly [key: string, settings: KeptJobSettings]>;
}

/** Which tasks are watched in silence, whatever their jobs say. */
export interface Scope {
  readonly include?: PathFilter | undefined;
  readonly exclude?: PathFilter | undefined;
}

/** Why no sink gets alerts about a task, and until when; `maxTime` if no time ends it. */
export interface Muting {
  readonly until: Nanoseconds;
  /** In words, after "muted": `until 2026-12-01T08:00:00Z, as crashloop_mute_until says`. */
  readonly words: string;
}

/** The identity of a task in its job. */
export type TaskKey = Pick<Key, "Namespace" | "JobID" | "TaskGroup" | "Task">;

const nothing: TaskSettings = {};

/** The settings of all jobs that have some, and what INCLUDE and EXCLUDE leave out. */
export class JobSettings {
  readonly #scope: Scope;
  readonly #state: JobSettingsState;
  /** By namespace and job, then by group and task. */
  readonly #jobs = new Map<string, ReadonlyMap<string, TaskSettings>>();
  /** Whether a task is in the scope, by the key of its streak. */
  readonly #silenced = new WeakMap<TaskKey, Muting | null>();

  constructor(scope: Scope, state: JobSettingsState) {
    this.#scope = scope;
    this.#state = state;
  }

  /** Whether no job has settings. */
  get isEmpty(): boolean {
    return this.#jobs.size === 0;
  }

  /** Whether INCLUDE or EXCLUDE is set. */
  get hasScope(): boolean {
    return this.#scope.include !== undefined || this.#scope.exclude !== undefined;
  }

  restore(kept: KeptJobs): void {
    for (const [key, { tasks }] of kept.entries("job settings")) this.#jobs.set(key, read(tasks));
  }

  /** Takes the settings of a new version of a job. */
  take({ name, version, tasks }: JobSettingsEvent): void {
    if (tasks.length === 0) {
      if (this.#jobs.delete(name)) this.#state.put("job settings", name, undefined);
      return;
    }
    this.#jobs.set(name, read(tasks));
    this.#state.put("job settings", name, { version, tasks });
  }

  of(key: TaskKey): TaskSettings {
    if (this.#jobs.size === 0) return nothing;
    const tasks = this.#jobs.get(`${key.Namespace ?? ""}/${key.JobID}`);
    return tasks?.get(`${key.TaskGroup}\0${key.Task}`) ?? nothing;
  }

  /** Why no sink gets alerts about a task; undefined if sinks do, or did again by `now`. */
  mutingOf(key: TaskKey, now: Nanoseconds): Muting | undefined {
    const muting = this.silencedBy(key) ?? mutingBy(this.of(key));
    return muting !== undefined && muting.until > now ? muting : undefined;
  }

  /** Until when no sink gets alerts about a task; a past time if sinks do. */
  mutedUntil(key: TaskKey): Nanoseconds {
    return this.mutingOf(key, -maxTime)?.until ?? -maxTime;
  }

  /** Whether INCLUDE or EXCLUDE leaves a task out, and which of them. */
  silencedBy(key: TaskKey): Muting | undefined {
    if (!this.hasScope) return undefined;
    let muting = this.#silenced.get(key);
    if (muting === undefined) this.#silenced.set(key, muting = this.#outOfScope(pathOfKey(key)) ?? null);
    return muting ?? undefined;
  }

  #outOfScope(path: string): Muting | undefined {
    const { include, exclude } = this.#scope;
    if (exclude?.(path)) return { until: maxTime, words: "as EXCLUDE says" };
    if (include !== undefined && !include(path)) return { until: maxTime, words: "as INCLUDE says" };
    return undefined;
  }
}

/** What a job asks for, as the payload says it. */
export function wishesOf({ severity, owner, runbook }: TaskSettings, muting: Muting | undefined): JobWishes {
  return {
    ...(severity === undefined ? {} : { Severity: severity }),
    ...(owner === undefined ? {} : { Owner: owner }),
    ...(runbook === undefined ? {} : { Runbook: runbook }),
    ...(muting === undefined ? {} : { Muted: muting.words }),
  };
}

function mutingBy({ enabled, muteUntil }: TaskSettings): Muting | undefined {
  if (enabled === false) return { until: maxTime, words: "as crashloop_enabled says" };
  if (muteUntil === undefined) return undefined;
  return { until: muteUntil, words: `until ${formatTime(muteUntil)}, as crashloop_mute_until says` };
}

function read(tasks: readonly SettingsOfTask[]): ReadonlyMap<string, TaskSettings> {
  return new Map(tasks.map(({ group, task, meta }) => [`${group}\0${task}`, readMeta(meta).settings]));
}
