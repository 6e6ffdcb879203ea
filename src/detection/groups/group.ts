// What an alert says of a group: loops with one cause, which people get as one message. No clock, no I/O.

/** Loops with one cause. Its alert's other fields are of the member that speaks for it. */
export interface AlertGroup {
  /** What they have in common: one task group and task of a job, a node, or only that they are too many at one time. */
  readonly cause: "job" | "node" | "storm";
  /** All of its loops, by what became of them. */
  readonly counts: { readonly active: number; readonly gaveUp: number; readonly resolved: number };
  /** How many jobs they are of. */
  readonly jobs: number;
  /** The id of the loop that speaks for it, while it is a member. */
  readonly speaker?: string;
  /** Some of its loops, those that need attention first; `maxMembers` at most. */
  readonly members: readonly GroupMember[];
  /** What they are, most frequent first; `maxTally` of each at most. */
  readonly tally: {
    readonly namespaces: readonly Tally[];
    readonly reasons: readonly Tally[];
    readonly nodes: readonly Tally[];
  };
  /** The node that is the cause. */
  readonly node?: {
    readonly ID: string;
    readonly Name?: string;
    /** What is wrong with it, in words, where Nomad says so: `is down`, `lost its driver docker`. */
    readonly problem?: string;
  };
  /** Of an `update`: it has at least twice as many loops as when all sinks last got an alert about it. */
  readonly doubled?: boolean;
}

/** How many members, and how many kinds of each tally, an alert lists. */
export const maxMembers = 50;
export const maxTally = 10;

/** A loop of a group. */
export interface GroupMember {
  /** The id of the loop, and its name, as its own alerts have them. */
  readonly loop: string;
  readonly name: string;
  readonly status: "active" | "gave-up" | "resolved";
  /** Its node's name, or its ID. */
  readonly node?: string;
  /** Why, as in its own alert. */
  readonly reason: string;
}

/** How many loops have a thing in common. */
export interface Tally {
  readonly text: string;
  readonly count: number;
}
