// Which alerts are sent, and which of them a sink gets: globs over namespace/job/group/task. No clock, no I/O.
import { optional, text } from "../../lib/settings/parsers.ts";
import type { Setting } from "../../lib/settings/setting.ts";
import type { Key } from "../decode/task_key.ts";
import type { Alert } from "./alert.ts";
import { detailsOf, lastUpdateOf } from "./details_of.ts";

/** Whether a path matches. */
export type PathFilter = (path: string) => boolean;

/** The namespace of what has none: nomad-firehose reads no other by default. */
const defaultNamespace = "default";

/** `namespace/job/group/task` of what an alert is about. */
export function pathOf(alert: Alert): string {
  const { Key } = detailsOf(alert);
  return pathOfKey({ ...Key, Task: Key.Task ?? lastUpdateOf(alert).task });
}

/** `namespace/job/group/task` of a task. */
export function pathOfKey(
  { Namespace = defaultNamespace, JobID = "", TaskGroup = "", Task = "" }: Partial<Key>,
): string {
  return [Namespace, JobID.replace(childOf, ""), TaskGroup, Task].join("/");
}

/** What Nomad appends to the ID of a periodic or parameterized job for its children. */
const childOf = /\/(?:periodic|dispatch)-[^/]+$/;

/**
 * Globs separated by commas: `*` stands for any characters within a part, `?` for one. A glob with fewer parts
 * matches whatever follows: `prod` is all of a namespace, `prod/web` all of a job.
 * @throws {Error} whose message says what is wrong.
 */
export function parseGlobs(text: string): PathFilter {
  const globs = text.split(",").map((glob) => glob.trim());
  for (const glob of globs) {
    if (glob.split("/").some((part) => part === "")) throw new Error("with an empty part");
    if (glob.split("/").length > 4) throw new Error("with more than four parts");
  }
  const patterns = globs.map((glob) => glob.split("/"));
  return (path) => {
    const parts = path.split("/");
    return patterns.some((pattern) => pattern.every((glob, index) => matchesPart(glob, parts[index] ?? "")));
  };
}

/** A setting that takes such globs. */
export function globs(
  declared: { readonly env: string; readonly help: string; readonly example: string },
): Setting<PathFilter | undefined> {
  const { parse: _, default: __, ...rest } = optional(text(declared, "globs, separated by commas"));
  return { ...rest, parse: parseGlobs };
}

/** A `*` gives up a character at a time, and only the last one does: regular expressions try all combinations. */
function matchesPart(glob: string, text: string): boolean {
  let [inGlob, inText] = [0, 0];
  let [star, taken] = [-1, 0];
  while (inText < text.length) {
    const wanted = glob[inGlob];
    if (wanted === "*") {
      star = inGlob++;
      taken = inText;
    } else if (wanted === "?" || wanted === text[inText]) {
      inGlob++;
      inText++;
    } else if (star >= 0) {
      inGlob = star + 1;
      inText = ++taken;
    } else return false;
  }
  return /^\**$/.test(glob.slice(inGlob));
}
