// What Nomad says of nodes: what is wrong with them, and whether there is only one. No clock, no I/O.
import type { GroupsState, KeptGroups } from "./state.ts";

/** Maximum nodes with a problem; the oldest make room. */
const maxNodes = 10_000;

/** The problems of nodes, in words, by their IDs. */
export class NodeProblems {
  readonly #state: GroupsState;
  readonly #problems = new Map<string, string>();
  /** Some of the cluster's nodes: two are enough. */
  readonly #seen = new Set<string>();

  constructor(state: GroupsState) {
    this.#state = state;
  }

  /** Whether the cluster is known to have one node only, which all loops are on, whatever their cause. */
  get areOfOneNode(): boolean {
    return this.#seen.size === 1;
  }

  /** The cluster has this node. */
  see(node: string): void {
    if (this.#seen.size < 2) this.#seen.add(node);
  }

  get(node: string): string | undefined {
    return this.#problems.get(node);
  }

  /** Notes what is wrong with a node; undefined if nothing is any more. */
  note(node: string, problem: string | undefined): void {
    if (this.#problems.get(node) === problem) return;
    this.#problems.delete(node);
    if (problem !== undefined) this.#problems.set(node, problem);
    this.#state.put("group nodes", node, problem);
    const [oldest] = this.#problems.keys();
    if (this.#problems.size > maxNodes) this.note(oldest!, undefined);
  }

  restore(kept: KeptGroups): void {
    for (const [node, problem] of kept.entries("group nodes")) this.#problems.set(node, problem);
  }
}
