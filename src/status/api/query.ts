// Reads the queries of the lists of loops.
import type { LoopView } from "../view.ts";

/** The query of a list of loops. */
export interface LoopQuery {
  readonly status: LoopView["status"] | undefined;
  /** In lower case. */
  readonly q: string;
  readonly sort: "newest" | "worst";
  readonly offset: number;
  readonly limit: number;
}

/** The query of a list of jobs. */
export interface JobsQuery extends LoopQuery {
  readonly status: LoopView["status"];
  /** Keys of groups that are not as they are by default: closed, and open if there is a search text. */
  readonly toggled: ReadonlySet<string>;
}

/** Whether a search text is found in a loop. */
export function matches(loop: LoopView, q: string): boolean {
  if (q === "") return true;
  const { name, namespace, job, task, node, allocation, id, reason, owner } = loop;
  return [name, namespace, job, task, node, allocation, id, reason, owner]
    .some((text) => text !== null && text.toLowerCase().includes(q));
}

/** When it began, or ended, in milliseconds since the Unix epoch. */
export function newestOf({ resolvedAt, gaveUpAt, since }: LoopView): number {
  return Date.parse(resolvedAt ?? gaveUpAt ?? since);
}

/** The query of a list of loops. @throws {RangeError} if a parameter is wrong; the message says how. */
export function readLoopQuery(parameters: URLSearchParams): LoopQuery {
  return read(parameters, []);
}

/** The query of a list of jobs. @throws {RangeError} if a parameter is wrong; the message says how. */
export function readJobsQuery(parameters: URLSearchParams): JobsQuery {
  const query = read(parameters, ["toggled"]);
  return { ...query, status: query.status ?? "looping", toggled: new Set(parameters.getAll("toggled")) };
}

function read(parameters: URLSearchParams, often: readonly string[]): LoopQuery {
  const known = ["status", "q", "sort", "offset", "limit", ...often];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw new RangeError(`unknown parameter ${JSON.stringify(name)}: expected ${listed(known)}`);
    }
    if (parameters.getAll(name).length > 1 && !often.includes(name)) {
      throw new RangeError(`${name}: found it twice; give it once`);
    }
  }
  return {
    status: word(parameters, "status", ["looping", "gave-up", "resolved"] as const),
    q: (parameters.get("q") ?? "").trim().toLowerCase(),
    sort: word(parameters, "sort", ["newest", "worst"] as const) ?? "newest",
    offset: number(parameters, "offset", 0, 0, 1_000_000),
    limit: number(parameters, "limit", 100, 1, 1_000),
  };
}

function word<W extends string>(
  parameters: URLSearchParams,
  name: string,
  words: readonly W[],
): W | undefined {
  const text = parameters.get(name);
  if (text === null || text === "") return undefined;
  const found = words.find((word) => word === text);
  if (found === undefined) {
    throw new RangeError(`${name}: found ${JSON.stringify(text)}; expected ${listed(words)}`);
  }
  return found;
}

/** `a, b or c` */
function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function number(
  parameters: URLSearchParams,
  name: string,
  byDefault: number,
  min: number,
  max: number,
): number {
  const text = parameters.get(name);
  if (text === null || text === "") return byDefault;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new RangeError(
    `${name}: found ${JSON.stringify(text)}; expected a whole number from ${min} to ${max}`,
  );
}
