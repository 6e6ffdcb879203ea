// What a Nomad server answers about a loop: the job's deployment, versions and allocations, and the logs of a task. It
// fails in the words of the real one.
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { brotliDecompressSync } from "node:zlib";
import type { Recording, WrongAnswer } from "./nomad.ts";
import { recordedDefinitions } from "./nomad_jobs.ts";

// deno-lint-ignore no-explicit-any -- Nomad's, with more fields than anyone names
type Thing = any;

/** What is asked about a loop; `job` is its definition. */
export type Asked = "job" | "deployment" | "versions" | "allocations" | "logs";

/** Answers beside those of a recording. */
export class ContextAnswers {
  /** By `namespace/job/versions` and the like: what is answered as JSON. */
  readonly answers = new Map<string, unknown>();
  /** What is refused. */
  readonly refusals = new Map<Asked, WrongAnswer>();
  /** What gets no answer at all. */
  readonly hanging = new Set<Asked>();
  /** What a task wrote, by `allocation task stderr`; an allocation without any is unknown. */
  readonly logs = new Map<string, Uint8Array | string | WrongAnswer>();
  /** What was asked, as `job default/web`, `logs <allocation> <task> stderr`. */
  readonly asked: string[] = [];

  /** Answers; false if something else is asked. `count`: how many lines of the recording have happened. */
  take(url: URL, response: ServerResponse, recording: Recording, count: number): boolean {
    const [, job, what = "job"] =
      /^\/v1\/job\/([^/]+)(?:\/(deployment|versions|allocations))?$/.exec(url.pathname) ?? [];
    const [, allocation] = /^\/v1\/client\/fs\/logs\/([^/]+)$/.exec(url.pathname) ?? [];
    const namespace = url.searchParams.get("namespace") ?? "default";
    const kind = (allocation === undefined ? what : "logs") as Asked;
    if (job === undefined && allocation === undefined) return false;
    const name = job === undefined
      ? `${allocation} ${url.searchParams.get("task")} ${url.searchParams.get("type")}`
      : `${namespace}/${decodeURIComponent(job)}`;
    this.asked.push(`${kind} ${name}`);
    if (this.hanging.has(kind)) return true;
    const refusal = this.refusals.get(kind);
    if (refusal !== undefined) return refuse(response, refusal);
    if (kind === "logs") return this.#log(url, response, name, recording, count);
    if (kind === "job") return false;
    const answer = this.answers.has(`${name}/${kind}`)
      ? this.answers.get(`${name}/${kind}`)
      : recorded[kind](recording, count, namespace, decodeURIComponent(job!));
    if (answer === undefined) return refuse(response, { status: 404, text: "job not found" });
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    return true;
  }

  #log(url: URL, response: ServerResponse, name: string, recording: Recording, count: number): boolean {
    const [allocation, task, type] = name.split(" ");
    const found = this.logs.get(name);
    if (typeof found === "object" && "status" in found) return refuse(response, found);
    if (found === undefined) {
      const isKnown = [...this.logs.keys()].some((name) => name.startsWith(allocation!)) ||
        listAt(recording, count).some(({ ID }: Thing) => ID === allocation);
      const text = isKnown
        ? `log entry for task ${JSON.stringify(task)} and log type ${JSON.stringify(type)} not found`
        : `Unknown allocation ${JSON.stringify(allocation)}`;
      return refuse(response, { status: 404, text });
    }
    const bytes = typeof found === "string" ? Buffer.from(found) : found;
    const offset = Number(url.searchParams.get("offset"));
    const end = url.searchParams.get("origin") === "end"
      ? bytes.subarray(Math.max(0, bytes.length - offset))
      : bytes;
    // What Go's http.DetectContentType says.
    const contentType = end.some((byte) => byte < 9)
      ? "application/octet-stream"
      : "text/plain; charset=utf-8";
    response.writeHead(200, { "Content-Type": contentType }).end(end);
    return true;
  }
}

function refuse(response: ServerResponse, { status, text }: WrongAnswer): boolean {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
  return true;
}

/** What a recording knows; undefined if there is no such job, null as Nomad says if there is no deployment. */
const recorded: Record<
  Exclude<Asked, "job" | "logs">,
  (recording: Recording, count: number, namespace: string, job: string) => Thing
> = {
  deployment: (recording, count, namespace, job) =>
    deploymentsAt(recording, count).findLast((one) => one.Namespace === namespace && one.JobID === job) ??
      null,
  versions(recording, count, namespace, job) {
    const index = indexAt(recording, count);
    const stable = deploymentsAt(recording, count).filter(({ Status }) => Status === "successful");
    const Versions = recordedDefinitions()
      .filter((one) => one.Namespace === namespace && one.ID === job && one.JobModifyIndex <= index)
      .map((one) => ({
        ...one,
        Stable: stable.some(({ Namespace, JobID, JobVersion }) =>
          Namespace === namespace && JobID === job && JobVersion === one.Version
        ),
      })).reverse();
    return Versions.length === 0 ? undefined : { Versions, Diffs: null };
  },
  allocations: (recording, count, namespace, job) =>
    listAt(recording, count).filter((one: Thing) => one.Namespace === namespace && one.JobID === job),
};

let list:
  | { readonly recording: Recording; readonly count: number; readonly allocations: Thing[] }
  | undefined;

/** The allocations when so many lines had come; the last list is kept, since it is asked for by job after job. */
function listAt(recording: Recording, count: number): Thing[] {
  if (list?.recording !== recording || list.count !== count) {
    list = { recording, count, allocations: JSON.parse(recording.listAfter(count)) };
  }
  return list.allocations;
}

function indexAt(recording: Recording, count: number): number {
  return recording.lines[Math.min(count, recording.lines.length) - 1]?.index ?? 0;
}

let deployments: readonly Thing[] | undefined;

/** The deployments of the recording with all topics, in the order of their last changes. */
function deploymentsAt(recording: Recording, count: number): Thing[] {
  const packed = () => Deno.readFileSync(new URL("../fixtures/deployments.ndjson.br", import.meta.url));
  deployments ??= brotliDecompressSync(packed()).toString().trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const index = indexAt(recording, count);
  return deployments.filter(({ Index }) => Index <= index).map(({ Deployment }) => Deployment);
}
