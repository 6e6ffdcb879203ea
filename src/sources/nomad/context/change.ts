// Which change a loop may come from: the job as it runs now, its rollout, and the version before. No I/O, no clock.
import type { AlertContext } from "../../../detection/alert/details.ts";
import { formatTime } from "../../../lib/time.ts";
import type { JobDefinition } from "../jobs/job_definition.ts";
import type { Deployment, JobVersion } from "./job_questions.ts";

type Change = NonNullable<AlertContext["Change"]>;

/** What is known beside the definition; undefined if Nomad did not answer. */
export interface KnownOfJob {
  readonly group: string;
  readonly task: string;
  /** The last one; "none" of a job that has none. */
  readonly deployment: Deployment | "none" | undefined;
  readonly versions: readonly JobVersion[] | undefined;
}

/** The change as alerts have it; undefined if nobody knows when it was submitted. */
export function changeOf(definition: JobDefinition, known: KnownOfJob): Change | undefined {
  const { version, submitTime, tasks } = definition;
  if (submitTime === undefined) return undefined;
  const { image, command } = tasks.find(({ group, task }) => group === known.group && task === known.task) ??
    {};
  const deployment = deploymentOf(version, known.deployment);
  const previous = previousOf(version, known);
  return {
    JobVersion: version,
    // What is below a microsecond was lost when it was parsed.
    Submitted: formatTime(submitTime / 1_000n * 1_000n),
    ...(image === undefined ? {} : { Image: image }),
    ...(command === undefined ? {} : { Command: command }),
    ...(deployment === undefined ? {} : { Deployment: deployment }),
    ...(previous === undefined ? {} : { Previous: previous }),
  };
}

/** The rollout of this version: an older one says nothing about it. */
function deploymentOf(version: number, deployment: KnownOfJob["deployment"]): Change["Deployment"] {
  if (deployment === undefined || deployment === "none" || deployment.version !== version) return undefined;
  const { id, status, description } = deployment;
  return { ID: id, Status: status, ...(description === "" ? {} : { Description: description }) };
}

/** Only a deployment makes a version stable, so that in a job without any it means nothing not to be. */
function previousOf(version: number, { deployment, versions = [] }: KnownOfJob): Change["Previous"] {
  const before = versions.filter((one) => one.version < version);
  if (before.length === 0) return undefined;
  const previous = before.reduce((newest, one) => one.version > newest.version ? one : newest);
  const isMeant = previous.stable || deployment !== undefined && deployment !== "none";
  return isMeant ? { JobVersion: previous.version, Stable: previous.stable } : undefined;
}
