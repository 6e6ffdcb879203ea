// Where active loops are: by node, and by job. No clock, no I/O.
import { minute } from "../../lib/duration.ts";
import type { MemberRow } from "./state.ts";

/** The active loops of all groups, each once. */
export class ActiveLoops {
  readonly #byNode = new Map<string, Set<MemberRow>>();
  /** By job and node: how many there are. */
  readonly #counts = new Map<string, Map<string, number>>();

  add(loop: MemberRow): void {
    const { job, nodeID } = loop;
    const there = this.#byNode.get(nodeID) ?? new Set<MemberRow>();
    this.#byNode.set(nodeID, there.add(loop));
    const nodes = this.#counts.get(job) ?? new Map<string, number>();
    this.#counts.set(job, nodes.set(nodeID, (nodes.get(nodeID) ?? 0) + 1));
  }

  remove(loop: MemberRow): void {
    const { job, nodeID } = loop;
    const there = this.#byNode.get(nodeID)!;
    there.delete(loop);
    if (there.size === 0) this.#byNode.delete(nodeID);
    const nodes = this.#counts.get(job)!;
    const left = nodes.get(nodeID)! - 1;
    if (left > 0) nodes.set(nodeID, left);
    else nodes.delete(nodeID);
    if (nodes.size === 0) this.#counts.delete(job);
  }

  /** The node that all active loops of the job are on; undefined if there are several, or none. */
  onlyNodeOf(job: string): string | undefined {
    const nodes = this.#counts.get(job);
    if (nodes?.size !== 1) return undefined;
    const [node] = nodes.keys();
    return node || undefined;
  }

  /** Those that began on the node within a minute of the last one there, of jobs that loop on no other node. It looks at
   * every loop there. */
  recentOn(node: string): MemberRow[] {
    const there = [...this.#byNode.get(node) ?? []];
    const newest = there.reduce(
      (newest, { begun }) => begun > newest ? begun : newest,
      there[0]?.begun ?? 0n,
    );
    return there.filter(({ begun, job }) => newest - begun < minute && this.onlyNodeOf(job) === node);
  }
}
