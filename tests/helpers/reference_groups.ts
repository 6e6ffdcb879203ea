// The contract of groups, slow and plain: lists that are searched each time, and no more state than the rules name.

const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;

/** A loop as the contract sees it. */
export interface Loop {
  readonly name: string;
  readonly key: string;
  readonly job: string;
  readonly node: string;
}

type Status = "active" | "gave-up" | "resolved";

interface Member extends Loop {
  status: Status;
  begun: bigint;
  at: bigint;
  /** The group's rounds that it has taken part in. */
  round: number;
  guest: boolean;
}

interface Group {
  cause: "job" | "node" | "storm";
  readonly key?: string;
  readonly node?: string;
  /** The alert that it began with. */
  readonly first: string;
  members: Member[];
  sendAt?: bigint | undefined;
  changedAt?: bigint | undefined;
  round: number;
  said: number;
  saidGaveUp: boolean;
  left: number;
  alerts: number;
  goesOn: boolean;
}

/** A message, in short. */
export interface Message {
  /** Cause, first alert and running number: what its id is made of. */
  readonly identity: string;
  readonly reason: string;
  readonly toAll: boolean;
  readonly doubled: boolean;
  readonly counts: readonly [active: number, gaveUp: number, resolved: number];
  readonly jobs: number;
  /** Names with their status, sorted. */
  readonly members: readonly string[];
}

/** The contract. */
export class Contract {
  groups: Group[] = [];
  begins: { readonly id: string; readonly at: bigint }[] = [];
  readonly problems = new Map<string, string>();

  constructor(readonly wait: bigint, readonly digestAbove: number) {}

