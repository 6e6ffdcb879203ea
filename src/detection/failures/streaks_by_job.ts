// What the rule `failures` counts, by job: what happens to a job happens to all of its tasks.
import type { Key } from "../decode/task_key.ts";

/** Sets of values by namespace and job. */
export class ByJob<Value> {
  readonly #sets = new Map<string, Set<Value>>();

  add(key: Pick<Key, "Namespace" | "JobID">, value: Value): void {
    const job = jobOf(key);
    const set = this.#sets.get(job);
    if (set === undefined) this.#sets.set(job, new Set([value]));
    else set.add(value);
  }

  delete(key: Pick<Key, "Namespace" | "JobID">, value: Value): void {
    const job = jobOf(key);
    const set = this.#sets.get(job);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(job);
  }

  of(namespace: string, job: string): Iterable<Value> {
    return this.#sets.get(jobOf({ Namespace: namespace, JobID: job })) ?? [];
  }
}

function jobOf({ Namespace = "", JobID }: Pick<Key, "Namespace" | "JobID">): string {
  return `${Namespace}\0${JobID}`;
}
