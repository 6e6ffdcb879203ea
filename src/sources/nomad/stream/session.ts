// One connection to Nomad's event stream, together with the list of all allocations.
import type { NomadClient, NomadResponse } from "../../../clients/nomad/client.ts";
import type { Nanoseconds } from "../../../lib/duration.ts";
import { wallClock } from "../../../lib/time.ts";
import { RefusedToken } from "../../../clients/nomad/errors.ts";
import type { Background } from "../jobs/background.ts";
import type { NewEvent } from "../tracking/new_event.ts";
import { listOf } from "./allocation_list.ts";
import { type Line, linesOf, type OnUnexpected } from "./event_stream.ts";
import { Inbox } from "./inbox.ts";
import type { Allocation } from "../tracking/allocation.ts";
import type { Timeouts } from "../timeouts.ts";

/** Maximum decompressed bytes of the list: millions of allocations, of which one at a time is in memory. */
const maxListBytes = 16 * 2 ** 30;

/** An event of a session. */
export type SessionEvent =
  | { readonly kind: "lines"; readonly lines: readonly Line[] }
  | { readonly kind: "listed"; readonly allocations: Iterable<Allocation> }
  /** The list is complete. */
  | { readonly kind: "end of list" }
  /** Findings of a query in the background. */
  | { readonly kind: "found"; readonly events: readonly NewEvent[] };

const nodeTopic = "Node";

/** What a session needs. */
export interface SessionContext {
  readonly client: NomadClient;
  readonly namespace: string;
  /** Raft index from which the stream resumes; undefined for everything that Nomad still has. */
  readonly index: number | undefined;
  /** Topics of the stream about jobs, to which it subscribes as well if the token may. */
  readonly jobTopics: readonly string[];
  /** Subscribe to the topic Node as well. */
  readonly withNodes: boolean;
  readonly timeouts: Timeouts;
  readonly stop: AbortSignal;
  /** Called whenever the stream delivers something, heartbeats included. */
  onReceived?(): void;
  /** Called once with a value that should be an allocation but is unusable. */
  onUnexpected(found: unknown): void;
}

/**
 * An open stream and a list. The stream is subscribed before the list is requested, so changes in between are in both,
 * and none is in neither.
 */
export class Session implements AsyncDisposable {
  /** Aborted when the program stops. */
  readonly stop: AbortSignal;
  readonly list: AsyncGenerator<Iterable<Allocation>>;
  readonly #timeouts: Timeouts;
  readonly #lines: AsyncGenerator<Line[]>;
  /** The raft index of the list; undefined if the response has none. */
  readonly listIndex: number | undefined;
  /** Whether the stream delivered anything but heartbeats. */
  sawEvents = false;
  /** When the stream last delivered something. */
  receivedAt: Nanoseconds = 0n;
  /** Whether Nomad refused the topics of jobs, but not Allocation. */
  refusesTopics = false;
  /** Whether it sends events of nodes, and whether Nomad refused these. */
  hasNodes = false;
  refusesNodes = false;
  readonly #onReceived: () => void;
  readonly #stream: NomadResponse;
  readonly #listing: NomadResponse;

  private constructor(
    { timeouts, stop, onReceived }: SessionContext,
    lines: AsyncGenerator<Line[]>,
    stream: NomadResponse,
    listing: NomadResponse,
    list: AsyncGenerator<Iterable<Allocation>>,
  ) {
    this.stop = stop;
    this.#timeouts = timeouts;
    this.#onReceived = () => onReceived?.();
    this.#lines = lines;
    this.#stream = stream;
    this.#listing = listing;
    this.list = list;
    const index = Number(listing.header("x-nomad-index"));
    // A new server returns 0.
    this.listIndex = listing.header("x-nomad-index") && index >= 0 ? index : undefined;
  }

