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
    const one = nodes.length === 1 && nodes[0]!.count === totalOf(group);
    return [
      ["Namespace", Key.Namespace],
      ["Job", Key.JobID],
      ["Group", Key.TaskGroup],
      ["Task", Key.Task ?? lastUpdateOf(alert).task],
      state,
      one ? ["Node", nodeWords(Node)] : ["Nodes", onNodes(group)],
      ["Allocations", listed(group, allocationWords(group, Key), one || Key.NodeID ? undefined : onNode)],
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
  return [...rows, ["Nodes", onNodes(group)], ["Loops", listed(group, ({ name }) => name, onNode)]];
}

function onNode({ node }: GroupMember): string | undefined {
  return node;
}

/** `18 active, 2 resolved`. */
function stateOf({ counts: { active, gaveUp, resolved } }: AlertGroup): string {
  return [[gaveUp, "given up"], [active, "active"], [resolved, "resolved"]]
    .filter(([count]) => count !== 0).map((part) => part.join(" ")).join(", ");
}

function onNodes(group: AlertGroup): string {
  return tallied(group, group.tally.nodes, (text) => `on ${text}`, "on others");
}

/** `[3]`; of a system job, which has one on each node, the node; of children of a job, their names. */
function allocationWords(group: AlertGroup, key: AlertDetails["Key"]): (member: GroupMember) => string {
  const around = nameAround(group, key);
  return ({ name, node }) => {
    if (key.NodeID !== undefined && node !== undefined) return node;
    return around && /^\[\d+\]/.exec(name.slice(around[0].length))?.[0] || name;
  };
}

/** The members, as many as fit: `a, b (resolved), … and 37 more`; by their places: `client-1: a, b; client-2: c`. */
function listed(
  group: AlertGroup,
  text: (member: GroupMember) => string,
  placeOf: (member: GroupMember) => string | undefined = () => undefined,
): string {
  const { counts: { active, gaveUp } } = group;
  const words = {
    active: "",
    "gave-up": " (given up)",
    resolved: active + gaveUp === 0 ? "" : " (resolved)",
  };
  const places = new Map<string, string[]>();
  let [shown, length] = [0, 0];
  for (const member of group.members) {
    const one = cut(text(member), maxText) + words[member.status];
    const place = cut(placeOf(member) ?? "", maxText);
    length += one.length + 2 + (places.has(place) ? 0 : place.length + 2);
    if (length > maxList && shown > 0) break;
    shown++;
    places.set(place, [...places.get(place) ?? [], one]);
  }
  const lists = [...places].map(([place, ones]) => `${place === "" ? "" : `${place}: `}${ones.join(", ")}`);
  const more = totalOf(group) - shown;
  return lists.join("; ") + (more > 0 ? `, … and ${more} more` : "");
}

/** Where to look further. */
export function groupLinks(
  group: AlertGroup,
  { Key, Node }: AlertDetails,
): readonly { readonly text: string; readonly of: "nomadUi" | "page"; readonly path: string }[] {
  if (group.cause === "storm") return [{ text: "All loops", of: "page", path: "/" }];
  const { ID, Name } = group.node ?? Node;
  if (group.cause === "job") {
    return [{ text: "All loops", of: "page", path: pathOf(nameAround(group, Key)?.[0] ?? "") }];
  }
  return [
    { text: "Node in Nomad", of: "nomadUi", path: `/ui/clients/${encodeURIComponent(ID)}` },
    { text: "All loops", of: "page", path: pathOf(Name ?? ID) },
  ];
}

/** The page's list of what a text is found in. */
function pathOf(text: string): string {
  return text === "" ? "/" : `/?q=${encodeURIComponent(text)}`;
}
