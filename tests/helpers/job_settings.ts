// What a job asks for, as tests say it.
import { decodeRun } from "../../src/detection/decode/run_event.ts";
import { decode } from "../../src/detection/decode/update.ts";
import type { JobSettingsEvent } from "../../src/detection/event.ts";
import { writeJobSettings } from "../../src/sources/nomad/jobs/job_settings_update.ts";

/** Which task asks, and in which version of its job. */
interface Asking {
  readonly namespace?: string;
  readonly job?: string;
  readonly group?: string;
  readonly task?: string;
  readonly version?: number;
}

/** The update about a job whose task asks for this, keys without `crashloop_`; for nothing if it is undefined. */
export function settingsUpdate(
  time: bigint,
  meta: Readonly<Record<string, string>> | undefined,
  { namespace = "", job = "api", group = "web", task = "app", version = 0 }: Asking = {},
): string {
  const own = Object.fromEntries(Object.entries(meta ?? {}).map(([key, text]) => [`crashloop_${key}`, text]));
  const tasks = meta === undefined ? [] : [{ group, task, meta: own }];
  return writeJobSettings({ namespace, job, version, tasks }, Number(time)).text;
}

/** The event of that update, as the rule `failures` reads it; the rule `restarts` reads the same. */
export function settingsEvent(
  time: bigint,
  meta: Readonly<Record<string, string>> | undefined,
  asking?: Asking,
): JobSettingsEvent {
  const body = new TextEncoder().encode(settingsUpdate(time, meta, asking));
  const [event, other] = [decodeRun(body), decode(body)];
  if (event.kind !== "job-settings" || other.kind !== "job-settings") {
    throw new Error(`${event.kind}, ${other.kind}`);
  }
  return event;
}
