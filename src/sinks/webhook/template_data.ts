// What templates can say of an alert. README.md describes it.
import { type Alert, alertId } from "../../detection/alert/alert.ts";
import { detailsOf } from "../../detection/alert/details_of.ts";
import { groupName, groupOf } from "../../detection/alert/group_words.ts";
import type { AlertDetails } from "../../detection/alert/details.ts";
import type { AlertGroup } from "../../detection/groups/group.ts";
import type { SinkContext } from "../sink.ts";

/** What a template knows, by name. */
export type TemplateData = Readonly<Record<string, unknown>>;

/** What a template knows of an alert. */
export function templateData(alert: Alert, context: SinkContext): TemplateData {
  const { id, loop, name, reason: notification, lastEvent } = alert;
  const message = context.message(alert);
  const details = detailsOf(alert);
  const group = groupOf(alert);
  const { reason, facts, links, lastWords } = message;
  const lines = [
    reason,
    ...facts.map(({ label, value }) => `${label}: ${value}`),
    ...links.map(({ text, url }) => `${text}: ${url}`),
    ...(lastWords === undefined ? [] : [`${lastWords.title}:`, ...lastWords.lines]),
  ];
  return {
    lastWords: null,
    ...message,
    id,
    loop,
    key: group === undefined ? alert.group?.members[0]?.name ?? name : groupName(alert, group, details),
    group: group ?? null,
    notification,
    cluster: context.cluster ?? null,
    text: lines.join("\n"),
    details,
    update: JSON.parse(lastEvent),
  };
}

const time = "2026-11-24T03:42:54Z";

const details: AlertDetails = {
  Status: "looping",
  Rule: "failures",
  Loop: "0123456789abcdef0123456789abcdef",
  Key: {
    Namespace: "default",
    JobID: "web",
    TaskGroup: "app",
    Index: 0,
    Task: "server",
    NodeID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
  },
  Failures: 5,
  Missed: 1,
  Since: time,
  FlappingSince: time,
  LastExit: { Time: time, ExitCode: 137, Signal: 9, OutOfMemory: "likely", After: "1.2s" },
  Reason: "exited with 137 (SIGKILL), 5 times since 03:42 UTC",
  NextAttempt: time,
  Node: { ID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8", Name: "client-1" },
  Events: [{ Time: time, Type: "Terminated", DisplayMessage: 'Exit Code: 137, "killed"\n' }],
  Change: {
    JobVersion: 7,
    Submitted: time,
    Image: "web:7",
    Deployment: {
      ID: "0bb6e3b4-3d5c-4d2e-8a0e-6b0d3f1e2c4a",
      Status: "failed",
      Description: 'Failed: "deadline"',
    },
    Previous: { JobVersion: 6, Stable: true },
  },
  Allocations: { Total: 20, Looping: 3, Running: 17 },
  LastWords: { Stderr: ['panic: "no config"\\', "exit"] },
};

const lastEvent = JSON.stringify({
  Name: "web.app[0]",
  NodeID: details.Node.ID,
  NodeName: "client-1",
  AllocationID: "2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
  Namespace: "default",
  JobID: "web",
  GroupName: "app",
  TaskName: "server",
  TaskEvent: { Type: "Restarting", Time: 1795491774000000000, DisplayMessage: "Task restarting in 1.2s" },
});

const member = {
  loop: details.Loop,
  name: 'default/web.app[0]/"server"',
  status: "active",
  node: "client-1",
  reason: details.Reason,
} as const;

/** A group with all that it can say. */
const group: AlertGroup = {
  cause: "node",
  counts: { active: 3, gaveUp: 1, resolved: 1 },
  jobs: 4,
  speaker: details.Loop,
  members: [member, { ...member, status: "gave-up" }, { ...member, status: "resolved" }],
  tally: {
    namespaces: [{ text: "default", count: 5 }],
    reasons: [{ text: "exited with 137 (SIGKILL)", count: 3 }, { text: "exited with 1", count: 2 }],
    nodes: [{ text: "client-1", count: 5 }],
  },
  node: { ID: details.Node.ID, Name: "client-1", problem: "is down" },
  doubled: true,
};

/** Alerts about one loop: of every reason, with all that they can say. */
const loopSamples: readonly Alert[] = (["first", "repeat", "gave-up", "resolved"] as const).map(
  (reason) => ({
    id: alertId("sample", reason),
    loop: details.Loop,
    name: 'default/web.app[0]/"server"',
    reason,
    lastEvent,
    eventLog: [1795491774000000000n],
    details,
  }),
);

/** Alerts that templates are tried with: of every reason, about a loop and about a group, with all that they can say. */
export const richSamples: readonly Alert[] = [
  ...loopSamples,
  ...loopSamples.map((sample) => ({ ...sample, group })),
  { ...loopSamples[1]!, reason: "update", group },
];

const { node: _node, doubled: _doubled, speaker: _speaker, ...rest } = group;
const { node: _on, ...bareMember } = member;
const bareGroup: AlertGroup = { ...rest, cause: "job", members: [bareMember, bareMember] };

/** The same with as little as an alert can say: `details` follow from an update without fields. */
export const bareSamples: readonly Alert[] = richSamples.map(({ details: _, group, ...sample }) => ({
  ...sample,
  ...(group === undefined ? {} : { group: bareGroup }),
  lastEvent: "{}",
}));
