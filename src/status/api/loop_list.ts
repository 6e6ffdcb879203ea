// Builds the response of /api/v1/loops from the parameters of its query.
import type { LoopHistory } from "../history/history.ts";
import { nowOf, type RuntimeInfo } from "../runtime_info.ts";
import type { LoopsView } from "../view.ts";
import { matches, newestOf, readLoopQuery } from "./query.ts";

/** `GET /api/v1/loops`. @throws {RangeError} if a parameter is wrong; the message says how. */
export function loopsView(
  parameters: URLSearchParams,
  runtime: RuntimeInfo,
  history: LoopHistory,
): LoopsView {
  const { status, q, sort, offset, limit } = readLoopQuery(parameters);
  const matching = [...history.loops()]
    .filter(({ view }) => (status === undefined || view.status === status) && matches(view, q));
  const keyed = matching.map((loop) => ({ loop, at: newestOf(loop.view) }));
  keyed.sort((a, b) => (sort === "worst" ? b.loop.view.count - a.loop.view.count : 0) || b.at - a.at);
  const now = nowOf(runtime);
  const shown = keyed.slice(offset, offset + limit).map(({ loop }) => history.view(loop, now));
  return { total: keyed.length, loops: shown };
}
