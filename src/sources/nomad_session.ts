// One connection to Nomad's event stream, and the list of all allocations that goes with it.
import type { Answer, NomadClient } from "../clients/nomad.ts";
import { type Line, linesOf, listOf } from "./nomad_stream.ts";
import type { Allocation } from "./nomad_update.ts";

/** How long things take, in milliseconds. */
export interface Pace {
  /** Without a byte from Nomad, whose heartbeat comes every 30 s. */
  readonly silence: number;
  /** Until the connection is made anew, so that namespaces are found that are new. */
  readonly renewal: number;
  /** Without a line, after which the stream has sent what it had. */
  readonly quiet: number;
  /** Between two commits of a position at which nothing was news. */
  readonly idleCommit: number;
}

/** The pace that suits Nomad. */
export const defaultPace: Pace = { silence: 65_000, renewal: 3_600_000, quiet: 500, idleCommit: 10_000 };

/** What a session brings. */
export type Turn =
  | { readonly kind: "lines"; readonly lines: readonly Line[] }
  | { readonly kind: "listed"; readonly allocations: readonly Allocation[] }
  /** The list is read to its end. */
  | { readonly kind: "end of list" };

/** What a session is opened with. */
export interface SessionContext {
  readonly client: NomadClient;
  readonly namespace: string;
  /** Raft index from which the stream goes on; undefined for all that Nomad still has. */
  readonly index: number | undefined;
  readonly pace: Pace;
  readonly stop: AbortSignal;
}

/**
 * Stream and list, both answered. The stream is subscribed before the list is made: what happens in between is in
 * both, and nothing is in neither.
 */
export class Session implements AsyncDisposable {
  readonly list: AsyncGenerator<Allocation[]>;
  readonly #pace: Pace;
  readonly #lines: AsyncGenerator<Line[]>;
  /** The raft index that the list shows; undefined where the answer does not say. */
  readonly listIndex: number | undefined;
  readonly #stream: Answer;
  readonly #listing: Answer;

  private constructor(
    pace: Pace,
    lines: AsyncGenerator<Line[]>,
    stream: Answer,
    listing: Answer,
    where: string,
  ) {
    this.#pace = pace;
    this.#lines = lines;
    this.#stream = stream;
    this.#listing = listing;
    this.list = listOf(listing.body, where);
    const index = Number(listing.header("x-nomad-index"));
    this.listIndex = index > 0 ? index : undefined;
  }

  /** @throws {Fault} where Nomad does not answer, or refuses. */
  static async open({ client, namespace, index, pace, stop }: SessionContext): Promise<Session> {
    const common = { patience: pace.silence, signal: stop };
    const stream = await client.get({
      path: "/v1/event/stream",
      query: { topic: "Allocation", namespace, index: index === undefined ? undefined : String(index) },
      ...common,
    });
    try {
      const lines = linesOf(stream.body, client.where);
      const first = await lines.next();
      const listing = await client.get({
        path: "/v1/allocations",
        query: { namespace, task_states: "true" },
        ...common,
      });
      return new Session(pace, prepend(first, lines), stream, listing, client.where);
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /**
   * What comes, in the order in which it comes, until the connection is to be renewed. The list is not read before
   * the stream has caught up with it: lines show each event on its way, the list only the last ten of a task.
   */
  async *turns(): AsyncGenerator<Turn> {
    const renewAt = performance.now() + this.#pace.renewal;
    let caughtUp = false;
    let isListed = false;
    let lines = this.#nextLines();
    let listed: Promise<Turn> | undefined;
    while (!isListed || performance.now() < renewAt) {
      if (caughtUp && !isListed) listed ??= this.#nextListed();
      const turn: Turn | undefined =
        await (caughtUp ? firstOf(lines, listed) : within(lines, this.#pace.quiet));
      if (turn === undefined) caughtUp = true;
      else if (turn.kind === "lines") {
        yield turn;
        caughtUp ||= this.listIndex !== undefined && turn.lines.some(({ index }) => index >= this.listIndex!);
        lines = this.#nextLines();
      } else {
        yield turn;
        listed = undefined;
        isListed = turn.kind === "end of list";
      }
    }
  }

  #nextLines(): Promise<Turn> {
    return handled(this.#lines.next().then(({ value }) => ({ kind: "lines", lines: value })));
  }

  #nextListed(): Promise<Turn> {
    return handled(
      this.list.next().then(({ done, value }) =>
        done ? { kind: "end of list" } : { kind: "listed", allocations: value }
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#stream.close(), this.#listing.close()]);
  }
}

/** The promise, whose rejection is no error where nobody waits for it any more. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function firstOf(lines: Promise<Turn>, listed: Promise<Turn> | undefined): Promise<Turn> {
  return listed === undefined ? lines : Promise.race([lines, listed]);
}

/** What is waited for, or undefined after so many milliseconds. */
function within<T>(awaited: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  return Promise.race([awaited, promise]).finally(() => clearTimeout(timer));
}

async function* prepend<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (!first.done) yield first.value;
  yield* rest;
}
