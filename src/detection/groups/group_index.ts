// The open groups, and where a loop finds its own: by its name, by what it is of, by its node. No clock, no I/O.
import { hour, type Nanoseconds } from "../../lib/duration.ts";
import { ActiveLoops } from "./active_loops.ts";
import type { OpenGroup } from "./open_group.ts";
import type { MemberRow } from "./state.ts";

/** After this time without a loop, what is of one key is no part of a storm any more. */
const stormLasts = hour;

/** What a loop that begins changes of its row. */
export type Beginning = Omit<MemberRow, "number" | "round" | "guest">;

/** Of a key in a storm: how many of its loops are not resolved, and when one of them last changed. */
interface StormKey {
  readonly storm: OpenGroup;
  unresolved: number;
  at: Nanoseconds;
}

/** Finds groups, and moves loops between them. */
export class GroupIndex {
  readonly groups = new Map<string, OpenGroup>();
  /** The storm that goes on. */
  storm: OpenGroup | undefined;
  readonly active = new ActiveLoops();
  /** By the loop's name: the group that it is of, and one that lists it too. */
  readonly #groupOf = new Map<string, OpenGroup>();
  readonly #guestOf = new Map<string, OpenGroup>();
  /** By the loop's id: the group with a node or a storm as its cause. */
  readonly #causeOf = new Map<string, OpenGroup>();
  readonly #byKey = new Map<string, OpenGroup>();
  readonly #byNode = new Map<string, OpenGroup>();
  readonly #stormKeys = new Map<string, StormKey>();

  groupOf(name: string): OpenGroup | undefined {
    return this.#groupOf.get(name);
  }

  /** The groups that have a loop of this name. */
  groupsOf(name: string): OpenGroup[] {
    return [this.#groupOf.get(name), this.#guestOf.get(name)].filter((group) => group !== undefined);
  }

  causeOf(loop: string): OpenGroup | undefined {
    return this.#causeOf.get(loop);
  }

  ofNode(node: string): OpenGroup | undefined {
    return this.#byNode.get(node);
  }

  /** The open group that takes a loop that begins: its own, that of its job, a storm that its job is in, or its node's. */
  placeOf({ name, key, nodeID }: Beginning, now: Nanoseconds): OpenGroup | undefined {
    const own = this.#groupOf.get(name);
    if (own !== undefined && this.#stays(own, key, nodeID, now)) return own;
    return this.#byKey.get(key) ?? this.#stormOf(key, now) ?? this.#byNode.get(nodeID);
  }

  /** Whether a loop that begins again is still of its group. */
  #stays(own: OpenGroup, key: string, nodeID: string, now: Nanoseconds): boolean {
    const { row } = own;
    if (row.cause === "job") return true;
    return row.cause === "node" ? row.node!.ID === nodeID : this.#stormOf(key, now) === own;
  }

  #stormOf(key: string, now: Nanoseconds): OpenGroup | undefined {
    const found = this.#stormKeys.get(key);
    return found === undefined || found.unresolved === 0 && now - found.at >= stormLasts
      ? undefined
      : found.storm;
  }

  /** Adds a group, with the members that it has. */
  open(group: OpenGroup): void {
    const { id, key, node, cause, goesOn } = group.row;
    this.groups.set(id, group);
    if (key !== undefined) this.#byKey.set(key, group);
    if (node !== undefined) this.#byNode.set(node.ID, group);
    if (cause === "storm" && goesOn) this.storm = group;
    for (const member of group.members.values()) this.#count(group, member);
  }

  /** Removes a group and all that is kept of it. */
  close(group: OpenGroup): void {
    this.#forget(group);
    group.close();
  }

  /** The loops of one group are of another from now on. */
  merge(from: OpenGroup, into: OpenGroup): void {
    const members = [...from.members.values()];
    this.close(from);
    for (const member of members) {
      into.adopt(member);
      this.#count(into, member);
    }
  }

  /** A loop begins in a group, as a new member or again; a `guest` is only listed there. */
  enter(group: OpenGroup, beginning: Beginning, guest: boolean, now: Nanoseconds): void {
    const before = guest ? undefined : this.#groupOf.get(beginning.name);
    if (before !== undefined && before !== group) this.#leave(before, beginning.name);
    const known = group.members.get(beginning.name);
    const member: MemberRow = known ?? { ...beginning, guest, number: 0, round: 0 };
    if (known === undefined) group.adopt(member);
    else {
      this.#uncount(group, member);
      const { status, ...rest } = beginning;
      Object.assign(member, rest, { guest, round: group.row.round });
      group.change(member, status, now);
    }
    this.#count(group, member);
  }

  /** The node's group that lists the loop, as one of another group, hears that it begins there again, or elsewhere. */
  enterGuest(beginning: Beginning, now: Nanoseconds): void {
    const group = this.#guestOf.get(beginning.name);
    if (group === undefined) return;
    if (group.row.node!.ID !== beginning.nodeID) this.#leave(group, beginning.name);
    else this.enter(group, beginning, true, now);
  }

  /** A loop of the group is over, or given up. */
  end(group: OpenGroup, member: MemberRow, status: MemberRow["status"], now: Nanoseconds): void {
    this.#uncount(group, member);
    group.change(member, status, now);
    this.#count(group, member);
    const { surplus } = group;
    if (surplus !== undefined) this.#leave(group, surplus.name);
  }

  #leave(group: OpenGroup, name: string): void {
    const member = group.members.get(name)!;
    this.#uncount(group, member);
    group.forget(member);
    member.status = "resolved";
  }

  #forget(group: OpenGroup): void {
    const { id, key, node } = group.row;
    this.groups.delete(id);
    if (key !== undefined) this.#byKey.delete(key);
    if (node !== undefined) this.#byNode.delete(node.ID);
    if (this.storm === group) this.storm = undefined;
    for (const member of group.members.values()) {
      this.#uncount(group, member);
      if (this.#stormKeys.get(member.key)?.storm === group) this.#stormKeys.delete(member.key);
    }
  }

  #count(group: OpenGroup, member: MemberRow): void {
    const { name, loop, key, status, guest, at } = member;
    (guest ? this.#guestOf : this.#groupOf).set(name, group);
    if (status === "active" && !guest) this.active.add(member);
    const { cause } = group.row;
    if (cause !== "job") this.#causeOf.set(loop, group);
    if (cause !== "storm") return;
    const before = this.#stormKeys.get(key);
    const counted = before?.storm === group ? before : { storm: group, unresolved: 0, at };
    if (status !== "resolved") counted.unresolved++;
    if (at > counted.at) counted.at = at;
    this.#stormKeys.set(key, counted);
  }

  #uncount(group: OpenGroup, member: MemberRow): void {
    const { name, loop, key, status, guest } = member;
    (guest ? this.#guestOf : this.#groupOf).delete(name);
    if (status === "active" && !guest) this.active.remove(member);
    if (this.#causeOf.get(loop) === group) this.#causeOf.delete(loop);
    const counted = this.#stormKeys.get(key);
    if (counted?.storm === group && status !== "resolved") counted.unresolved--;
  }
}
