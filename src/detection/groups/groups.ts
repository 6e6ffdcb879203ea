// Turns alerts about loops into alerts about groups: loops with one cause, which people get as one message.
// No clock, no I/O: time is an argument, and what must survive is reported to the state. README.md has the rules.
import type { Nanoseconds } from "../../lib/duration.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import { detailsOf } from "../alert/details_of.ts";
import { GroupBegins } from "./begins.ts";
import type { AlertGroup } from "./group.ts";
import { type Beginning, GroupIndex } from "./group_index.ts";
import { type GroupMessage, OpenGroup } from "./open_group.ts";
import type { NodeProblems } from "./problems.ts";
import { kindOf, shortReason } from "./reasons.ts";
import type { GroupRow, GroupsState, KeptGroups, MemberRow } from "./state.ts";
import { type Subject, subjectOf } from "./subject.ts";
import type { GroupThresholds } from "./thresholds.ts";

export type { GroupMessage } from "./open_group.ts";

/** Loops of this many jobs that begin on one node within a minute have the node as their cause. */
const minJobs = 3;

/** What is kept of a group, and the alert with which it begins. */
type Begun = Pick<GroupRow, "cause" | "beganWith" | "key" | "node" | "sendAt" | "goesOn">;

/** The groups of one audience. */
export class Groups {
  readonly #thresholds: GroupThresholds;
  readonly #put: GroupsState["put"];
  readonly #problems: NodeProblems;
  readonly #index = new GroupIndex();
  readonly #begins: GroupBegins;
  /** In the order in which they are due. */
  readonly #waiting = new Set<OpenGroup>();
  readonly #changed = new Set<OpenGroup>();
  #opened = 0;

  constructor(thresholds: GroupThresholds, state: GroupsState, problems: NodeProblems) {
    this.#thresholds = thresholds;
    this.#put = (table, key, row) => state.put(table, key, row);
    this.#problems = problems;
    this.#begins = new GroupBegins(this.#put);
  }

  /** How many groups are open, those included whose first message is yet to be sent. */
  get size(): number {
    return this.#index.groups.size;
  }

  /** When `due` has something to do next. */
  get nextDue(): Nanoseconds | undefined {
    const [waiting] = this.#waiting;
    const [changed] = this.#changed;
    const sendAt = waiting?.row.sendAt;
    const updateAt = changed && changed.row.changedAt! + this.#thresholds.wait;
    return sendAt === undefined || updateAt !== undefined && updateAt < sendAt ? updateAt : sendAt;
  }

  /** Whether a loop of this name is in an open group. */
  has(name: string): boolean {
    return this.#index.groupsOf(name).length > 0;
  }

  /** Whether the loop of this name is in an open group, and is not resolved there. */
  isUnresolved(name: string): boolean {
    return this.#isIn(name, "active") || this.#isIn(name, "gave-up");
  }

  /** Whether the loop of this name changed without a message about that so far. */
  isUnmentioned(name: string): boolean {
    return this.#index.groupsOf(name).some((group) => group.hasUnmentioned(name));
  }

  /** The loops that are not resolved. */
  unresolved(): { readonly name: string; readonly loop: string }[] {
    return this.#index.groups.values().flatMap(({ members }) => members.values())
      .filter(({ status, guest }) => status !== "resolved" && !guest).toArray();
  }

  /** The group of a loop, if its cause is a node or a storm. */
  causeOf(
    loop: string,
  ): { readonly cause: AlertGroup["cause"]; readonly id: string; readonly text: string } | undefined {
    const group = this.#index.causeOf(loop);
    if (group === undefined) return undefined;
    const { id, cause, node } = group.row;
    const loops = `${group.size} ${group.size === 1 ? "loop" : "loops"}`;
    const problem = node?.problem === undefined ? "" : ` ${node.problem}`;
    return {
      cause,
      id,
      text: node === undefined ? `storm of ${loops}` : `node ${nameOf(node)}${problem}: ${loops}`,
    };
  }

  /** Takes an alert about a loop. Returns what is to be sent at once; what waits falls due. */
  take(alert: Alert, now: Nanoseconds): GroupMessage[] {
    const { name, reason } = alert;
    switch (reason) {
      case "first":
        return this.#begin(alert, "active", now);
      case "repeat":
        return this.#isIn(name, "active") ? this.#repeat(alert) : this.#begin(alert, "active", now);
      case "gave-up":
        return this.isUnresolved(name)
          ? this.ended(alert, "gave-up", now)
          : this.#begin(alert, "gave-up", now);
      default:
        return this.ended(alert, "resolved", now);
    }
  }

