// An open group: its loops, and the alerts about it. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import { type AlertGroup, maxMembers, maxTally, type Tally } from "./group.ts";
import type { GroupRow, GroupsState, MemberRow, Speaker } from "./state.ts";

/** Resolved loops that a group keeps; of more, only their number. */
const maxResolved = 10_000;

/** An alert about a group, and who gets it. */
export interface GroupMessage {
  readonly alert: Alert;
  /** Sinks that cannot change what they sent get it too. */
  readonly toAll: boolean;
  /** The names of the loops whose changes no earlier message mentioned; of a group that was restored, only of those that
   * changed since. */
  readonly mentions: ReadonlySet<string>;
}

/** What is put where groups are kept. */
type Put = GroupsState["put"];

/** Loops that people get as one message. It reports every change of itself. */
export class OpenGroup {
  readonly row: GroupRow;
  /** By the names of the loops, in the order in which they joined. */
  readonly members: Map<string, MemberRow> = new Map();
  /** The alert that speaks for it. */
  speaker: Speaker;
  readonly #counts = { active: 0, "gave-up": 0, resolved: 0 };
  readonly #put: Put;
  #unmentioned = new Set<string>();
  #joined = 0;

  constructor(row: GroupRow, speaker: Speaker, put: Put) {
    this.row = row;
    this.speaker = speaker;
    this.#put = put;
  }

  get active(): number {
    return this.#counts.active;
  }

  get gaveUp(): number {
    return this.#counts["gave-up"];
  }

  /** All of its loops. */
  get size(): number {
    return this.members.size + this.row.forgotten;
  }

  /** Whether the loop of this name changed since the last message. */
  hasUnmentioned(name: string): boolean {
    return this.#unmentioned.has(name);
  }

  /** Whether its first message is yet to be sent. */
  get isWaiting(): boolean {
    return this.row.sendAt !== undefined;
  }

  /** Reports the group, but not its members. */
  keep(): void {
    this.#put("groups", this.row.id, this.row);
  }

  /** Another alert speaks for it from now on. */
  speak(speaker: Speaker): void {
    const { name, lastEvent, eventLog, limit, details, wishes } = speaker;
    this.speaker = {
      name,
      lastEvent,
      eventLog,
      ...(limit === undefined ? {} : { limit }),
      ...(details && { details }),
      ...(wishes && { wishes }),
    };
    this.#put("group speakers", this.row.id, this.speaker);
  }

  /** Takes a loop in, behind all others. */
  adopt(member: MemberRow): void {
    member.round = this.row.round;
    member.number = this.#joined;
    this.restore(member);
    this.keepMember(member);
    this.#unmentioned.add(member.name);
  }

  /** Takes a member as it was kept. */
  restore(member: MemberRow): void {
    this.members.set(member.name, member);
    this.#counts[member.status]++;
    this.#joined = Math.max(this.#joined, member.number + 1);
  }

  /** A member's status changes, or its loop. */
  change(member: MemberRow, status: MemberRow["status"], now: Nanoseconds): void {
    this.#counts[member.status]--;
    this.#counts[status]++;
    member.status = status;
    member.at = now;
    this.keepMember(member);
    this.#unmentioned.add(member.name);
  }

  /** Reports a member. */
  keepMember(member: MemberRow): void {
    this.#put("group members", this.#keyOf(member), member);
  }

  /** A loop is no longer kept, only counted as resolved. */
  forget(member: MemberRow): void {
    this.members.delete(member.name);
    this.#counts[member.status]--;
    this.row.forgotten++;
    this.#put("group members", this.#keyOf(member), undefined);
    this.keep();
  }

  /** A resolved member to be forgotten, if there are too many. */
  get surplus(): MemberRow | undefined {
    if (this.#counts.resolved <= maxResolved) return undefined;
    return this.members.values().find(({ status }) => status === "resolved");
  }

  /** Takes times after `now` for now; its first message waits no longer than this. */
  setBack(now: Nanoseconds, wait: Nanoseconds): void {
    const { row } = this;
    if (row.sendAt !== undefined && row.sendAt > now + wait) row.sendAt = now + wait;
    if (row.changedAt !== undefined && row.changedAt > now) row.changedAt = now;
    this.keep();
    for (const member of this.members.values()) {
      if (member.begun <= now && member.at <= now) continue;
      if (member.begun > now) member.begun = now;
      if (member.at > now) member.at = now;
      this.keepMember(member);
    }
  }

  /** It is resolved, or another group took its loops in: nothing of it stays. */
  close(): void {
    for (const member of this.members.values()) this.#put("group members", this.#keyOf(member), undefined);
    this.#put("groups", this.row.id, undefined);
    this.#put("group speakers", this.row.id, undefined);
  }

  /** Makes the alert that says how it is now. */
  message(reason: Alert["reason"]): GroupMessage {
    const { row } = this;
    const doubled = reason === "update" && this.size >= 2 * row.announced;
    const relapsed = row.announcedGaveUp && this.active > 0;
    const toAll = reason !== "update" || doubled || relapsed;
    const alert = this.#alert(reason, doubled);
    row.alerts++;
    delete row.sendAt;
    delete row.changedAt;
    if (toAll) {
      row.announced = this.size;
      row.announcedGaveUp = reason === "gave-up";
    }
    this.keep();
    const mentions = this.#unmentioned;
    this.#unmentioned = new Set();
    return { alert, toAll, mentions };
  }

  #keyOf({ name }: MemberRow): string {
    return `${this.row.id} ${name}`;
  }

  #alert(reason: Alert["reason"], doubled: boolean): Alert {
    const { row, speaker } = this;
    const { name: _, details, ...said } = speaker;
    const Status = this.active > 0 ? "looping" : this.gaveUp > 0 ? "gave-up" : "resolved";
    return {
      id: alertId(row.id, String(row.alerts)),
      loop: row.id,
      name: row.name,
      reason,
      ...said,
      ...(details === undefined ? {} : { details: { ...details, Status, Loop: row.id } }),
      group: this.#summary(doubled),
    };
  }

  #summary(doubled: boolean): AlertGroup {
    const { row } = this;
    const members = [...this.members.values()];
    const ranked = statuses.flatMap((status) => members.filter((member) => member.status === status));
    const { active, "gave-up": gaveUp, resolved } = this.#counts;
    const speaker = this.members.get(this.speaker.name)?.loop;
    return {
      cause: row.cause,
      counts: { active, gaveUp, resolved: resolved + row.forgotten },
      jobs: new Set(members.map(({ job }) => job)).size,
      ...(speaker === undefined ? {} : { speaker }),
      members: ranked.slice(0, maxMembers).map(({ loop, name, status, node, reason }) => ({
        loop,
        name,
        status,
        ...(node === undefined ? {} : { node }),
        reason,
      })),
      tally: {
        namespaces: tally(members, ({ job }) => JSON.parse(job)[0] || undefined),
        reasons: tally(members, ({ kind }) => kind),
        nodes: tally(members, ({ node }) => node),
      },
      ...(row.node === undefined ? {} : { node: row.node }),
      ...(doubled ? { doubled } : {}),
    };
  }
}

/** Those that need attention first. */
const statuses = ["active", "gave-up", "resolved"] as const;

/** The most frequent texts; of those as frequent, what came first. */
function tally(members: readonly MemberRow[], textOf: (member: MemberRow) => string | undefined): Tally[] {
  const counts = new Map<string, number>();
  for (const member of members) {
    const text = textOf(member);
    if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, maxTally)
    .map(([text, count]) => ({ text, count }));
}