  begin(loop: Loop, id: string, status: Status, now: bigint): Message[] {
    const own = this.#own(loop.name);
    const guestIn = this.groups.find(({ members }) =>
      members.some((member) => member.guest && member.name === loop.name)
    );
    const group = (own !== undefined && this.#stays(own, loop, now) ? own : undefined) ??
      this.groups.find(({ cause, key }) => cause === "job" && key === loop.key) ??
      this.#stormOf(loop.key, now) ??
      this.groups.find(({ cause, node }) => cause === "node" && node === loop.node) ??
      this.#newGroup(loop, id, now);
    const touched = new Set<Group>();
    for (const other of [own, guestIn]) {
      if (other === undefined) continue;
      const member = other.members.find(({ name }) => name === loop.name)!;
      if (other === group || member.status !== "resolved" || other.node === loop.node) touched.add(other);
      if (other === group) continue;
      if (other === guestIn && other.node === loop.node) {
        Object.assign(member, { status, begun: now, at: now, round: other.round });
      } else {
        other.members.splice(other.members.indexOf(member), 1);
        other.left++;
      }
    }
    const known = group.members.find(({ name }) => name === loop.name);
    const fresh = { ...loop, status, begun: now, at: now, round: group.round, guest: false };
    if (known === undefined) group.members.push(fresh);
    else Object.assign(known, fresh);
    touched.add(group);
    return [...touched].flatMap((one) => this.#changed(one, now));
  }

  repeat(loop: Loop, id: string, now: bigint): Message[] {
    const group = this.#own(loop.name);
    const member = group?.members.find(({ name }) => name === loop.name);
    if (group === undefined || member?.status !== "active") return this.begin(loop, id, "active", now);
    if (group.sendAt !== undefined || member.round < group.round) {
      member.round = group.round;
      return [];
    }
    member.round = ++group.round;
    return [this.#send(group, "repeat")];
  }

  gaveUp(loop: Loop, id: string, now: bigint): Message[] {
    const member = this.#own(loop.name)?.members.find(({ name }) => name === loop.name);
    if (member === undefined || member.status === "resolved") return this.begin(loop, id, "gave-up", now);
    return this.end(loop.name, "gave-up", now);
  }

  end(loop: string, status: "gave-up" | "resolved", now: bigint): Message[] {
    const there = this.groups.flatMap((group) =>
      group.members.filter(({ name }) => name === loop).map((member) => ({ group, member }))
    ).sort((a, b) => Number(a.member.guest) - Number(b.member.guest));
    return there.flatMap(({ group, member }) => {
      if (member.status === "resolved" || member.status === status) return [];
      Object.assign(member, { status, at: now });
      return this.#changed(group, now);
    });
  }

  nodeChanged(node: string, before: string | undefined, now: bigint): void {
    if (this.problems.get(node) === before) return;
    for (const group of this.groups) if (group.node === node) this.#changed(group, now);
  }

  due(now: bigint): Message[] {
    const messages: Message[] = [];
    for (;;) {
      const group = this.#waiting()[0];
      if (group === undefined || group.sendAt! > now) break;
      messages.push(...this.#decide(group, now));
    }
    for (const group of [...this.groups]) {
      if (group.changedAt !== undefined && group.changedAt + this.wait <= now) {
        messages.push(this.#send(group, "update"));
      }
    }
    return messages;
  }

  #own(loop: string): Group | undefined {
    return this.groups.find(({ members }) => members.some(({ name, guest }) => name === loop && !guest));
  }

  #stays(group: Group, loop: Loop, now: bigint): boolean {
    if (group.cause === "node") return group.node === loop.node;
    return group.cause === "job" || this.#stormOf(loop.key, now) === group;
  }

  /** The last storm that the key was in, if one of its loops is not resolved there, or was not an hour ago. */
  #stormOf(key: string, now: bigint): Group | undefined {
    const storm = this.groups.findLast(({ cause, members }) =>
      cause === "storm" && members.some((one) => one.key === key)
    );
    return storm?.members.some((one) => one.key === key && (one.status !== "resolved" || now - one.at < hour))
      ? storm
      : undefined;
  }

  #waiting(): Group[] {
    return this.groups.filter(({ sendAt }) => sendAt !== undefined);
  }

  #newGroup({ key }: Loop, id: string, now: bigint): Group {
    this.begins = [...this.begins.filter(({ at }) => now - at < minute), { id, at: now }];
    const storm = this.groups.find(({ goesOn }) => goesOn);
    if (storm !== undefined && this.begins.length > this.digestAbove) return storm;
    if (storm !== undefined) storm.goesOn = false;
    return this.#open({ cause: "job", key, first: id, sendAt: now + this.wait });
  }