  /** @throws {Fault} if Nomad does not answer, or refuses. */
  static async open(context: SessionContext): Promise<Session> {
    const { client, namespace, jobTopics, withNodes, timeouts, stop } = context;
    const onUnexpected = once(context.onUnexpected);
    const { topics, stream, lines } = await subscribeToMost(context, onUnexpected);
    try {
      const listing = await client.get({
        path: "/v1/allocations",
        query: { namespace, task_states: "true" },
        idleTimeout: timeouts.idle,
        signal: stop,
        maxBytes: maxListBytes,
      });
      const list = listOf(listing.body, client.where, onUnexpected);
      const session = new Session(context, lines, stream, listing, list);
      session.hasNodes = topics.includes(nodeTopic);
      session.refusesNodes = withNodes && !session.hasNodes;
      session.refusesTopics = jobTopics.some((topic) => !topics.includes(topic));
      return session;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /**
   * Everything that comes, in the order in which it comes, until the connection is to be renewed. The list is not read
   * before the stream has caught up with it: lines show each event on its way, the list only the last ten of a task.
   */
  async *events(background: Background): AsyncGenerator<SessionEvent> {
    const renewAt = performance.now() + this.#timeouts.renewal;
    const inbox = new Inbox<SessionEvent>();
    let phase: "catching up" | "listing" | "streaming" = "catching up";
    inbox.expect(this.#nextLines());
    inbox.expect(nextFound(background));
    while (phase !== "streaming" || performance.now() < renewAt) {
      const event = await inbox.take(phase === "catching up" ? this.#timeouts.catchUp : undefined);
      if (event !== undefined) yield event;
      if (event?.kind === "found") inbox.expect(nextFound(background));
      else if (event?.kind === "lines") inbox.expect(this.#nextLines());
      else if (event?.kind === "listed") inbox.expect(this.#nextListed());
      else if (event?.kind === "end of list") phase = "streaming";
      if (phase === "catching up" && (event === undefined || this.#reachesList(event))) {
        phase = "listing";
        inbox.expect(this.#nextListed());
      }
    }
  }

  #reachesList(event: SessionEvent): boolean {
    return event.kind === "lines" && this.listIndex !== undefined &&
      event.lines.some(({ index }) => index >= this.listIndex!);
  }

  #nextLines(): Promise<SessionEvent> {
    return this.#lines.next().then(({ value: lines }: { value: Line[] }) => {
      this.#onReceived();
      this.receivedAt = wallClock();
      this.sawEvents ||= lines.some(({ index }) => index > 0);
      return { kind: "lines", lines };
    });
  }

  #nextListed(): Promise<SessionEvent> {
    return this.list.next().then(({ done, value }) =>
      done ? { kind: "end of list" } : { kind: "listed", allocations: value }
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#stream.close(), this.#listing.close()]);
  }
}

/** Subscribes to all topics that the token may read: Nomad refuses all if one is refused, and the topic Node needs
 * another capability than the others. @throws {Fault} */
async function subscribeToMost(
  context: SessionContext,
  onUnexpected: OnUnexpected,
): Promise<{ topics: readonly string[]; stream: NomadResponse; lines: AsyncGenerator<Line[]> }> {
  const { jobTopics, withNodes } = context;
  const ways = [
    ...(withNodes ? [["Allocation", ...jobTopics, nodeTopic]] : []),
    ...(jobTopics.length > 0 ? [["Allocation", ...jobTopics]] : []),
  ];
  for (const topics of ways) {
    try {
      return { topics, ...await subscribe(context, topics, onUnexpected) };
    } catch (error) {
      if (!(error instanceof RefusedToken)) throw error;
    }
  }
  const topics = ["Allocation"];
  return { topics, ...await subscribe(context, topics, onUnexpected) };
}

/** Subscribes to these topics and waits for the first line. @throws {Fault} */
async function subscribe(
  { client, namespace, index, timeouts, stop }: SessionContext,
  topic: readonly string[],
  onUnexpected: OnUnexpected,
): Promise<{ stream: NomadResponse; lines: AsyncGenerator<Line[]> }> {
  const stream = await client.get({
    path: "/v1/event/stream",
    query: { topic, namespace, index: index === undefined ? undefined : String(index) },
    maxBytes: Infinity, // it has no end, but its lines have
    idleTimeout: timeouts.idle,
    signal: stop,
  });
  try {
    const lines = linesOf(stream.body, client.where, onUnexpected);
    return { stream, lines: prepend(await lines.next(), lines) };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

async function nextFound(background: Background): Promise<SessionEvent> {
  return { kind: "found", events: await background.next() };
}

/** Wraps a function so that only its first call takes effect. */
function once<T>(call: (argument: T) => void): (argument: T) => void {
  let called = false;
  return (argument) => {
    if (!called) call(argument);
    called = true;
  };
}

async function* prepend<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (!first.done) yield first.value;
  yield* rest;
}
