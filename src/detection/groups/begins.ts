// How many groups began within a minute, and which loops, and on how many nodes each job loops. No clock, no I/O.
import { minute, type Nanoseconds } from "../../lib/duration.ts";
import type { GroupsState, KeptGroups, MemberRow } from "./state.ts";

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

/** The loops that began within a minute of the last one. */
export class LoopBegins {
  #members: MemberRow[] = [];

  add(member: MemberRow): void {
    const stale = this.#members.findIndex(({ begun }) => member.begun - begun < minute);
    if (stale !== 0) this.#members.splice(0, stale < 0 ? this.#members.length : stale);
    this.#members.push(member);
  }

  /** Those on a node that began within a minute of the last one there. */
  on(nodeID: string): readonly MemberRow[] {
    const there = this.#members.filter((member) => member.nodeID === nodeID);
    const newest = there.reduce((newest, { begun }) => begun > newest ? begun : newest, 0n);
    return there.filter(({ begun }) => newest - begun < minute);
  }

  /** Takes what was kept, in the order in which they began. */
  restore(members: Iterable<MemberRow>): void {
    for (const member of [...members].sort((a, b) => Number(a.begun - b.begun))) this.add(member);
  }
}

/** On which nodes the active loops of each job are. */
export class JobNodes {
  /** By job and node: how many there are. */
  readonly #counts = new Map<string, Map<string, number>>();

  add({ job, nodeID }: MemberRow): void {
    const nodes = this.#counts.get(job) ?? new Map<string, number>();
    nodes.set(nodeID, (nodes.get(nodeID) ?? 0) + 1);
    this.#counts.set(job, nodes);
  }

  remove({ job, nodeID }: MemberRow): void {
    const nodes = this.#counts.get(job)!;
    const left = nodes.get(nodeID)! - 1;
    if (left > 0) nodes.set(nodeID, left);
    else nodes.delete(nodeID);
    if (nodes.size === 0) this.#counts.delete(job);
  }

  /** The node that all active loops of the job are on; undefined if there are several, or none. */
  only(job: string): string | undefined {
    const nodes = this.#counts.get(job);
    if (nodes?.size !== 1) return undefined;
    const [node] = nodes.keys();
    return node || undefined;
  }
}
