// The state of the source `nomad` over all its sessions: its position in the stream and the allocations it tracks. It
// turns the events of a session into updates, and into checkpoints for the next start.
import type { NomadClient } from "../../clients/nomad/client.ts";
import type { Log } from "../../lib/log.ts";
import type { Checkpoint } from "../source.ts";
import { wallClock } from "../../lib/time.ts";
import { asFault } from "../../lib/errors.ts";
import type { FailingTask } from "../../detection/rule.ts";
import { Background } from "./background.ts";
import { JobFacts, type JobList } from "./job_facts.ts";
import { JobTypes } from "./job_types.ts";
import { AllocationTracker } from "./allocation_tracker.ts";
import { isFinal, Lifecycle } from "./lifecycle.ts";
import type { NewEvent } from "./new_event.ts";
import type { Session } from "./session.ts";
import type { Timeouts } from "./timeouts.ts";
import type { StreamVisibility } from "./visibility.ts";
import type { Line } from "./event_stream.ts";
import type { Allocation } from "./allocation.ts";

/** Updates, and the checkpoint that belongs to them. */
export interface UpdateBatch {
  readonly bodies: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
}

/** While the list is read, events are held back to be sorted by time: their maximum number, and milliseconds. */
const maxHeld = 2000;
const maxHoldTime = 1_000;

/** An allocation that changed within these nanoseconds before the first list may still change. */
const recent = 10e9;

/** What a follower needs. */
export interface FollowerContext {
  readonly client: NomadClient;
  readonly namespace: string;
  readonly log: Log;
  readonly timeouts: Timeouts;
  readonly checkpoint: ReadonlyMap<string, string>;
  /** The failing tasks, whose jobs are watched; undefined if jobs are not watched. */
  readonly failing?: (() => Iterable<FailingTask>) | undefined;
}

/** Keys of the checkpoint. */
const positionKey = "nomad/position";
const allocationKey = "nomad/allocation/";

/** Follows Nomad from session to session. */
export class Follower {
  readonly #known = new AllocationTracker();
  readonly #jobs: JobTypes;
  readonly #where: string;
  readonly #log: Log;
  readonly #timeouts: Timeouts;
  readonly #facts: JobFacts;
  readonly #lifecycle: Lifecycle;
  readonly #failing: (() => Iterable<FailingTask>) | undefined;
  #saidNoJobs = false;
  /** The jobs at the very first list. */
  #firstJobs: JobList | undefined;
  /** Raft index of the last line, and of the last line with an allocation, which is comparable with that of the list. */
  #index: number | undefined;
  #allocationsAt: number | undefined;
  /** Approximate time in nanoseconds of the last change in the very first list: younger allocations are new. */
  #since: number | undefined;
  #held: NewEvent[] = [];
  #heldSince = 0;
  #keptAt = 0;

  constructor({ client, namespace, log, timeouts, checkpoint, failing }: FollowerContext) {
    this.#facts = new JobFacts(client, namespace);
    this.#lifecycle = new Lifecycle(this.#facts, timeouts);
    this.#failing = failing;
    this.#jobs = new JobTypes(client, log);
    this.#where = client.where;
    this.#log = log;
    this.#timeouts = timeouts;
    for (const [key, value] of checkpoint) {
      if (key.startsWith(allocationKey)) this.#known.restore(key.slice(allocationKey.length), value);
    }
    const [index, since, allocationsAt = index] = checkpoint.get(positionKey)?.split(" ") ?? [];
    if (index !== undefined) this.#index = Number(index);
    if (allocationsAt !== undefined) this.#allocationsAt = Number(allocationsAt);
    if (since !== undefined) this.#since = Number(since);
  }

  /** From where the next session resumes; the line with this index comes again. */
  get index(): number | undefined {
    return this.#index;
  }

