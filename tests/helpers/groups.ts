// Alerts as groups take them, and a state that keeps what groups report as the stores do: as JSON.
import { type Alert, alertId } from "../../src/detection/alert/alert.ts";
import type { GroupsState, GroupTables, KeptGroups } from "../../src/detection/groups/state.ts";
import { readJson, writeJson } from "../../src/state/sqlite/codec.ts";
import { update } from "./updates.ts";

/** What an alert is about. */
export interface About {
  readonly name: string;
  readonly job?: string;
  readonly namespace?: string;
  readonly task?: string;
  readonly node?: string;
  readonly loop: string;
  readonly repeats?: number;
  readonly why?: string;
}

const statuses = {
  first: "looping",
  repeat: "looping",
  update: "looping",
  resolved: "resolved",
  "gave-up": "gave-up",
} as const;

/** An alert of the rule `failures`. */
export function groupAlert(
  reason: Alert["reason"],
  {
    name,
    job = "web",
    namespace = "shop",
    task = "server",
    node = "",
    loop,
    repeats = 0,
    why = "exited with 1 after 1 s",
  }: About,
): Alert {
  const id = reason === "first" ? loop : alertId(loop, reason === "repeat" ? String(repeats) : reason);
  return {
    id,
    loop,
    name,
    reason,
    lastEvent: update({ name, time: 1_795_491_775_912_742_340n }),
    eventLog: [1_795_491_775_912_742_340n],
    details: {
      Status: statuses[reason],
      Rule: "failures",
      Loop: loop,
      Key: { Namespace: namespace, JobID: job, TaskGroup: "group", Index: 0, Task: task },
      Failures: 5 + repeats,
      Missed: 0,
      Since: "2026-11-24T03:42:55.91274234Z",
      Reason: reason === "resolved" ? "it ran for 10 min" : `${why}, ${5 + repeats} times since 03:42 UTC`,
      Node: { ID: node },
      Events: [],
    },
  };
}

/** Keeps rows as text, at once. */
export class GroupJournal implements GroupsState, KeptGroups {
  readonly #rows = new Map<string, unknown>();
  /** How many rows were written. */
  writes = 0;

  put<Table extends keyof GroupTables>(table: Table, key: string, row: GroupTables[Table] | undefined): void {
    this.writes++;
    // As a store does: the row is read when it is needed, and comes last.
    this.#rows.delete(`${table}/${key}`);
    if (row !== undefined) this.#rows.set(`${table}/${key}`, row);
  }

  *entries<Table extends keyof GroupTables>(table: Table): Iterable<readonly [string, GroupTables[Table]]> {
    for (const [key, row] of this.#rows) {
      if (key.startsWith(`${table}/`)) yield [key.slice(table.length + 1), readJson(writeJson(row))];
    }
  }

  /** What is kept though no group is open: problems of nodes, and when groups began, may be. */
  left(): string[] {
    return [...this.#rows.keys()].filter((key) => !/^group (?:nodes|begins)\//.test(key));
  }
}
