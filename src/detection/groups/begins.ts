// How many groups began within a minute. No clock, no I/O.
import { minute, type Nanoseconds } from "../../lib/duration.ts";
import type { GroupsState, KeptGroups } from "./state.ts";

/** The groups that began within a minute of the last one, those of loops that joined a storm too. */
export class GroupBegins {
  readonly #put: GroupsState["put"];
  #begins = new Map<string, Nanoseconds>();

  constructor(put: GroupsState["put"]) {
    this.#put = put;
  }

  restore(kept: KeptGroups): void {
    this.#begins = new Map([...kept.entries("group begins")].sort(([, a], [, b]) => Number(a - b)));
  }

  get count(): number {
    return this.#begins.size;
  }

  has(id: string): boolean {
    return this.#begins.has(id);
  }

  /** A group begins, with the alert of this id. */
  add(id: string, now: Nanoseconds): void {
    for (const [old, at] of this.#begins) {
      if (now - at < minute) break;
      this.remove(old);
    }
    this.#begins.set(id, now);
    this.#put("group begins", id, now);
  }

  /** It was no group of its own after all. */
  remove(id: string): void {
    if (this.#begins.delete(id)) this.#put("group begins", id, undefined);
  }

  /** Takes times after `now` for now. */
  setBack(now: Nanoseconds): void {
    for (const [id, at] of this.#begins) {
      if (at <= now) continue;
      this.#begins.set(id, now);
      this.#put("group begins", id, now);
    }
  }
}
