// What jobs ask for, for the rule `restarts`, which counts by allocation: that of the task that restarted last counts.
// No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { JobWishes } from "../alert/details.ts";
import { type Fields, isObject, textOf } from "../decode/fields.ts";
import { type Key, keyOf } from "../decode/task_key.ts";
import type { JobSettingsEvent } from "../event.ts";
import {
  JobSettings,
  type JobSettingsState,
  type KeptJobs,
  type Muting,
  type Scope,
  wishesOf,
} from "../jobs/job_settings.ts";

/** The settings that the rule `restarts` takes from a job. */
interface Wanted {
  readonly restartCount?: number;
  readonly notificationInterval?: Nanoseconds;
  readonly sinks?: readonly string[];
}

const nothing: Wanted = {};

/** The settings of jobs, found by the update of a restart. Without any, no update is read for them. */
export class JobsOfRestarts {
  readonly #settings: JobSettings;

  constructor(scope: Scope, state: JobSettingsState) {
    this.#settings = new JobSettings(scope, state);
  }

  restore(kept: KeptJobs): void {
    this.#settings.restore(kept);
  }

  take(event: JobSettingsEvent): void {
    this.#settings.take(event);
  }

  /** `update` is that of the last restart. */
  of(update: string): Wanted {
    return this.#settings.isEmpty ? nothing : this.#settings.of(taskOf(update));
  }

  mutingOf(update: string, now: Nanoseconds): Muting | undefined {
    const { isEmpty, hasScope } = this.#settings;
    return isEmpty && !hasScope ? undefined : this.#settings.mutingOf(taskOf(update), now);
  }

  /** What an alert says of it. */
  wishesOf(update: string, muting: Muting | undefined): JobWishes | undefined {
    if (this.#settings.isEmpty && muting === undefined) return undefined;
    const wishes = wishesOf(this.#settings.of(taskOf(update)), muting);
    return Object.keys(wishes).length === 0 ? undefined : wishes;
  }
}

function taskOf(text: string): Key {
  let update: unknown;
  try {
    update = JSON.parse(text);
  } catch {
    update = undefined;
  }
  const fields: Fields = isObject(update) ? update : {};
  return keyOf(fields, textOf(fields.Name));
}
