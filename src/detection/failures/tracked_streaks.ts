// The streaks that the rule `failures` tracks, by key, by number and by job: what happens to a job happens to all of its
// tasks. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { Interner } from "../../lib/offheap/interner.ts";
import type { Key } from "../decode/task_key.ts";
import type { JobEvent } from "../event.ts";
import type { FailureStreak } from "./streak.ts";

/** A streak, its key as text, and its number in the schedule. */
export class Tracked {
  /** Since when its events are stale. */
  catchingUpSince: Nanoseconds | undefined = undefined;
  /** What became of its job, until time decides about it. */
  outcome: JobEvent | undefined = undefined;
  constructor(readonly number: number, readonly name: string, readonly streak: FailureStreak) {}
}

/** All tracked streaks. Iterating looks at every number that was ever used at one time. */
export class TrackedStreaks {
  readonly #names = new Interner();
  /** By number. */
  readonly #tracked: (Tracked | undefined)[] = [];
  readonly #byJob = new Map<string, Set<Tracked>>();

  get size(): number {
    return this.#names.size;
  }

  find(name: string): Tracked | undefined {
    const number = this.#names.find(name);
    return number < 0 ? undefined : this.#tracked[number];
  }

  at(number: number): Tracked | undefined {
    return this.#tracked[number];
  }

  add(name: string, streak: FailureStreak): Tracked {
    const number = this.#names.add(name);
    const tracked = this.#tracked[number] = new Tracked(number, name, streak);
    const job = jobOf(streak.key);
    const ofJob = this.#byJob.get(job);
    if (ofJob === undefined) this.#byJob.set(job, new Set([tracked]));
    else ofJob.add(tracked);
    return tracked;
  }

  delete(tracked: Tracked): void {
    const { number, streak } = tracked;
    const job = jobOf(streak.key);
    const ofJob = this.#byJob.get(job);
    ofJob?.delete(tracked);
    if (ofJob?.size === 0) this.#byJob.delete(job);
    this.#names.delete(number);
    this.#tracked[number] = undefined;
  }

  ofJob(namespace: string, job: string): Iterable<Tracked> {
    return this.#byJob.get(jobOf({ Namespace: namespace, JobID: job })) ?? [];
  }

  *[Symbol.iterator](): Iterator<Tracked> {
    for (const tracked of this.#tracked) if (tracked !== undefined) yield tracked;
  }
}

function jobOf({ Namespace = "", JobID }: Pick<Key, "Namespace" | "JobID">): string {
  return `${Namespace}\0${JobID}`;
}
