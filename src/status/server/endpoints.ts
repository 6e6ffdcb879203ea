// The paths of the status server: a table that routes requests and yields the README's table.
import { type Answer, text } from "./answer.ts";

/** A path and what it answers. */
export interface Endpoint {
  /** `<…>` matches the rest of the path. */
  readonly path: string;
  readonly help: string;
  /** Needs no token, since it says nothing about the cluster. */
  readonly open?: boolean;
  /** Is answered no matter how many requests are open. */
  readonly always?: boolean;
}

/** What an endpoint reads of a request. */
interface RouteRequest {
  readonly url: URL;
  /** The part of the path that matches `<…>`, decoded. */
  readonly rest: string;
}

/** Answers the requests; the status server. */
export interface Answers {
  status(): Answer;
  page(name: string): Answer;
  metrics(): Answer;
  ready(): Answer;
  loops(url: URL): Answer;
  jobs(url: URL): Answer;
  allocation(key: string): Answer;
  events(): Answer | "events";
}

type Route = Endpoint & { answer(server: Answers, request: RouteRequest): Answer | "events" };

const routes: readonly Route[] = [
  { path: "/", help: "the page", open: true, answer: (server) => server.page("index.html") },
  {
    path: "/page/<file>",
    help: "files of the page",
    open: true,
    answer: (server, { rest }) => server.page(rest),
  },
  {
    path: "/allocation/<name>",
    help: "the page of one loop",
    open: true,
    answer: (server) => server.page("index.html"),
  },
  {
    path: "/metrics",
    help: "metrics for Prometheus, at most 50 ms old",
    answer: (server) => server.metrics(),
  },
  {
    path: "/livez",
    help: "200 while the process answers",
    open: true,
    always: true,
    answer: () => text(200, "ok\n"),
  },
  {
    path: "/readyz",
    help:
      "200 if the source is connected and no sink, nor the state, has been down for more than a minute; otherwise 503 with one reason per line",
    open: true,
    always: true,
    answer: (server) => server.ready(),
  },
  {
    path: "/api/v1/status",
    help: "the rule, the health of source and sinks, and message counts",
    answer: (server) => server.status(),
  },
  {
    path: "/api/v1/loops",
    help:
      "loops, at most 50 ms old; `status=looping`, `gave-up` or `resolved`, `q=` a search text, `sort=newest` or `worst`, `offset=0`, `limit=100` (1,000 at most)",
    answer: (server, { url }) => server.loops(url),
  },
  {
    path: "/api/v1/jobs",
    help:
      "loops grouped by job, and by the node that causes them, as the page lists them; parameters as above, `status=looping` if it is left out, and `toggled=` a key of a group, any number of times",
    answer: (server, { url }) => server.jobs(url),
  },
  {
    path: "/api/v1/allocations/<name>",
    help:
      "one loop, its last 200 events and what was asked about it, by name, loop id or allocation id, percent-encoded",
    answer: (server, { rest }) => server.allocation(rest),
  },
  {
    path: "/api/v1/events",
    help:
      "server-sent events: `status` at once and every 5 s; `loop`, `gave-up` and `resolved` when a loop changes, each loop at most once a second",
    answer: (server) => server.events(),
  },
];

/** Every endpoint, as the README lists it. */
export const endpoints: readonly Endpoint[] = routes;

/** The endpoint of a path, and the part that matches `<…>`, still encoded. */
export function findEndpoint(path: string): { endpoint: Route; rest: string } | undefined {
  for (const endpoint of routes) {
    const open = endpoint.path.indexOf("<");
    if (
      open < 0 ? path === endpoint.path : path.startsWith(endpoint.path.slice(0, open)) && path.length > open
    ) {
      return { endpoint, rest: open < 0 ? "" : path.slice(open) };
    }
  }
  return undefined;
}
