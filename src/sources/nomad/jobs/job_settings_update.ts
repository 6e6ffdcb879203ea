// Writes what a job asks for in its `meta` in the form of an update about a task event.
import { jobSettingsMessage, jobSettingsType } from "../../../detection/decode/job_settings_event.ts";
import type { JobSettingsEvent } from "../../../detection/event.ts";
import type { NewEvent } from "../tracking/new_event.ts";

/** Writes the settings of a version of a job as an update of this time, in nanoseconds. */
export function writeJobSettings(
  { namespace, job, version, tasks }: Pick<JobSettingsEvent, "namespace" | "job" | "version" | "tasks">,
  time: number,
): NewEvent {
  const settings = {
    Version: version,
    Tasks: tasks.map(({ group, task, meta }) => ({ Group: group, Task: task, Meta: meta })),
  };
  const text = `{"Name":${JSON.stringify(job)},"AllocationID":"","JobID":${JSON.stringify(job)},` +
    `"TaskEvent":{"Type":"${jobSettingsType}","Time":${BigInt(Math.trunc(time))},` +
    `"DisplayMessage":"${jobSettingsMessage}"},"Namespace":${JSON.stringify(namespace)},` +
    `"Settings":${JSON.stringify(settings)}}`;
  return { text, time };
}
