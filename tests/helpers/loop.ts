// The alerts about one crash loop as the rule `failures` makes them, for sinks that lay out what a person reads.
import { type Alert, alertId } from "../../src/detection/alert/alert.ts";
import {
  type AlertGroup,
  type GroupMember,
  maxMembers,
  maxTally,
  type Tally,
} from "../../src/detection/groups/group.ts";
import type { AlertDetails } from "../../src/detection/alert/details.ts";
import { messageOf, type Surroundings } from "../../src/detection/alert/message.ts";
import type { SinkContext } from "../../src/sinks/sink.ts";
import { sinkContext } from "./sink.ts";
import { update } from "./updates.ts";

const allocation = "a0458171-9a7f-3e5e-2262-4f63c1a59075";
const reasons = {
  first:
    "exited with 137 after 1 s, likely out of memory, 5 times since 03:42 UTC; Nomad tries again in 1.2 s",
  repeat:
    "exited with 137 after 1 s, likely out of memory, 9 times since 03:42 UTC; Nomad tries again in 8 s",
  resolved: "runs since 03:59 UTC, after 9 failed runs since 03:42 UTC",
  "gave-up":
    "exited with 137 after 1 s, likely out of memory, 9 times since 03:42 UTC; Nomad has given it up",
};
const statuses = { first: "looping", repeat: "looping", resolved: "resolved", "gave-up": "gave-up" } as const;

/** An alert about the loop of `web.app[0]`, whose details can differ. */
export function loopAlert(
  reason: Exclude<Alert["reason"], "update">,
  differs: Partial<AlertDetails> = {},
  loop = "3a3aca75c675347004d6a7eb6827420a",
): Alert {
  const active = reason === "first" || reason === "repeat";
  const details: AlertDetails = {
    Status: statuses[reason],
    Rule: "failures",
    Loop: loop,
    Key: { Namespace: "shop", JobID: "web", TaskGroup: "app", Index: 0, Task: "server" },
    Failures: reason === "first" ? 5 : 9,
    Missed: 0,
    Since: "2026-11-24T03:42:55.91274234Z",
    LastExit: { Time: "2026-11-24T03:43:08.451964106Z", ExitCode: 137, OutOfMemory: "likely", After: "1s" },
    Reason: reasons[reason],
    ...(active ? { NextAttempt: "2026-11-24T03:43:09.611345178Z" } : {}),
    Node: { ID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8", Name: "client-1" },
    Events: [
      { Time: "2026-11-24T03:43:08.451964106Z", Type: "Terminated", DisplayMessage: "Exit Code: 137" },
      {
        Time: "2026-11-24T03:43:08.45482409Z",
        Type: "Restarting",
        DisplayMessage: "Task restarting in 1.2s",
      },
    ],
    ...differs,
  };
  return {
    id: `${loop.slice(0, 24)}${
      { first: "00000001", repeat: "00000002", resolved: "00000003", "gave-up": "00000004" }[reason]
    }`,
    loop,
    name: "web.app[0]",
    reason,
    lastEvent: update({ name: "web.app[0]", allocation, task: "server", time: 1795491788454824090n }),
    eventLog: [1795491775912742340n, 1795491788454824090n],
    details,
  };
}

/** The id of every group here. */
export const groupId = "96a0c0ffee3347004d6a7eb6827420ab";

/** An alert about a group: 20 allocations of a job, 7 loops of 5 jobs on a node, or 500 jobs. `group` and `details` can
 * differ, and `counts` decides about the members. */
export function groupAlert(
  cause: AlertGroup["cause"],
  reason: Alert["reason"],
  differs: {
    readonly counts?: Partial<AlertGroup["counts"]>;
    readonly group?: Partial<AlertGroup>;
    readonly details?: Partial<AlertDetails>;
  } = {},
): Alert {
  const usual = { job: 20, node: 7, storm: 500 }[cause];
  const counts = {
    active: reason === "resolved" || reason === "gave-up" ? 0 : usual,
    gaveUp: reason === "gave-up" ? usual : 0,
    resolved: reason === "resolved" ? usual : 0,
    ...differs.counts,
  };
  const members = Array.from(
    { length: counts.active + counts.gaveUp + counts.resolved },
    (_, index) => memberOf(cause, index, counts),
  );
  const [{ name }] = members as [GroupMember];
  const group: AlertGroup = {
    cause,
    counts,
    jobs: { job: 1, node: 5, storm: 500 }[cause],
    members: members.slice(0, maxMembers),
    tally: {
      namespaces: tallyOf(members.map(({ name }) => name.split("/")[0]!)),
      reasons: tallyOf(members.map(({ reason }) => reason)),
      nodes: tallyOf(members.map(({ node }) => node!)),
    },
    ...(cause === "node" ? { node: { ID: nodes[0]!, Name: "client-1" } } : {}),
    ...differs.group,
  };
  const [, job, taskGroup, index] = /^\w+\/([\w-]+)\.(\w+)\[(\d+)\]/.exec(name)!;
  const key = { Namespace: "shop", JobID: job!, TaskGroup: taskGroup!, Index: Number(index), Task: "server" };
  const alert = loopAlert(reason === "update" ? "repeat" : reason, {
    Key: key,
    Loop: groupId,
    ...differs.details,
  });
  return {
    ...alert,
    id: alertId(groupId, reason),
    loop: groupId,
    name: `${cause} #${groupId.slice(0, 8)}`,
    reason,
    group,
  };
}

const nodes = ["ca601765-3a7d-9af1-54b2-ee5a37ccffd8", "3c0af5d1-1e0b-4b1c-a0e8-2f9d6a7c8b9e"];

/** Two of three ended with 1, the others ran out of memory. */
function memberOf(cause: AlertGroup["cause"], index: number, counts: AlertGroup["counts"]): GroupMember {
  const { active, gaveUp } = counts;
  const name = {
    job: `shop/web.app[${index}]/server`,
    node: `shop/web-${index % 5}.app[${Math.floor(index / 5)}]/server`,
    storm: `${index % 5 < 3 ? "shop" : "billing"}/web-${index}.app[0]/server`,
  }[cause];
  return {
    loop: `${String(index).padStart(4, "0")}${"75c675347004d6a7eb6827420a".padEnd(28, "0")}`,
    name,
    status: index < gaveUp ? "gave-up" : index < gaveUp + active ? "active" : "resolved",
    node: cause === "node" ? "client-1" : `client-${1 + index % 3}`,
    reason: index % 3 < 2 ? "exited with 1" : "ran out of memory",
  };
}

function tallyOf(texts: readonly string[]): Tally[] {
  return [...Map.groupBy(texts, (text) => text)].map(([text, { length: count }]) => ({ text, count }))
    .sort((a, b) => b.count - a.count).slice(0, maxTally);
}

/** What is said of every alert there. */
export const surroundings: Surroundings = {
  cluster: "prod-eu",
  nomadUi: new URL("https://nomad.example.com"),
  page: new URL("https://loops.example.com/"),
};

/** What a sink gets of a program with a name of its cluster, and with links. */
export function namedContext(differs: Partial<SinkContext> = {}): SinkContext {
  return sinkContext({ cluster: "prod-eu", message: (alert) => messageOf(alert, surroundings), ...differs });
}
