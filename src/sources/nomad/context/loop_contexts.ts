// What an alert about a loop should say besides: which change, how many allocations, and the last words of the task.
// Each question stands by itself: one that fails leaves out its field, and none is waited for longer than the others.
import type { NomadClient } from "../../../clients/nomad/client.ts";
import type { ContextRequest } from "../../../detection/alert/context.ts";
import type { AlertContext } from "../../../detection/alert/details.ts";
import { asFault } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import { JobClient } from "../jobs/job_client.ts";
import type { JobDefinition } from "../jobs/job_definition.ts";
import { Answers, NoAnswer } from "./answers.ts";
import { changeOf } from "./change.ts";
import { countAllocations } from "./count_allocations.ts";
import { JobQuestions } from "./job_questions.ts";
import { lastWordsOf, type LogAnswer, type LogType, readLog } from "./last_words.ts";

/** Milliseconds for all that is asked about a loop. */
const defaultPatience = 3_000;
/** Milliseconds for which a count of looping allocations is good: the rule is asked about each of them. */
const countFreshness = 1_000;

/** What is needed to ask. */
export interface LoopContextsParts {
  readonly client: NomadClient;
  readonly namespace: string;
  readonly log: Log;
  /** How many lines of each log; 0 reads none. */
  readonly logLines: number;
  /** Whether the rule knows a loop of this name that goes on or was given up. */
  readonly isActive: (name: string) => boolean;
  readonly patience?: number | undefined;
}

/** Finds out about loops. */
export class LoopContexts {
  readonly #parts: LoopContextsParts;
  readonly #patience: number;
  readonly #jobs: JobClient;
  readonly #questions: JobQuestions;
  readonly #answers: Answers;
  /** Apart, so that nodes that cannot be reached hold up no question about jobs. */
  readonly #logs: Answers;

  constructor(parts: LoopContextsParts) {
    this.#parts = parts;
    this.#patience = parts.patience ?? defaultPatience;
    this.#jobs = new JobClient(parts.client, parts.namespace);
    this.#questions = new JobQuestions(parts.client, this.#patience);
    this.#answers = new Answers(this.#patience);
    this.#logs = new Answers(this.#patience);
  }

  /** See `Source`. */
  async contextOf(request: ContextRequest, signal: AbortSignal): Promise<AlertContext> {
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, this.#patience);
    const abort = () => over.resolve();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    try {
      const by = <T>(answer: Promise<T>): Promise<T | undefined> =>
        Promise.race([answer.catch(() => undefined), over.promise.then(() => undefined)]);
      const [Change, Allocations, LastWords] = await Promise.all([
        this.#change(request, signal, by),
        this.#allocations(request, signal, by),
        this.#lastWords(request, signal, over.promise),
      ]);
      return {
        ...(Change === undefined ? {} : { Change }),
        ...(Allocations === undefined ? {} : { Allocations }),
        ...(LastWords === undefined ? {} : { LastWords }),
      };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async #change(request: ContextRequest, signal: AbortSignal, by: By): Promise<AlertContext["Change"]> {
    const { group, task } = request;
    const questions = this.#questions;
    const [definition, deployment, versions] = await Promise.all([
      by(this.#definition(request, signal)),
      by(this.#ask("deployment", request, signal, (...about) => questions.deployment(...about))),
      by(this.#ask("versions", request, signal, (...about) => questions.versions(...about))),
    ]);
    return definition && changeOf(definition, { group, task, deployment, versions });
  }

  async #allocations(
    request: ContextRequest,
    signal: AbortSignal,
    by: By,
  ): Promise<AlertContext["Allocations"]> {
    const { namespace, job, group, task } = request;
    const [definition, allocations] = await Promise.all([
      by(this.#definition(request, signal)),
      by(this.#ask("allocations", request, signal, (...about) => this.#questions.allocations(...about))),
    ]);
    if (allocations === undefined) return undefined;
    return this.#answers.remember(
      JSON.stringify(["count", namespace, job, group]),
      countFreshness,
      () => countAllocations({ namespace, job, group, task, definition, allocations }, this.#parts.isActive),
    );
  }

  async #lastWords(
    request: ContextRequest,
    signal: AbortSignal,
    over: Promise<void>,
  ): Promise<AlertContext["LastWords"]> {
    const { logLines } = this.#parts;
    if (logLines === 0) return undefined;
    if (request.allocation === "") return { Missing: "the allocation is not known" };
    const read = (type: LogType): Promise<LogAnswer> =>
      Promise.race([
        this.#logs.get(JSON.stringify([type, request]), signal, (signal) =>
          readLog(this.#parts.client, request, type, this.#patience, signal)).then(
            (end) => ({ end }),
            (error) => ({ error }),
          ),
        over.then(() => ({ error: new NoAnswer() })),
      ]);
    const [stderr, stdout] = await Promise.all([read("stderr"), read("stdout")]);
    return signal.aborted ? undefined : lastWordsOf({ stderr, stdout }, logLines, this.#patience);
  }

  #definition(request: ContextRequest, signal: AbortSignal): Promise<JobDefinition | undefined> {
    return this.#ask("definition", request, signal, (...about) => this.#jobs.define(...about));
  }

  /** The answer to a question about the job. @throws what the question throws, which it logs. */
  #ask<T>(
    what: string,
    { namespace, job }: ContextRequest,
    signal: AbortSignal,
    question: (namespace: string, job: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#answers.get(JSON.stringify([what, namespace, job]), signal, async (signal) => {
      try {
        return await question(namespace, job, signal);
      } catch (error) {
        this.#parts.log.debug("source nomad: cannot ask for the {what} of job {job}: {reason}", {
          what,
          job,
          reason: asFault(error).message,
        });
        throw error;
      }
    });
  }
}

/** An answer, or undefined if there is none in time. */
type By = <T>(answer: Promise<T>) => Promise<T | undefined>;
