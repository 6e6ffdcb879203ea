// An update about what a job asks for in its `meta`. The source `nomad` writes such updates, and both rules read them.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { JobSettingsEvent, SettingsOfTask } from "../event.ts";
import { type Fields, isObject, textOf } from "./fields.ts";

/** Its type, `TaskEvent.Type`. */
export const jobSettingsType = "Job Settings";

/** Its message. The prefilter of the rule `restarts` skips what has no text that begins with this word. */
export const jobSettingsMessage = "Restarting is judged as the meta of the job says";

/** An update that was read. */
interface ReadUpdate {
  readonly update: Fields;
  readonly type: string;
  readonly time: Nanoseconds;
  readonly text: string;
}

/** What the update says of a job's settings; undefined if it is about something else. */
export function jobSettingsOf({ update, type, time, text }: ReadUpdate): JobSettingsEvent | undefined {
  const { Settings } = update;
  if (type !== jobSettingsType || !isObject(Settings) || !Array.isArray(Settings.Tasks)) return undefined;
  const namespace = textOf(update.Namespace);
  const job = textOf(update.JobID);
  return {
    kind: "job-settings",
    name: `${namespace}/${job}`.toWellFormed(),
    time,
    namespace,
    job,
    version: typeof Settings.Version === "number" ? Settings.Version : 0,
    tasks: Settings.Tasks.filter(isObject).map(taskOf),
    update: text,
  };
}

function taskOf({ Group, Task, Meta }: Fields): SettingsOfTask {
  const texts = Object.entries(isObject(Meta) ? Meta : {}).map(([key, value]) => [key, textOf(value)]);
  return { group: textOf(Group), task: textOf(Task), meta: Object.fromEntries(texts) };
}
