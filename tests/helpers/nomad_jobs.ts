// What a recorded event stream with the topics Job and Evaluation shows of jobs and evaluations at each of its lines.
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

  /** `/v1/job/<id>` when so many lines had come; undefined where there is none. */
  jobAfter(count: number, namespace: string, job: string): Thing | undefined {
    return this.#after(count).get(`${namespace} ${job}`);
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
