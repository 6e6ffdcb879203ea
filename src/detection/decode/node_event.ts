// An update about a node: it is down, or lost a driver, or nothing is wrong with it any more. The source `nomad` writes
// such updates; no rule counts them.
import type { NodeEvent } from "../event.ts";
import { isObject, textOf } from "./fields.ts";
import type { Read } from "./update.ts";

/** What the update says about a node; undefined if it is about something else. */
export function nodeEventOf({ update, time, text, type }: Read): NodeEvent | undefined {
  const { Node } = update;
  if (type !== "Node Changed" || !isObject(Node)) return undefined;
  const ID = textOf(update.NodeID);
  return {
    kind: "node",
    name: `node ${ID}`,
    time,
    node: { ID, Name: textOf(update.NodeName) },
    problem: textOf(Node.Problem) || undefined,
    update: text,
  };
}