  #open(differs: Pick<Group, "cause" | "first"> & Partial<Group>): Group {
    const group = {
      members: [],
      round: 0,
      said: 0,
      saidGaveUp: false,
      left: 0,
      alerts: 0,
      goesOn: false,
      ...differs,
    };
    this.groups.push(group);
    return group;
  }

  #changed(group: Group, now: bigint): Message[] {
    if (group.sendAt !== undefined) return [];
    const { active, gaveUp } = counted(group);
    if (active + gaveUp === 0) return [this.#send(group, "resolved")];
    if (active === 0 && !group.saidGaveUp) return [this.#send(group, "gave-up")];
    group.changedAt ??= now;
    return [];
  }

  #active(): Member[] {
    return this.groups.flatMap(({ members }) => members).filter(({ status, guest }) =>
      status === "active" && !guest
    );
  }

  #loopsOnlyOn(node: string, job: string): boolean {
    const nodes = new Set(this.#active().filter((member) => member.job === job).map((member) => member.node));
    return nodes.size === 1 && nodes.has(node);
  }

  #recentOn(node: string): Member[] {
    const there = this.#active().filter((member) => member.node === node);
    return there.filter(({ begun, job }) =>
      there.every((other) => other.begun - begun < minute) && this.#loopsOnlyOn(node, job)
    );
  }

  #isAtFault(node: string): boolean {
    return this.problems.has(node) || this.groups.some((group) => group.node === node) ||
      3 * this.#waitingOn(node).length > 2 * this.#waiting().length &&
        new Set(this.#recentOn(node).map(({ job }) => job)).size >= 3;
  }

  /** The groups that wait and whose job loops on this node only. */
  #waitingOn(node: string): Group[] {
    return this.#waiting().filter(({ members }) => this.#loopsOnlyOn(node, members[0]!.job));
  }

  #decide(group: Group, now: bigint): Message[] {
    const nodes = new Set(this.#active().map(({ node }) => node).filter((node) => node !== ""));
    const faults = [...nodes].filter((node) => this.#isAtFault(node) && this.#waitingOn(node).length > 0);
    const gone = faults.flatMap((node) => {
      const begun = this.#waitingOn(node).filter(({ first }) => this.begins.some(({ id }) => id === first));
      return this.groups.some((group) => group.node === node) ? begun : begun.slice(1);
    });
    if (this.begins.length - gone.length > this.digestAbove) {
      const waiting = this.#waiting();
      const storm = this.#open({ cause: "storm", first: waiting[0]!.first, goesOn: true });
      return [this.#take(waiting, storm)];
    }
    const node = faults.find((node) => this.#waitingOn(node).includes(group));
    if (node === undefined) return [this.#send(group, firstReason(group))];
    const waiting = this.#waitingOn(node);
    const open = this.groups.find((group) => group.node === node);
    const ids = (open === undefined ? waiting.slice(1) : waiting).map(({ first }) => first);
    this.begins = this.begins.filter(({ id }) => !ids.includes(id));
    if (open !== undefined) {
      this.#move(waiting, open);
      return this.#changed(open, now);
    }
    const isGuest = (name: string) =>
      this.groups.some(({ members }) => members.some((member) => member.guest && member.name === name));
    const listed = this.#recentOn(node).filter(({ name }) =>
      this.#own(name)!.sendAt === undefined && !isGuest(name)
    );
    const nodes_ = this.#open({ cause: "node", node, first: waiting[0]!.first });
    this.#move(waiting, nodes_);
    nodes_.members.push(...listed.map((member) => ({ ...member, at: now, round: 0, guest: true })));
    return [this.#send(nodes_, firstReason(nodes_))];
  }

  #take(groups: readonly Group[], into: Group): Message {
    this.#move(groups, into);
    return this.#send(into, firstReason(into));
  }

  #move(groups: readonly Group[], into: Group): void {
    for (const group of groups) {
      into.members.push(...group.members.map((member) => ({ ...member, round: into.round })));
      this.groups.splice(this.groups.indexOf(group), 1);
    }
  }

  #send(group: Group, reason: string): Message {
    const { active, gaveUp, resolved } = counted(group);
    const size = group.members.length + group.left;
    const doubled = reason === "update" && size >= 2 * group.said;
    const toAll = reason !== "update" || doubled || group.saidGaveUp && active > 0;
    if (toAll) Object.assign(group, { said: size, saidGaveUp: reason === "gave-up" });
    group.sendAt = group.changedAt = undefined;
    if (reason === "resolved") this.groups.splice(this.groups.indexOf(group), 1);
    return {
      identity: `${group.cause} ${group.first} ${group.alerts++}`,
      reason,
      toAll,
      doubled,
      counts: [active, gaveUp, resolved],
      jobs: new Set(group.members.map(({ job }) => job)).size,
      members: group.members.map(({ name, status }) => `${name} ${status}`).sort(),
    };
  }
}

function counted({ members, left }: Group) {
  const count = (wanted: Status) => members.filter(({ status }) => status === wanted).length;
  return { active: count("active"), gaveUp: count("gave-up"), resolved: count("resolved") + left };
}

function firstReason(group: Group): string {
  const { active, gaveUp } = counted(group);
  return active > 0 ? "first" : gaveUp > 0 ? "gave-up" : "resolved";
}
