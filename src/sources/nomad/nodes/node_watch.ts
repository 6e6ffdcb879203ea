// Watches the nodes over all sessions: what events and the list of nodes show of their status and their drivers. A change
// becomes an update.
import { Buffer } from "node:buffer";
import type { NomadClient } from "../../../clients/nomad/client.ts";
import { asFault } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import type { Background } from "../jobs/background.ts";
import { JsonArraySplitter } from "../stream/json_array.ts";
import type { NewEvent } from "../tracking/new_event.ts";

/** Milliseconds without a byte, and maximum bytes of the list, of which one node at a time is in memory. */
const idleTimeout = 10_000;
const maxListBytes = 2 ** 30;

type Fields = Readonly<Record<string, unknown>>;

/** An event of the topic Node. */
export interface NodeChange {
  /** `NodeRegistration`, `NodeDeregistration`, `NodeStreamEvent` and others. */
  readonly type: string;
  readonly node: Fields;
}

/** What is known of a node. */
interface Known {
  readonly name: string;
  readonly problem: string | undefined;
  /** Raft index of its last change: lists and events overlap. */
  readonly index: number;
  /** Drivers that it had. */
  readonly had: ReadonlySet<string>;
}

/** What a watch needs. */
export interface NodeWatchContext {
  readonly client: NomadClient;
  readonly log: Log;
}

/** Watches nodes. */
export class NodeWatch {
  readonly #client: NomadClient;
  readonly #log: Log;
  readonly #nodes = new Map<string, Known>();
  #warned = false;

  constructor({ client, log }: NodeWatchContext) {
    this.#client = client;
    this.#log = log;
  }

  /** Takes an event. */
  take({ type, node }: NodeChange): NewEvent[] {
    return type === "NodeDeregistration" ? this.#forget(textOf(node.ID)) : this.#take(node);
  }

  /** Reads the list of all nodes, in the background: what happened to them unseen. */
  list(background: Background): void {
    background.ask((signal) => this.#list(signal));
  }

  async #list(signal: AbortSignal): Promise<NewEvent[]> {
    const listed = new Set<string>();
    const found: NewEvent[] = [];
    // A node that comes while the list is read need not be in it.
    const before = [...this.#nodes.keys()];
    try {
      const { body } = await this.#client.get({
        path: "/v1/nodes",
        idleTimeout,
        maxBytes: maxListBytes,
        signal,
      });
      const elements = new JsonArraySplitter(this.#client.where, "nodes");
      for await (const chunk of body) {
        for (const element of elements.push(chunk)) {
          const node = JSON.parse(Buffer.from(element).toString());
          if (!isObject(node)) continue;
          listed.add(textOf(node.ID));
          found.push(...this.#take(node));
        }
      }
      elements.end();
    } catch (error) {
      if (!signal.aborted) this.#warn(asFault(error).message);
      return found;
    }
    return [...found, ...before.filter((id) => !listed.has(id)).flatMap((id) => this.#forget(id))];
  }

  #warn(reason: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warning("source nomad: cannot list nodes, so a node that is down may go unseen: {reason}", {
      reason,
    });
  }

  /** A node that is met for the first time is passed on even if it is well: it may not have been at the last start. */
  #take(node: Fields): NewEvent[] {
    const id = textOf(node.ID);
    if (id === "") return [];
    const before = this.#nodes.get(id);
    const index = typeof node.ModifyIndex === "number" ? node.ModifyIndex : 0;
    if (before !== undefined && index < before.index) return [];
    const { problem, had } = judge(node, before?.had ?? new Set());
    const name = textOf(node.Name);
    this.#nodes.set(id, { name, problem, index, had });
    return before === undefined || before.problem !== problem ? [writeNode(id, name, problem)] : [];
  }

  #forget(id: string): NewEvent[] {
    const known = this.#nodes.get(id);
    this.#nodes.delete(id);
    return known?.problem === undefined ? [] : [writeNode(id, known.name, undefined)];
  }
}

/** What is wrong with a node, in words after its name, and the drivers that it has or had. */
function judge(
  { Status, Drivers }: Fields,
  had: ReadonlySet<string>,
): { readonly problem: string | undefined; readonly had: ReadonlySet<string> } {
  const drivers = Object.entries(isObject(Drivers) ? Drivers : {}).filter(([, driver]) =>
    isObject(driver)
  ) as [
    string,
    Fields,
  ][];
  const works = drivers.filter(([, { Detected, Healthy }]) => Detected === true && Healthy === true);
  const detected = drivers.filter(([, { Detected }]) => Detected === true);
  const has = new Set([...had, ...detected.map(([driver]) => driver)]);
  if (Status === "down" || Status === "disconnected") return { problem: `is ${Status}`, had: has };
  const lost = [...has].filter((driver) => !works.some(([name]) => name === driver)).sort();
  if (lost.length === 0) return { problem: undefined, had: has };
  return { problem: `lost its driver${lost.length === 1 ? "" : "s"} ${lost.join(" and ")}`, had: has };
}

/** Writes the change of a node as an update. */
function writeNode(id: string, name: string, problem: string | undefined): NewEvent {
  const time = Date.now() * 1e6;
  const text = `{"Name":${JSON.stringify(name || id)},"AllocationID":"","NodeID":${JSON.stringify(id)},` +
    `"NodeName":${JSON.stringify(name)},"TaskEvent":{"Type":"Node Changed","Time":${BigInt(time)}},` +
    `"Node":${JSON.stringify({ Problem: problem })}}`;
  return { text, time };
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
