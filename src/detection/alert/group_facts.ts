// The rest of what a person reads of a group, where it has several loops: facts and links. No clock, no I/O.
import { cut } from "../../lib/cut.ts";
import type { AlertGroup, GroupMember } from "../groups/group.ts";
import type { Alert } from "./alert.ts";
import { type AlertDetails, nodeWords } from "./details.ts";
import { lastUpdateOf } from "./details_of.ts";
import { maxList, maxReasons, maxText, nameAround, reasonOf, tallied, totalOf } from "./group_words.ts";

/** The rest, by label; a fact without a value is none. */
export function groupFacts(
  alert: Alert,
  group: AlertGroup,
  details: AlertDetails,
): readonly (readonly [label: string, value: string | undefined])[] {
  const { Key, Node } = details;
  const { namespaces, nodes, reasons } = group.tally;
  const state = ["State", stateOf(group)] as const;
  if (group.cause === "job") {
    const [before] = nameAround(alert, group, Key);
    const one = nodes.length === 1 && nodes[0]!.count === totalOf(group);
    return [
      ["Namespace", Key.Namespace],
      ["Job", Key.JobID],
      ["Group", Key.TaskGroup],
      ["Task", Key.Task ?? lastUpdateOf(alert).task],
      state,
      one ? ["Node", nodeWords(Node)] : ["Nodes", onNodes(group)],
      ["Allocations", listed(group, (member) => allocationOf(member, before, Key, one))],
    ];
  }
  const spaces = namespaces.length === 1
    ? ["Namespace", namespaces[0]!.text] as const
    : ["Namespaces", tallied(group, namespaces, (text) => `in ${text}`, "in others")] as const;
  const why = reasons.length <= maxReasons
    ? undefined
    : tallied(group, reasons, reasonOf, "for other reasons");
  const rows = [spaces, state, ["Reasons", why] as const];
  if (group.cause === "node") {
    return [["Node", nodeWords(group.node ?? Node)], ...rows, ["Loops", listed(group, ({ name }) => name)]];
  }
  return [...rows, ["Nodes", onNodes(group)], [
    "Loops",
    listed(group, ({ name, node }) => node === undefined ? name : `${name} on ${node}`),
  ]];
}

/** `18 active, 2 resolved`. */
function stateOf({ counts: { active, gaveUp, resolved } }: AlertGroup): string {
  return [[gaveUp, "given up"], [active, "active"], [resolved, "resolved"]]
    .filter(([count]) => count !== 0).map((part) => part.join(" ")).join(", ");
}

function onNodes(group: AlertGroup): string {
  return tallied(group, group.tally.nodes, (text) => `on ${text}`, "on others");
}

/** `[3] on client-1`; of a system job, which has one on each node, the node alone. */
function allocationOf(
  { name, node }: GroupMember,
  before: string,
  { NodeID }: AlertDetails["Key"],
  oneNode: boolean,
): string {
  if (NodeID !== undefined && node !== undefined) return node;
  const index = name.startsWith(before) && /^\[\d+\]/.exec(name.slice(before.length))?.[0] || name;
  return node === undefined || oneNode ? index : `${index} on ${node}`;
}

/** The members, as many as fit: `a, b (resolved), … and 37 more`. */
function listed(group: AlertGroup, text: (member: GroupMember) => string): string {
  const { counts: { active, gaveUp } } = group;
  const total = totalOf(group);
  const words = {
    active: "",
    "gave-up": " (given up)",
    resolved: active + gaveUp === 0 ? "" : " (resolved)",
  };
  const shown: string[] = [];
  let length = 0;
  for (const member of group.members) {
    const one = cut(text(member), maxText) + words[member.status];
    length += one.length + 2;
    if (length > maxList && shown.length > 0) break;
    shown.push(one);
  }
  return shown.join(", ") + (shown.length < total ? `, … and ${total - shown.length} more` : "");
}

/** Where to look further. */
export function groupLinks(
  alert: Alert,
  group: AlertGroup,
  { Key, Node }: AlertDetails,
): readonly { readonly text: string; readonly of: "nomadUi" | "page"; readonly path: string }[] {
  if (group.cause === "storm") return [{ text: "Loops", of: "page", path: "/" }];
  const { ID, Name } = group.node ?? Node;
  if (group.cause === "job") {
    return [{ text: "Loops", of: "page", path: pathOf(nameAround(alert, group, Key)[0]) }];
  }
  return [
    { text: "Node in Nomad", of: "nomadUi", path: `/ui/clients/${encodeURIComponent(ID)}` },
    { text: "Loops", of: "page", path: pathOf(Name ?? ID) },
  ];
}

/** The page's list of what a text is found in. */
function pathOf(text: string): string {
  return text === "" ? "/" : `/?q=${encodeURIComponent(text)}`;
}
