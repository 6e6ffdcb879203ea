// What a person reads of a group, where it has several loops: title and reason. No clock, no I/O.
import { cut } from "../../lib/cut.ts";
import { aroundIndex } from "../decode/task_key.ts";
import { type AlertGroup, maxTally, type Tally } from "../groups/group.ts";
import type { Alert } from "./alert.ts";
import { type AlertDetails, shortId, withoutCount } from "./details.ts";

/** The group that an alert is about; undefined where it is about one loop, which a job's group can have. */
export function groupOf({ group }: Alert): AlertGroup | undefined {
  return group === undefined || (group.cause === "job" && totalOf(group) === 1) ? undefined : group;
}

/** What the names of its loops have in common, before and after the index; undefined for children of a job, which have
 * names of their own. */
export function nameAround(
  { members }: AlertGroup,
  key: AlertDetails["Key"],
): readonly [before: string, after: string] | undefined {
  const [around, ...others] = new Set(members.map(({ name }) => aroundIndex(name, key).join("\n")));
  const [before, after] = (around ?? "").split("\n");
  return around === undefined || others.length > 0 ? undefined : [before!, after!];
}

/** How many loops it has. */
export function totalOf({ counts: { active, gaveUp, resolved } }: AlertGroup): number {
  return active + gaveUp + resolved;
}

/** What it is that loops: `shop/web.app/server`, a node, or the jobs. */
export function groupName(alert: Alert, group: AlertGroup, { Key, Node }: AlertDetails): string {
  // The group's own name ends in an id, which no other group has.
  if (group.cause === "job") {
    return nameAround(group, Key)?.join("") ?? alert.name.replace(/ #[0-9a-f]+$/, "");
  }
  if (group.cause === "storm") return several(group.jobs, "job");
  const { ID, Name } = group.node ?? Node;
  return Name ?? shortId(ID);
}

/** What, where, how many, since when. */
export function groupTitle(alert: Alert, group: AlertGroup, details: AlertDetails, since: string): string {
  const name = groupName(alert, group, details);
  if (group.cause === "job") return jobTitle(alert, group, details, name, since);
  const { reason } = alert;
  const { gaveUp, resolved } = group.counts;
  const total = totalOf(group);
  const jobs = several(group.jobs, "job");
  const still = reason === "repeat" ? "still " : "";
  const all = several(total, "crash loop");
  const some = (count: number) => count === total ? `all ${all}` : `${count} of ${all}`;
  const left = `${total - resolved} of ${all} in ${jobs} are ${still}unresolved, since ${since}`;
  if (group.cause === "storm") {
    if (reason === "resolved") return `All ${all} in ${jobs} since ${since} are resolved`;
    if (reason === "gave-up") return `Nomad gave up ${some(gaveUp)} in ${jobs} since ${since}`;
    if (resolved > 0) return left;
    return `${all} in ${jobs}${still === "" ? " since" : " are still unresolved, since"} ${since}`;
  }
  const loop = (not = "") => `${not}crash-loop${group.jobs === 1 ? "s" : ""}`;
  const loops = several(total, "loop");
  if (reason === "resolved") {
    return `${jobs} ${loop("no longer ")} on node ${name}: all ${loops} since ${since} are resolved`;
  }
  if (reason === "gave-up") return `Nomad gave up ${some(gaveUp)} on node ${name}, in ${jobs} since ${since}`;
  const problem = group.node?.problem;
  if (resolved > 0) {
    const where = problem === undefined ? `On node ${name}, ` : `${name} ${problem}: `;
    return where + left;
  }
  return problem === undefined
    ? `${jobs} ${still}${loop()} on node ${name}: ${loops} since ${since}`
    : `${name} ${problem}, and ${jobs} ${still}${loop()} there: ${loops} since ${since}`;
}

function jobTitle(
  { reason }: Alert,
  group: AlertGroup,
  { Allocations, FlappingSince }: AlertDetails,
  name: string,
  since: string,
): string {
  const { active, gaveUp } = group.counts;
  const count = reason === "resolved" ? totalOf(group) : reason === "gave-up" ? gaveUp : active + gaveUp;
  const all = Allocations?.Total;
  const counted = all !== undefined && all >= count
    ? `${count} of ${several(all, "allocation")}`
    : several(count, "allocation");
  if (reason === "resolved") return `${name} no longer crash-loops: ${counted} did since ${since}`;
  if (reason === "gave-up") return `${name} was given up by Nomad: ${counted} since ${since}`;
  const still = reason === "repeat" ? "still " : "";
  const loops = FlappingSince === undefined ? `is ${still}crash-looping` : "is flapping";
  return `${name} ${loops}: ${counted} since ${since}`;
}

/** Maximum reasons that the sentence has. */
export const maxReasons = 3;

/** Why: what all have in common, or how many have which reason. */
export function groupReason({ reason }: Alert, group: AlertGroup, details: AlertDetails): string {
  const own = reasonOf(details.Reason);
  if (reason === "resolved") return `The last of them: ${own}`;
  const { reasons } = group.tally;
  return reasons.length <= 1 ? own : tallied(group, reasons, reasonOf, "for other reasons", maxReasons);
}

/** A reason without what is so of one loop only: how often, since when, when Nomad tries again. */
export function reasonOf(text: string): string {
  return withoutCount(text).replace(/; Nomad tries again in [^;]*$/, "");
}

/** Maximum characters of a list, and of one text in it. */
export const maxList = 300;
export const maxText = 100;

/** `14 exited with 1, 6 ran out of memory`, most frequent first, as many as fit. */
export function tallied(
  group: AlertGroup,
  tally: readonly Tally[],
  words: (text: string) => string,
  others: string,
  most = maxTally,
): string {
  const shown: string[] = [];
  let length = 0;
  // The rarest have no count where there are more than are counted.
  let rest = tally.length < maxTally ? tally.reduce((sum, { count }) => sum + count, 0) : totalOf(group);
  for (const { text, count } of tally.slice(0, most)) {
    const one = `${count} ${cut(words(text), maxText)}`;
    length += one.length + 2;
    if (length > maxList && shown.length > 0) break;
    shown.push(one);
    rest -= count;
  }
  return [...shown, ...(rest > 0 ? [`${rest} ${others}`] : [])].join(", ");
}

/** `1 job`, `5 jobs`. */
function several(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
