// An update about a node: it is down, or lost a driver, or nothing is wrong with it any more. The source `nomad` writes
// such updates; no rule counts them.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { NodeEvent } from "../event.ts";
import { type Fields, isObject, textOf } from "./fields.ts";

/** What is read of an update: part of the type `Read` of update.ts. */
interface ReadUpdate {
  readonly type: string;
  readonly time: Nanoseconds;
  readonly update: Fields;
  readonly text: string;
}

/** What the update says about a node; undefined if it is about something else. */
export function nodeEventOf({ update, time, text, type }: ReadUpdate): NodeEvent | undefined {
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
