// What groups report to the state, and what they resume from. Every change writes a few rows, however large a group is.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Alert } from "../alert/alert.ts";
import type { AlertGroup, GroupMember } from "./group.ts";

/** An open group, without its members. */
export interface GroupRow {
  readonly id: string;
  readonly cause: AlertGroup["cause"];
  /** The name of its alerts. */
  readonly name: string;
  /** Its place in the order in which groups began. */
  readonly number: number;
  /** The id of the alert that it began with. */
  readonly beganWith: string;
  /** What its loops are of, where its cause is a job. */
  readonly key?: string;
  node?: AlertGroup["node"];
  /** When its first message is due; undefined once that was sent. */
  sendAt?: Nanoseconds;
  /** When its first change since its last message was. */
  changedAt?: Nanoseconds;
  /** How many alerts about it were made. */
  alerts: number;
  /** How often it repeated. */
  round: number;
  /** How many loops it had when all sinks last got an alert, and whether that said that Nomad gave all of them up. */
  announced: number;
  announcedGaveUp: boolean;
  /** Resolved loops of it that are no longer kept. */
  forgotten: number;
  /** Of a storm: whether it goes on. */
  goesOn?: boolean;
}

/** A loop of a group. */
export interface MemberRow {
  readonly name: string;
  loop: string;
  status: GroupMember["status"];
  node?: string;
  reason: string;
  /** The reason without figures, to be counted. */
  kind: string;
  /** As its subject has them. */
  readonly key: string;
  readonly job: string;
  nodeID: string;
  /** When it began, and when its status last changed. */
  begun: Nanoseconds;
  at: Nanoseconds;
  /** The round of its last repeat. */
  round: number;
  /** Its place in the order in which loops joined. */
  number: number;
  /** It is of another group, and listed in this one too. */
  guest: boolean;
}

/** What a group keeps of an alert that speaks for it. */
export type Speaker = Pick<Alert, "name" | "lastEvent" | "eventLog" | "limit" | "details" | "wishes">;

/** The tables, and what is in them. */
export interface GroupTables {
  /** By the group's id. */
  groups: GroupRow;
  "group speakers": Speaker;
  /** By the group's id, a space, and the loop's name. */
  "group members": MemberRow;
  /** When groups began in the last minute, by the id of the alert that each began with. */
  "group begins": Nanoseconds;
  /** What is wrong with nodes, in words, by their IDs. */
  "group nodes": string;
}

/** What groups report to. */
export interface GroupsState {
  /** A row under its key; undefined forgets it. The row is read at the next commit. */
  put<Table extends keyof GroupTables>(
    table: Table,
    key: string,
    row: GroupTables[Table] | undefined,
  ): void;
}

/** What was kept of their reports. */
export interface KeptGroups {
  entries<Table extends keyof GroupTables>(
    table: Table,
  ): Iterable<readonly [key: string, row: GroupTables[Table]]>;
}
