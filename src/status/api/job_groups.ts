// Puts loops together that are of one job, group and task, and these jobs under the node that is their cause. Pure.
import type { CauseView, LoopView } from "../view.ts";
import { type JobsQuery, matches, newestOf } from "./query.ts";

/** What has a view: a loop of the history. */
export interface Viewed {
  readonly view: LoopView;
  /** Its name without the index, and its reason without numbers, kept since working them out takes longest. */
  jobName?: string | undefined;
  reasonKind?: { readonly of: string; readonly kind: string } | undefined;
}

/** Loops, or groups of them, in order of their place in the list. */
interface Ranked {
  /** All of it is muted. */
  muted: boolean;
  /** The highest count, and the newest time in milliseconds, of loops that are not muted if there are any. */
  count: number;
  at: number;
}

/** A loop with its place in the list. */
export interface Member<L extends Viewed> extends Ranked {
  readonly loop: L;
}

/** The loops of one job. */
export interface JobGroup<L extends Viewed> extends Ranked {
  readonly key: string;
  readonly members: Member<L>[];
}

/** The jobs that one node causes to loop. */
export interface NodeGroup<L extends Viewed> extends Ranked {
  readonly key: string;
  readonly cause: CauseView;
  readonly jobs: JobGroup<L>[];
}

/** All groups of a list in order, and what is counted beside them. */
export interface Groups<L extends Viewed> {
  readonly nodes: NodeGroup<L>[];
  readonly jobs: JobGroup<L>[];
  readonly loops: number;
  readonly muted: number;
  readonly allMuted: number;
  /** Of a list of active loops: loops that Nomad has given up, by the key of their job. */
  readonly gaveUp: ReadonlyMap<string, number>;
}

/** Groups the loops that match. */
export function groupLoops<L extends Viewed>(loops: Iterable<L>, { status, q, sort }: JobsQuery): Groups<L> {
  const jobs = new Map<string, JobGroup<L>>();
  const nodes = new Map<string, NodeGroup<L>>();
  const gaveUp = new Map<string, number>();
  let [count, muted, allMuted] = [0, 0, 0];
  for (const loop of loops) {
    const { view } = loop;
    if (view.status === "gave-up" && status === "looping") {
      const key = keyOf(loop);
      gaveUp.set(key, (gaveUp.get(key) ?? 0) + 1);
    }
    if (view.status !== status) continue;
    const isMuted = view.muted !== null;
    if (isMuted) allMuted++;
    if (!matches(view, q)) continue;
    count++;
    if (isMuted) muted++;
    const key = keyOf(loop);
    let job = jobs.get(key);
    if (job === undefined) {
      jobs.set(key, job = { key, members: [], muted: true, count: 0, at: -Infinity });
      const cause = nodeOf(view);
      if (cause !== null) nodeGroup(nodes, cause).jobs.push(job);
    }
    const member = { loop, muted: isMuted, count: view.count, at: newestOf(view) };
    job.members.push(member);
    include(job, member);
  }
  const order = sort === "worst" ? worstFirst : newestFirst;
  for (const node of nodes.values()) {
    for (const job of node.jobs) include(node, job);
    node.jobs.sort(order);
    for (const { key } of node.jobs) jobs.delete(key);
  }
  return {
    nodes: [...nodes.values()].sort(order),
    jobs: [...jobs.values()].sort(order),
    loops: count,
    muted,
    allMuted,
    gaveUp,
  };
}

/** The place of a group is that of its foremost loop; loops that are muted count only among themselves. */
function include(group: Ranked, { muted, count, at }: Ranked): void {
  if (muted && !group.muted) return;
  const alone = group.muted && !muted;
  group.muted = muted;
  group.count = alone ? count : Math.max(group.count, count);
  group.at = alone ? at : Math.max(group.at, at);
}

/** Muted ones come last. */
export function worstFirst(a: Ranked, b: Ranked): number {
  if (a.muted !== b.muted) return a.muted ? 1 : -1;
  return b.count - a.count || b.at - a.at;
}

/** Muted ones come last. */
export function newestFirst(a: Ranked, b: Ranked): number {
  if (a.muted !== b.muted) return a.muted ? 1 : -1;
  return b.at - a.at;
}

function nodeGroup<L extends Viewed>(nodes: Map<string, NodeGroup<L>>, cause: CauseView): NodeGroup<L> {
  const known = nodes.get(cause.id);
  if (known !== undefined) return known;
  const node = { key: `node ${cause.id}`, cause, jobs: [], muted: true, count: 0, at: -Infinity };
  nodes.set(cause.id, node);
  return node;
}

/** The node that causes it, while it loops: later it explains nothing that is still so. */
function nodeOf({ status, cause }: LoopView): CauseView | null {
  return status === "looping" && cause?.kind === "node" ? cause : null;
}

/** A job whose loops have several causes is as many groups. */
function keyOf(loop: Viewed): string {
  const job = loop.jobName ??= jobNameOf(loop.view);
  const { cause } = loop.view;
  return cause?.kind === "node" ? `${job} node ${cause.id}` : job;
}

/** The name without its index, and without the node of a system job: the same for all loops of a job, group and task. */
export function jobNameOf({ name, namespace }: LoopView): string {
  const job = name.replace(/\[\d{1,9}\]((?:\/(?:"(?:[^"\\]|\\.)*"|[^/@"]*))?)(?:@[\w-]*)?$/, "$1");
  return namespace === null || job.startsWith(`${namespace}/`) ? job : `${namespace}/${job}`;
}