  /** Follows one session to its end, and notifies `visibility` up to when everything is passed on. @throws {Fault} */
  async *follow(session: Session, visibility: StreamVisibility): AsyncGenerator<UpdateBatch> {
    if (this.#wasReset(session)) return;
    await using background = new Background();
    if (this.#since === undefined) this.#firstJobs = await this.#listJobs(session.stop);
    this.#known.beginListing();
    let isListed = false;
    let newest = 0;
    try {
      for await (const event of session.events(background)) {
        if (event.kind === "lines") await this.#takeLines(event.lines, session.stop, background);
        else if (event.kind === "listed") {
          newest = Math.max(newest, this.#takeListed(event.allocations, background));
        } else if (event.kind === "found") this.#hold(event.events);
        else this.#endListing(newest);
        const isEnd = event.kind === "end of list";
        if (isListed || isEnd || this.#isHeldEnough()) yield* this.#release(!isListed);
        isListed ||= isEnd;
        // No lines are read ahead, so all that came before is decided on.
        if (isEnd) visibility.listed(wallClock());
        else if (isListed) visibility.hear(session.receivedAt);
        if (isEnd) this.#audit(session, background);
      }
    } catch (error) {
      yield* this.#release(!isListed);
      throw error;
    }
  }

  /** Checks the jobs of the failing tasks, now that the rule knows the list, and then periodically. */
  #audit(session: Session, background: Background): void {
    if (this.#failing === undefined) return;
    background.ask(async (signal) => {
      background.later("audit", this.#timeouts.audit, () => {
        this.#audit(session, background);
        return Promise.resolve([]);
      });
      const jobs = someOf(this.#failing!()) ? await this.#listJobs(signal) : undefined;
      if (jobs === undefined) return [];
      const { listIndex } = session;
      const newest = listIndex && Math.max(listIndex, this.#index ?? 0);
      return this.#lifecycle.audit(this.#failing!(), jobs, newest || undefined, background);
    });
  }

  /** Undefined if jobs cannot be listed, or are not watched. */
  async #listJobs(signal: AbortSignal): Promise<JobList | undefined> {
    if (this.#failing === undefined) return undefined;
    try {
      return await this.#facts.list(signal);
    } catch (error) {
      if (signal.aborted || this.#saidNoJobs) return undefined;
      this.#saidNoJobs = true;
      const reason = asFault(error).message;
      this.#log.warning(
        "source nomad: cannot list jobs, so the loop of a purged job may stay active: {reason}",
        { reason },
      );
      return undefined;
    }
  }

  /** Whether the raft index went back, as after a restore: then the whole stream is read. */
  #wasReset({ listIndex }: Session): boolean {
    const before = this.#allocationsAt;
    if (before === undefined || listIndex === undefined || listIndex >= before) return false;
    this.#log.warning(
      "source nomad: the index of {where} went back from {before} to {now}: it was set up again or restored",
      { where: this.#where, before, now: listIndex },
    );
    this.#index = this.#allocationsAt = undefined;
    return true;
  }

  async #takeLines(lines: readonly Line[], stop: AbortSignal, background: Background): Promise<void> {
    for (const { index, allocations, jobEvents = [] } of lines) {
      if (index === 0) continue;
      for (const allocation of allocations) {
        const jobType = this.#known.jobTypeOf(allocation) ?? await this.#jobs.ask(allocation, stop);
        this.#take(allocation, jobType, background);
      }
      for (const event of jobEvents) this.#hold(this.#lifecycle.take(event, index, background));
      this.#index = index;
      if (allocations.length > 0) this.#allocationsAt = index;
    }
  }

  /** Returns the time of the newest change. */
  #takeListed(allocations: Iterable<Allocation>, background: Background): number {
    let newest = 0;
    for (const allocation of allocations) {
      this.#take(allocation, this.#known.jobTypeOf(allocation), background);
      newest = Math.max(newest, allocation.ModifyTime);
    }
    return newest;
  }

  #endListing(newest: number): void {
    this.#known.endListing();
    this.#firstJobs = undefined;
    if (this.#since !== undefined) return;
    this.#since = newest;
    this.#log.info("source nomad: {allocations} allocations found", { allocations: this.#known.size });
  }

  #take(allocation: Allocation, jobType: string | undefined, background: Background): void {
    const isHistory = !(this.#since !== undefined && allocation.CreateTime > this.#since);
    const newEvents = this.#known.take(allocation, jobType, isHistory);
    const job = this.#firstJobs?.get(allocation.Namespace, allocation.JobID);
    if (job !== undefined && isFinal(allocation, job, Date.now() * 1e6 - recent)) return;
    this.#hold(newEvents);
    if (this.#failing === undefined) return;
    this.#hold(this.#lifecycle.takeAllocation(allocation, jobType, background));
  }

  #hold(newEvents: readonly NewEvent[]): void {
    if (this.#held.length === 0) this.#heldSince = performance.now();
    this.#held.push(...newEvents);
  }

  #isHeldEnough(): boolean {
    return this.#held.length >= maxHeld ||
      (this.#held.length > 0 && performance.now() - this.#heldSince > maxHoldTime);
  }

  /** Passes on what is held in one batch, so that it is stored together with its checkpoint or not at all. */
  *#release(sorted: boolean): Generator<UpdateBatch> {
    const held = this.#held;
    this.#held = [];
    if (sorted) held.sort((a, b) => a.time - b.time);
    const checkpoint = this.#checkpoint(held.length > 0);
    if (held.length > 0 || checkpoint.size > 0) yield { bodies: encode(held), checkpoint };
  }

  /** What changed since the last checkpoint. A position alone is stored rarely: from an older one, lines without new
   * events come again. */
  #checkpoint(withEvents: boolean): Checkpoint {
    const checkpoint = new Map<string, string | undefined>();
    for (const [id, value] of this.#known.takeChanges()) checkpoint.set(allocationKey + id, value);
    const now = performance.now();
    if (!withEvents && checkpoint.size === 0 && now - this.#keptAt < this.#timeouts.checkpoint) {
      return checkpoint;
    }
    this.#keptAt = now;
    if (this.#index !== undefined) {
      const after = this.#since === undefined ? "" : ` ${this.#since} ${this.#allocationsAt ?? 0}`;
      checkpoint.set(positionKey, `${this.#index}${after}`);
    }
    return checkpoint;
  }
}

function someOf(tasks: Iterable<unknown>): boolean {
  for (const _ of tasks) return true;
  return false;
}

const utf8 = new TextEncoder();

/** The updates as bytes in one buffer: thousands of small ones would fragment the memory outside of the heap. */
function encode(newEvents: readonly NewEvent[]): Uint8Array[] {
  // Most have as many bytes as characters.
  const piece = new Uint8Array(newEvents.reduce((length, { text }) => length + text.length, 0));
  let start = 0;
  return newEvents.map(({ text }) => {
    const { read, written } = utf8.encodeInto(text, piece.subarray(start));
    if (read < text.length) return utf8.encode(text);
    return piece.subarray(start, start += written);
  });
}