  /** A loop is over, or given up. If there is no alert about that, its name and the reason are enough. */
  ended(
    by: Alert | { readonly name: string; readonly cause: string },
    end: "resolved" | "gave-up",
    now: Nanoseconds,
  ): GroupMessage[] {
    return this.#index.groupsOf(by.name).flatMap((group) => {
      const member = group.members.get(by.name)!;
      if (member.status === end || member.status === "resolved") return [];
      member.reason = shortReason("cause" in by ? by.cause : detailsOf(by).Reason);
      this.#index.end(group, member, end, now);
      if (group.active === 0 && (end === "gave-up" || group.gaveUp === 0)) group.speak(lastWordOf(group, by));
      return this.#changes(group, now);
    });
  }

  /** What is wrong with the node changed. */
  nodeChanged({ ID }: { readonly ID: string }, now: Nanoseconds): void {
    const group = this.#index.ofNode(ID);
    const problem = this.#problems.get(ID);
    if (group === undefined || group.row.node!.problem === problem) return;
    group.row.node = nodeWith(group.row.node!, problem);
    group.keep();
    this.#changes(group, now);
  }

  /** What time alone brings about, up to `now`. */
  due(now: Nanoseconds): GroupMessage[] {
    const messages: GroupMessage[] = [];
    for (const group of this.#waiting) {
      if (group.row.sendAt! > now) break;
      messages.push(...this.#decide(group, now));
    }
    for (const group of this.#changed) {
      if (group.row.changedAt! + this.#thresholds.wait > now) break;
      messages.push(this.#send(group, "update"));
    }
    return messages;
  }

  /** Sends at once what would wait. */
  flush(now: Nanoseconds): GroupMessage[] {
    const messages: GroupMessage[] = [];
    for (const group of this.#waiting) messages.push(...this.#decide(group, now));
    for (const group of this.#changed) messages.push(this.#send(group, "update"));
    return messages;
  }

  /** Resumes from what was kept. */
  restore(kept: KeptGroups): void {
    const groups = new Map<string, OpenGroup>();
    const speakers = new Map(kept.entries("group speakers"));
    const rows = [...kept.entries("groups")].sort(([, a], [, b]) => a.number - b.number);
    for (const [id, row] of rows) {
      groups.set(id, new OpenGroup(row, speakers.get(id)!, this.#put));
    }
    const members = [...kept.entries("group members")].sort(([, a], [, b]) => a.number - b.number);
    for (const [key, member] of members) groups.get(key.slice(0, key.indexOf(" ")))!.restore(member);
    for (const group of groups.values()) this.#index.open(group);
    this.#begins.restore(kept);
    this.#opened = (rows.at(-1)?.[1].number ?? -1) + 1;
    for (const group of groups.values()) if (group.isWaiting) this.#waiting.add(group);
    const changed = [...groups.values()].filter(({ row }) => row.changedAt !== undefined);
    for (const group of changed.sort((a, b) => Number(a.row.changedAt! - b.row.changedAt!))) {
      this.#changed.add(group);
    }
  }

  /** The clock was ahead, and is right now. */
  clockSetBack(now: Nanoseconds): void {
    this.#begins.setBack(now);
    for (const group of this.#index.groups.values()) group.setBack(now, this.#thresholds.wait);
  }

  #isIn(name: string, status: MemberRow["status"]): boolean {
    return this.#index.groupOf(name)?.members.get(name)?.status === status;
  }

  #begin(alert: Alert, status: MemberRow["status"], now: Nanoseconds): GroupMessage[] {
    const subject = subjectOf(alert);
    const beginning = beginningOf(alert, subject, status, now);
    const before = this.#index.groupsOf(alert.name);
    const unresolved = before.filter(({ members }) => members.get(alert.name)!.status !== "resolved");
    const group = this.#index.placeOf(beginning, now) ?? this.#newPlace(alert, subject, now);
    const needsSpeaker = group.members.get(group.speaker.name)?.status !== "active";
    this.#index.enterGuest(beginning, now);
    this.#index.enter(group, beginning, false, now);
    if (needsSpeaker) group.speak(alert);
    const listing = before.filter(({ members }) => members.has(alert.name));
    return [...new Set([...unresolved, ...listing, group])].flatMap((changed) => this.#changes(changed, now));
  }

  /** The storm that goes on, or a group of its own, which waits. */
  #newPlace(alert: Alert, { key, title }: Subject, now: Nanoseconds): OpenGroup {
    this.#begins.add(alert.id, now);
    const { storm } = this.#index;
    if (storm !== undefined) {
      if (this.#begins.count > this.#thresholds.digestAbove) return storm;
      storm.row.goesOn = false;
      storm.keep();
      this.#index.storm = undefined;
    }
    const sendAt = now + this.#thresholds.wait;
    const group = this.#open({ cause: "job", beganWith: alert.id, key, sendAt }, title, alert);
    this.#waiting.add(group);
    return group;
  }

  /** A group repeats when a loop repeats that has repeated since the group last did: so twenty repeats are one. */
  #repeat(alert: Alert): GroupMessage[] {
    const group = this.#index.groupOf(alert.name)!;
    const member = group.members.get(alert.name)!;
    const { Reason } = detailsOf(alert);
    member.reason = shortReason(Reason);
    member.kind = kindOf(Reason);
    const isNext = !group.isWaiting && member.round === group.row.round;
    if (isNext) group.row.round++;
    member.round = group.row.round;
    group.keepMember(member);
    if (!isNext) return [];
    group.speak(alert);
    return [this.#send(group, "repeat")];
  }

  /** What a change of a group's loops, or of its node, brings about. */
  #changes(group: OpenGroup, now: Nanoseconds): GroupMessage[] {
    if (group.isWaiting) return [];
    if (group.active === 0 && group.gaveUp === 0) return [this.#send(group, "resolved")];
    if (group.active === 0 && !group.row.announcedGaveUp) return [this.#send(group, "gave-up")];
    if (group.row.changedAt !== undefined) return [];
    group.row.changedAt = now;
    group.keep();
    this.#changed.add(group);
    return [];
  }

  /** A group's time to wait is over: it is a storm's, a node's, or its job's. */
  #decide(group: OpenGroup, now: Nanoseconds): GroupMessage[] {
    const nodes = this.#nodesAtFault();
    let begun = this.#begins.count;
    for (const [node, groups] of nodes) {
      const own = groups.filter(({ row }) => this.#begins.has(row.beganWith)).length;
      begun -= this.#index.ofNode(node) === undefined ? Math.max(own - 1, 0) : own;
    }
    if (begun > this.#thresholds.digestAbove) return this.#decideStorm();
    for (const [node, groups] of nodes) {
      if (groups.includes(group)) return this.#decideNode(node, groups, now);
    }
    return [this.#send(group, firstReason(group))];
  }

  #decideStorm(): GroupMessage[] {
    const groups = [...this.#waiting];
    const storm = this.#open(
      { cause: "storm", beganWith: groups[0]!.row.beganWith, goesOn: true },
      "storm",
      speakerOf(groups),
    );
    this.#merge(groups, storm);
    return [this.#send(storm, firstReason(storm))];
  }

  #decideNode(nodeID: string, groups: readonly OpenGroup[], now: Nanoseconds): GroupMessage[] {
    const open = this.#index.ofNode(nodeID);
    for (const { row } of open === undefined ? groups.slice(1) : groups) this.#begins.remove(row.beganWith);
    if (open !== undefined) {
      this.#merge(groups, open);
      return this.#changes(open, now);
    }
    const [{ row: { beganWith } }] = groups as [OpenGroup];
    const Name = groups.flatMap(({ members }) => [...members.values()]).find((member) =>
      member.nodeID === nodeID
    )?.node;
    const node = nodeWith(
      { ID: nodeID, ...(Name === undefined || Name === nodeID ? {} : { Name }) },
      this.#problems.get(nodeID),
    );
    const group = this.#open({ cause: "node", beganWith, node }, `node ${nameOf(node)}`, speakerOf(groups));
    const listed = this.#index.active.recentOn(nodeID)
      .filter(({ name }) => !this.#index.groupOf(name)!.isWaiting)
      .sort((a, b) => Number(a.begun - b.begun) || (a.name < b.name ? -1 : 1));
    this.#merge(groups, group);
    for (const member of listed) this.#list(group, member, now);
    return [this.#send(group, firstReason(group))];
  }

  /** A loop whose job has had its message is listed. */
  #list(group: OpenGroup, { number: _, round: __, ...member }: MemberRow, now: Nanoseconds): void {
    if (this.#index.groupsOf(member.name).length === 1) this.#index.enter(group, member, true, now);
  }

  /** The nodes that loops which wait have as their cause, and the groups of these loops. */
  #nodesAtFault(): Map<string, OpenGroup[]> {
    const byNode = Map.groupBy(this.#waiting, ({ members }) => {
      const [member] = members.values();
      return this.#index.active.onlyNodeOf(member!.job) ?? "";
    });
    const all = byNode.values().reduce((sum, groups) => sum + groups.length, 0);
    byNode.delete("");
    for (const [node, groups] of byNode) if (!this.#isAtFault(node, groups.length, all)) byNode.delete(node);
    return byNode;
  }

  /** Whether the node is the cause of `here` of `all` groups that wait. What fails on many nodes at one time, as when a
   * registry is down, is no node's fault, though some nodes run more of it than others. */
  #isAtFault(node: string, here: number, all: number): boolean {
    if (this.#index.ofNode(node) !== undefined || this.#problems.get(node) !== undefined) return true;
    if (this.#problems.areOfOneNode || 3 * here <= 2 * all) return false;
    return new Set(this.#index.active.recentOn(node).map(({ job }) => job)).size >= minJobs;
  }

  #open(begun: Begun, title: string, speaker: OpenGroup["speaker"]): OpenGroup {
    const id = alertId(begun.cause, begun.beganWith);
    const row: GroupRow = {
      ...begun,
      id,
      name: `${title} #${id.slice(0, 8)}`,
      number: this.#opened++,
      alerts: 0,
      round: 0,
      announced: 0,
      announcedGaveUp: false,
      forgotten: 0,
    };
    const group = new OpenGroup(row, speaker, this.#put);
    group.keep();
    group.speak(speaker);
    this.#index.open(group);
    return group;
  }

  #merge(groups: readonly OpenGroup[], into: OpenGroup): void {
    for (const group of groups) {
      this.#waiting.delete(group);
      this.#index.merge(group, into);
    }
  }

  #send(group: OpenGroup, reason: Alert["reason"]): GroupMessage {
    this.#waiting.delete(group);
    this.#changed.delete(group);
    const message = group.message(reason);
    if (reason === "resolved") this.#index.close(group);
    return message;
  }
}

function firstReason({ active, gaveUp }: OpenGroup): Alert["reason"] {
  return active > 0 ? "first" : gaveUp > 0 ? "gave-up" : "resolved";
}

/** The alert that speaks for several groups: of one that has an active loop, if there is one. */
function speakerOf(groups: readonly OpenGroup[]): OpenGroup["speaker"] {
  return (groups.find(({ active }) => active > 0) ?? groups[0]!).speaker;
}

/** What is said of a group whose last active loop ended. */
function lastWordOf({ speaker }: OpenGroup, by: Alert | { readonly name: string; readonly cause: string }) {
  if (!("cause" in by)) return by;
  const { details } = speaker;
  return {
    ...speaker,
    name: by.name,
    ...(details === undefined ? {} : { details: { ...details, Reason: by.cause } }),
  };
}

function beginningOf(
  alert: Alert,
  subject: Subject,
  status: MemberRow["status"],
  now: Nanoseconds,
): Beginning {
  const { key, job, node } = subject;
  const { Reason } = detailsOf(alert);
  return {
    name: alert.name,
    loop: alert.loop,
    status,
    ...(node.ID === "" ? {} : { node: nameOf(node) }),
    reason: shortReason(Reason),
    kind: kindOf(Reason),
    key,
    job,
    nodeID: node.ID,
    begun: now,
    at: now,
  };
}

function nameOf({ ID, Name }: { readonly ID: string; readonly Name?: string }): string {
  return Name || ID.slice(0, 8);
}

function nodeWith(
  { ID, Name }: NonNullable<AlertGroup["node"]>,
  problem: string | undefined,
): NonNullable<AlertGroup["node"]> {
  return { ID, ...(Name === undefined ? {} : { Name }), ...(problem === undefined ? {} : { problem }) };
}
