// One connection to Nomad's event stream, and the list of all allocations that goes with it.
import type { Answer, NomadClient } from "../../clients/nomad/client.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import { wallClock } from "../../lib/time.ts";
import { RefusedToken } from "../../clients/nomad/errors.ts";
import type { Background } from "./background.ts";
import type { News } from "./news.ts";
import { listOf } from "./allocation_list.ts";
import { type Line, linesOf, type Strange } from "./event_stream.ts";
import { Inbox } from "./inbox.ts";
import type { Allocation } from "./allocation.ts";
import type { Pace } from "./timeouts.ts";

/** Bytes of the list, unpacked: those of some million allocations, of which one at a time is kept in memory. */
const maxListBytes = 16 * 2 ** 30;

/** What a session brings. */
export type Turn =
  | { readonly kind: "lines"; readonly lines: readonly Line[] }
  | { readonly kind: "listed"; readonly allocations: Iterable<Allocation> }
  /** The list is read to its end. */
  | { readonly kind: "end of list" }
  /** What was found beside both. */
  | { readonly kind: "news"; readonly news: readonly News[] };

/** Topics of the stream that tell of jobs. */
const jobTopics = ["Job", "Evaluation"];

/** What a session is opened with. */
export interface SessionContext {
  readonly client: NomadClient;
  readonly namespace: string;
  /** Raft index from which the stream goes on; undefined for all that Nomad still has. */
  readonly index: number | undefined;
  /** Topics beside Allocation are asked for. */
  readonly withJobs: boolean;
  readonly pace: Pace;
  readonly stop: AbortSignal;
  /** Called with everything that the stream brings, heartbeats included. */
  onHeard?(): void;
  /** Called once with what should be an allocation and cannot be used. */
  onStrange(found: unknown): void;
}

/**
 * Stream and list, both answered. The stream is subscribed before the list is made: what happens in between is in
 * both, and nothing is in neither.
 */
export class Session implements AsyncDisposable {
  /** Aborted when all is to end. */
  readonly stop: AbortSignal;
  readonly list: AsyncGenerator<Iterable<Allocation>>;
  readonly #pace: Pace;
  readonly #lines: AsyncGenerator<Line[]>;
  /** The raft index that the list shows; undefined where the answer does not say. */
  readonly listIndex: number | undefined;
  /** Whether the stream brought anything but heartbeats. */
  sawEvents = false;
  /** When the stream brought something last. */
  heardAt: Nanoseconds = 0n;
  /** Whether Nomad refused the topics of jobs, and not Allocation. */
  refusesTopics = false;
  readonly #onHeard: () => void;
  readonly #stream: Answer;
  readonly #listing: Answer;

  private constructor(
    { pace, stop, onHeard }: SessionContext,
    lines: AsyncGenerator<Line[]>,
    stream: Answer,
    listing: Answer,
    list: AsyncGenerator<Iterable<Allocation>>,
  ) {
    this.stop = stop;
    this.#pace = pace;
    this.#onHeard = () => onHeard?.();
    this.#lines = lines;
    this.#stream = stream;
    this.#listing = listing;
    this.list = list;
    const index = Number(listing.header("x-nomad-index"));
    // A server that was set up a moment ago says 0.
    this.listIndex = listing.header("x-nomad-index") && index >= 0 ? index : undefined;
  }

  /** @throws {Fault} where Nomad does not answer, or refuses. */
  static async open(context: SessionContext): Promise<Session> {
    const { client, namespace, withJobs, pace, stop } = context;
    const strange = once(context.onStrange);
    let subscription;
    let refusesTopics = false;
    try {
      subscription = await subscribe(
        context,
        withJobs ? ["Allocation", ...jobTopics] : ["Allocation"],
        strange,
      );
    } catch (error) {
      if (!withJobs || !(error instanceof RefusedToken)) throw error;
      subscription = await subscribe(context, ["Allocation"], strange);
      refusesTopics = true;
    }
    const { stream, lines } = subscription;
    try {
      const listing = await client.get({
        path: "/v1/allocations",
        query: { namespace, task_states: "true" },
        idleTimeout: pace.silence,
        signal: stop,
        maxBytes: maxListBytes,
      });
      const list = listOf(listing.body, client.where, strange);
      const session = new Session(context, lines, stream, listing, list);
      session.refusesTopics = refusesTopics;
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
  async *turns(background: Background): AsyncGenerator<Turn> {
    const renewAt = performance.now() + this.#pace.renewal;
    const inbox = new Inbox<Turn>();
    let phase: "catching up" | "listing" | "streaming" = "catching up";
    inbox.expect(this.#nextLines());
    inbox.expect(nextNews(background));
    while (phase !== "streaming" || performance.now() < renewAt) {
      const turn = await inbox.take(phase === "catching up" ? this.#pace.quiet : undefined);
      if (turn !== undefined) yield turn;
      if (turn?.kind === "news") inbox.expect(nextNews(background));
      else if (turn?.kind === "lines") inbox.expect(this.#nextLines());
      else if (turn?.kind === "listed") inbox.expect(this.#nextListed());
      else if (turn?.kind === "end of list") phase = "streaming";
      if (phase === "catching up" && (turn === undefined || this.#reachesList(turn))) {
        phase = "listing";
        inbox.expect(this.#nextListed());
      }
    }
  }

  #reachesList(turn: Turn): boolean {
    return turn.kind === "lines" && this.listIndex !== undefined &&
      turn.lines.some(({ index }) => index >= this.listIndex!);
  }

  #nextLines(): Promise<Turn> {
    return this.#lines.next().then(({ value: lines }: { value: Line[] }) => {
      this.#onHeard();
      this.heardAt = wallClock();
      this.sawEvents ||= lines.some(({ index }) => index > 0);
      return { kind: "lines", lines };
    });
  }

  #nextListed(): Promise<Turn> {
    return this.list.next().then(({ done, value }) =>
      done ? { kind: "end of list" } : { kind: "listed", allocations: value }
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#stream.close(), this.#listing.close()]);
  }
}

/** The stream of these topics, of which something has come. @throws {Fault} */
async function subscribe(
  { client, namespace, index, pace, stop }: SessionContext,
  topic: readonly string[],
  strange: Strange,
): Promise<{ stream: Answer; lines: AsyncGenerator<Line[]> }> {
  const stream = await client.get({
    path: "/v1/event/stream",
    query: { topic, namespace, index: index === undefined ? undefined : String(index) },
    maxBytes: Infinity, // it has no end, but its lines have
    idleTimeout: pace.silence,
    signal: stop,
  });
  try {
    const lines = linesOf(stream.body, client.where, strange);
    return { stream, lines: prepend(await lines.next(), lines) };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

async function nextNews(background: Background): Promise<Turn> {
  return { kind: "news", news: await background.next() };
}

/** The function, of which only the first call counts. */
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
