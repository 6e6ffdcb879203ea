// Builds the response of /api/v1/loops from the parameters of its query.
import type { LoopHistory } from "../history/history.ts";
import { nowOf, type RuntimeInfo } from "../runtime_info.ts";
import type { LoopsView, LoopView } from "../view.ts";

/** The query of a list of loops. */
interface LoopQuery {
  readonly status: LoopView["status"] | undefined;
  /** In lower case. */
  readonly q: string;
  readonly sort: "newest" | "worst";
  readonly offset: number;
  readonly limit: number;
}

/** `GET /api/v1/loops`. @throws {RangeError} if a parameter is wrong; the message says how. */
export function loopsView(
  parameters: URLSearchParams,
  runtime: RuntimeInfo,
  history: LoopHistory,
): LoopsView {
  const { status, q, sort, offset, limit } = read(parameters);
  const matching = [...history.loops()]
    .filter(({ view }) => (status === undefined || view.status === status) && matches(view, q));
  const keyed = matching.map((loop) => ({
    loop,
    at: Date.parse(loop.view.resolvedAt ?? loop.view.gaveUpAt ?? loop.view.since),
  }));
  keyed.sort((a, b) => (sort === "worst" ? b.loop.view.count - a.loop.view.count : 0) || b.at - a.at);
  const now = nowOf(runtime);
  const shown = keyed.slice(offset, offset + limit).map(({ loop }) => history.view(loop, now));
  return { total: keyed.length, loops: shown };
}

function matches(loop: LoopView, q: string): boolean {
  if (q === "") return true;
  const { name, namespace, job, task, node, allocation, id, reason } = loop;
  return [name, namespace, job, task, node, allocation, id, reason]
    .some((text) => text !== null && text.toLowerCase().includes(q));
}

function read(parameters: URLSearchParams): LoopQuery {
  const known = ["status", "q", "sort", "offset", "limit"];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw new RangeError(
        `unknown parameter ${JSON.stringify(name)}: expected status, q, sort, offset or limit`,
      );
    }
    if (parameters.getAll(name).length > 1) throw new RangeError(`${name}: found it twice; give it once`);
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
