// Builds the response of /api/v1/jobs: the rows of a list, grouped, of which only those asked for are written.
import { withoutCount } from "../../detection/alert/details.ts";
import type { LoopHistory } from "../history/history.ts";
import { nowOf, type RuntimeInfo } from "../runtime_info.ts";
import type { GroupView, JobsView, LoopView, RowView } from "../view.ts";
import {
  groupLoops,
  type Groups,
  type JobGroup,
  jobNameOf,
  type Member,
  newestFirst,
  type NodeGroup,
  type Viewed,
  worstFirst,
} from "./job_groups.ts";
import { type JobsQuery, readJobsQuery } from "./query.ts";

/** Names of jobs or nodes that a group lists. */
const maxNames = 5;

/** A row that is not written yet. */
type Row<L extends Viewed> =
  | { readonly level: number; readonly node: NodeGroup<L> }
  | { readonly level: number; readonly job: JobGroup<L> }
  | { readonly level: number; readonly member: Member<L> };

/** `GET /api/v1/jobs`. @throws {RangeError} if a parameter is wrong; the message says how. */
export function jobsView(
  parameters: URLSearchParams,
  runtime: RuntimeInfo,
  history: LoopHistory,
): JobsView {
  const now = nowOf(runtime);
  return rowsOf(history.loops(), readJobsQuery(parameters), (loop) => history.view(loop, now));
}

/** The rows of these loops; `view` is asked for the loops that are shown. */
export function rowsOf<L extends Viewed>(
  loops: Iterable<L>,
  query: JobsQuery,
  view: (loop: L) => LoopView,
): JobsView {
  const groups = groupLoops(loops, query);
  const rows = rowsInOrder(groups, query);
  return {
    total: rows.length,
    loops: groups.loops,
    muted: groups.muted,
    allMuted: groups.allMuted,
    rows: rows.slice(query.offset, query.offset + query.limit).map((row) =>
      rowView(row, query, groups, view)
    ),
  };
}

function rowsInOrder<L extends Viewed>({ nodes, jobs }: Groups<L>, query: JobsQuery): Row<L>[] {
  const rows: Row<L>[] = [];
  const order = query.sort === "worst" ? worstFirst : newestFirst;
  const addJob = (job: JobGroup<L>, level: number) => {
    if (job.members.length === 1) return void rows.push({ level, member: job.members[0]! });
    rows.push({ level, job });
    if (!isOpen(job, query)) return;
    for (const member of job.members.sort(order)) rows.push({ level: level + 1, member });
  };
  for (const node of nodes) {
    rows.push({ level: 0, node });
    if (isOpen(node, query)) { for (const job of node.jobs) addJob(job, 1); }
  }
  for (const job of jobs) addJob(job, 0);
  return rows;
}

/** Groups are closed; what a search text finds is shown. */
function isOpen({ key }: { readonly key: string }, { q, toggled }: JobsQuery): boolean {
  return toggled.has(key) !== (q !== "");
}

function rowView<L extends Viewed>(
  row: Row<L>,
  query: JobsQuery,
  { gaveUp }: Groups<L>,
  view: (loop: L) => LoopView,
): RowView {
  const { level } = row;
  if ("member" in row) return { kind: "loop", level, loop: view(row.member.loop) };
  if ("job" in row) {
    const { key, members } = row.job;
    const summary = summaryOf(members, 1, view);
    const { worst } = summary;
    return {
      kind: "job",
      level,
      key,
      open: isOpen(row.job, query),
      name: jobNameOf(worst),
      namespace: worst.namespace,
      gaveUp: gaveUp.get(key) ?? 0,
      ...summary,
    };
  }
  const { key, cause, jobs } = row.node;
  const members = jobs.flatMap((job) => job.members);
  return {
    kind: "node",
    level,
    key,
    open: isOpen(row.node, query),
    // Its own count has the resolved loops too.
    name: cause.text.replace(/: \d+ loops?$/, ""),
    namespace: null,
    gaveUp: jobs.reduce((sum, { key }) => sum + (gaveUp.get(key) ?? 0), 0),
    ...summaryOf(members, jobs.length, view),
  };
}

type Summary = Omit<GroupView, "kind" | "level" | "key" | "open" | "name" | "namespace" | "gaveUp">;

function summaryOf<L extends Viewed>(
  members: readonly Member<L>[],
  jobs: number,
  view: (loop: L) => LoopView,
): Summary {
  const first = members.reduce((a, b) => worstFirst(a, b) <= 0 ? a : b);
  const worst = view(first.loop);
  const views = members.map(({ loop }) => loop.view);
  const muted = views.filter((one) => one.muted !== null);
  const starts = views.map(({ since }) => Date.parse(since));
  const earliest = views[starts.indexOf(starts.reduce((a, b) => Math.min(a, b)))]!;
  const newest = members.reduce((a, b) => a.at >= b.at ? a : b).loop.view;
  const [reason, reasonLoops] = mostFrequent(members.map(({ loop }) => kindOf(loop)));
  const nodes = new Set(views.flatMap(({ node }) => node ?? []));
  const [because, becauseLoops] = mostFrequent(muted.map((one) => one.muted!));
  return {
    jobNames: [...new Set(views.map(jobNameOf))].slice(0, maxNames),
    jobs,
    nodeNames: [...nodes].slice(0, maxNames),
    nodes: nodes.size,
    loops: views.length,
    muted: muted.length,
    critical: views.filter(({ severity }) => severity === "critical").length,
    worst,
    since: earliest.since,
    newest: newest.resolvedAt ?? newest.gaveUpAt ?? newest.since,
    reason,
    reasonLoops,
    mutedBecause: becauseLoops === views.length ? because : null,
    storm: views.every(({ cause }) => cause?.kind === "storm"),
  };
}

/** The most frequent text and how often it is there; of none an empty one. */
function mostFrequent(texts: readonly string[]): [text: string, count: number] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  let most: [string, number] = ["", 0];
  for (const entry of counts) if (entry[1] > most[1]) most = entry;
  return most;
}

/** The reason without the times and numbers in which loops of one cause differ. */
function kindOf(loop: Viewed): string {
  const { reason } = loop.view;
  if (loop.reasonKind?.of !== reason) loop.reasonKind = { of: reason, kind: withoutNumbers(reason) };
  return loop.reasonKind.kind;
}

function withoutNumbers(reason: string): string {
  return withoutCount(reason)
    .replace(/; Nomad tries again in .*$/, "")
    .replace(/ after [\d.]+ (?:ns|µs|ms|s|min|h)(?: \d+ (?:s|min))*(?=[,;]|$)/, "")
    .replace(/ since (?:\d{4}-\d\d-\d\d )?\d\d:\d\d (?:UTC|[+-]\d\d:\d\d)$/, "");
}
