// What a recorded event stream with the topics Job and Evaluation shows of jobs and evaluations at each of its lines.
import { brotliDecompressSync } from "node:zlib";
import type { RecordedLine } from "./nomad.ts";

// deno-lint-ignore no-explicit-any -- Nomad's, with more fields than anyone names
type Thing = any;

/** The jobs of a recording. */
export class JobsOf {
  /** Whether the recording has these topics. */
  readonly known: boolean;
  readonly #lines: readonly RecordedLine[];
  readonly #types = new Map<string, string>();
  /** How far the state below was played. */
  #played = 0;
  #jobs = new Map<string, Thing>();
  #evaluations = new Map<string, Thing>();

  constructor(lines: readonly RecordedLine[]) {
    this.#lines = lines;
    for (const { events } of lines) {
      for (const { Topic, Payload } of events) {
        if (Topic === "Job") this.#types.set(`${Payload.Job.Namespace} ${Payload.Job.ID}`, Payload.Job.Type);
      }
    }
    this.known = this.#types.size > 0;
  }

  typeOf(namespace: string, job: string): string | undefined {
    return this.#types.get(`${namespace} ${job}`);
  }

  /** `/v1/jobs` when so many lines had come. */
  listAfter(count: number): Thing[] {
    return [...this.#after(count).values()];
  }

  /** `/v1/job/<id>` when so many lines had come, with the whole definition where one was recorded; undefined where
   * there is no such job. */
  jobAfter(count: number, namespace: string, job: string): Thing | undefined {
    const state = this.#after(count).get(`${namespace} ${job}`);
    if (state === undefined || state.TaskGroups !== undefined) return state;
    const newest = recordedDefinitions().findLast((one) =>
      one.Namespace === namespace && one.ID === job && one.JobModifyIndex <= state.ModifyIndex
    );
    return { ...newest, ...state };
  }

  /** `/v1/evaluation/<id>` when so many lines had come. */
  evaluationAfter(count: number, id: string): Thing | undefined {
    this.#after(count);
    return this.#evaluations.get(id);
  }

  #after(count: number): Map<string, Thing> {
    if (count < this.#played) {
      this.#played = 0;
      this.#jobs = new Map();
      this.#evaluations = new Map();
    }
    for (const { events } of this.#lines.slice(this.#played, count)) {
      for (const event of events) this.#play(event);
    }
    this.#played = count;
    return this.#jobs;
  }

  /** Nomad 1.1 says of a purge only that there is an evaluation. */
  #play({ Topic, Type, Payload }: Thing): void {
    if (Topic === "Job") {
      const { Job } = Payload;
      const key = `${Job.Namespace} ${Job.ID}`;
      if (Type === "JobRegistered" || Type === "JobDeregistered" || this.#jobs.has(key)) {
        this.#jobs.set(key, Job);
      }
    }
    if (Topic !== "Evaluation") return;
    const { Evaluation } = Payload;
    this.#evaluations.set(Evaluation.ID, Evaluation);
    const key = `${Evaluation.Namespace} ${Evaluation.JobID}`;
    const isStopped = Type === "JobDeregistered" && this.#jobs.get(key)?.Stop === true;
    if (/Deregistered$/.test(Type) && !isStopped) this.#jobs.delete(key);
  }
}

let recorded: readonly Thing[] | undefined;

/** Every version of every job of the recording with all topics, oldest first. */
export function recordedDefinitions(): readonly Thing[] {
  const packed = () => Deno.readFileSync(new URL("../fixtures/job-definitions.ndjson.br", import.meta.url));
  return recorded ??= brotliDecompressSync(packed()).toString().trimEnd().split("\n").map((line) =>
    JSON.parse(
      line,
      (_, value, { source }: { source?: string } = {}) =>
        typeof value === "number" && value > Number.MAX_SAFE_INTEGER ? exact(source!) : value,
    )
  );
}

const exact = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** What a test says of a job; the rest is as Nomad fills it in. */
export interface TestJob {
  readonly ID: string;
  readonly Namespace?: string;
  readonly Type?: string;
  readonly Version?: number;
  readonly SubmitTime?: number;
  readonly JobModifyIndex?: number;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly groups?: readonly TestGroup[];
}

/** A task group of it. */
export interface TestGroup {
  readonly Name: string;
  readonly Count?: number;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Tasks: readonly {
    readonly Name: string;
    readonly Driver?: string;
    readonly Config?: Readonly<Record<string, unknown>>;
    readonly Meta?: Readonly<Record<string, string>>;
  }[];
}

/** A job as `/v1/job/<id>` and the topic Job have it. */
export function wholeJob({ ID, Namespace = "default", groups = [], ...job }: TestJob): Thing {
  return {
    ID,
    Name: ID,
    Namespace,
    Type: "service",
    Status: "running",
    Stop: false,
    Stable: false,
    Version: 0,
    SubmitTime: 1795602739314584000,
    CreateIndex: 1,
    ModifyIndex: job.JobModifyIndex ?? 1,
    JobModifyIndex: 1,
    Meta: null,
    ...job,
    TaskGroups: groups.map(({ Tasks, ...group }) => ({
      Count: 1,
      Meta: null,
      ...group,
      Tasks: Tasks.map((task) => ({ Driver: "docker", Config: {}, Meta: null, ...task })),
    })),
  };
}
