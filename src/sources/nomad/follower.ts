// The state of the source `nomad` over all its sessions: its position in the stream and the allocations it tracks. It
// turns the events of a session into updates, and into checkpoints for the next start.
import type { NomadClient } from "../../clients/nomad/client.ts";
import type { Log } from "../../lib/log.ts";
import { wallClock } from "../../lib/time.ts";
import type { Checkpoint } from "../source.ts";
import { Background } from "./jobs/background.ts";
import { JobTypes } from "./jobs/job_types.ts";
import { JobClient } from "./jobs/job_client.ts";
import { JobWatch, type JobWatchContext } from "./jobs/job_watch.ts";
import { SettingsWatch } from "./jobs/settings_watch.ts";
import { NodeWatch } from "./nodes/node_watch.ts";
import type { Line } from "./stream/event_stream.ts";
import { Position } from "./stream/position.ts";
import type { Session } from "./stream/session.ts";
import type { StreamVisibility } from "./stream/visibility.ts";
import type { Timeouts } from "./timeouts.ts";
import type { Allocation } from "./tracking/allocation.ts";
import { AllocationTracker } from "./tracking/allocation_tracker.ts";
import { UpdateBuffer } from "./update_buffer.ts";

/** Updates, and the checkpoint that belongs to them. */
export interface UpdateBatch {
  readonly bodies: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
}

/** What a follower needs. */
export interface FollowerContext extends JobWatchContext {
  readonly client: NomadClient;
  readonly log: Log;
  readonly timeouts: Timeouts;
  readonly checkpoint: ReadonlyMap<string, string>;
  /** The rule takes restarts only, and what jobs ask for. */
  readonly restartsOnly: boolean;
}

/** Keys of the checkpoint. */
const positionKey = "nomad/position";
const allocationKey = "nomad/allocation/";
const jobKey = "nomad/job/";

/** Follows Nomad from session to session. */
export class Follower {
  readonly #known = new AllocationTracker();
  readonly #jobTypes: JobTypes;
  readonly #jobs: JobWatch;
  readonly #settings: SettingsWatch;
  readonly #restartsOnly: boolean;
  readonly #nodes: NodeWatch;
  readonly #position: Position;
  readonly #updates = new UpdateBuffer();
  readonly #where: string;
  readonly #log: Log;
  readonly #checkpointPeriod: number;
  #checkpointedAt = 0;

  constructor(context: FollowerContext) {
    const { client, namespace, log, timeouts, checkpoint, restartsOnly } = context;
    this.#jobTypes = new JobTypes(client, log);
    this.#jobs = new JobWatch(context);
    this.#settings = new SettingsWatch({
      client: new JobClient(client, namespace),
      log,
      retryAfter: timeouts.audit,
    });
    this.#restartsOnly = restartsOnly;
    this.#nodes = new NodeWatch(context);
    this.#position = new Position(checkpoint.get(positionKey));
    this.#where = client.where;
    this.#log = log;
    this.#checkpointPeriod = timeouts.checkpoint;
    for (const [key, value] of checkpoint) {
      if (key.startsWith(allocationKey)) this.#known.restore(key.slice(allocationKey.length), value);
      if (key.startsWith(jobKey)) this.#settings.restore(key.slice(jobKey.length), value);
    }
  }

  /** From where the next session resumes; the line with this index comes again. */
  get index(): number | undefined {
    return this.#position.index;
  }

  /** Follows one session to its end, and notifies `visibility` up to when everything is passed on. @throws {Fault} */
  async *follow(session: Session, visibility: StreamVisibility): AsyncGenerator<UpdateBatch> {
    if (this.#wasReset(session)) return;
    await using background = new Background();
    await using _ = this.#settings.begin(background);
    if (this.#position.since === undefined) await this.#jobs.beginFirstListing(session.stop);
    if (session.hasNodes) this.#nodes.list(background);
    this.#known.beginListing();
    let isListed = false;
    let newest = 0;
    try {
      for await (const event of session.events(background)) {
        if (event.kind === "lines") await this.#takeLines(event.lines, session.stop, background);
        else if (event.kind === "listed") {
          newest = Math.max(newest, this.#takeListed(event.allocations, background));
        } else if (event.kind === "found") this.#updates.add(event.events);
        else this.#endListing(newest);
        const isEnd = event.kind === "end of list";
        if (isListed || isEnd || this.#updates.isFull) {
          if (this.#settings.holds) this.#updates.addFirst(await this.#settings.settled());
          yield* this.#release(!isListed);
        }
        if (isEnd) this.#settings.endListing();
        isListed ||= isEnd;
        // No lines are read ahead, so all that came before is decided on.
        if (isEnd) visibility.listed(wallClock());
        else if (isListed) visibility.hear(session.receivedAt);
        // Now the rule knows the failing tasks of the list.
        if (!isEnd) continue;
        this.#jobs.audit(
          () => this.#newestIndex(session),
          background,
          (jobs) => this.#settings.compare(jobs),
        );
      }
    } catch (error) {
      yield* this.#release(!isListed);
      throw error;
    }
  }

  #newestIndex({ listIndex }: Session): number | undefined {
    return (listIndex && Math.max(listIndex, this.#position.index ?? 0)) || undefined;
  }

  /** Whether the raft index went back, as after a restore: then the whole stream is read. */
  #wasReset({ listIndex }: Session): boolean {
    const before = this.#position.aheadOf(listIndex);
    if (before === undefined) return false;
    this.#log.warning(
      "source nomad: the index of {where} went back from {before} to {now}: it was set up again or restored",
      { where: this.#where, before, now: listIndex },
    );
    this.#position.reset();
    this.#settings.reset();
    return true;
  }

  async #takeLines(lines: readonly Line[], stop: AbortSignal, background: Background): Promise<void> {
    for (const { index, allocations, jobEvents = [], nodes = [] } of lines) {
      if (index === 0) continue;
      for (const allocation of allocations) {
        const jobType = this.#known.jobTypeOf(allocation) ?? await this.#jobTypes.ask(allocation, stop);
        this.#take(allocation, jobType, background);
      }
      for (const event of jobEvents) {
        this.#updates.add(this.#settings.takeJob(event.job));
        if (!this.#restartsOnly) this.#updates.add(this.#jobs.takeEvent(event, index, background));
      }
      for (const change of nodes) this.#updates.add(this.#nodes.take(change));
      this.#position.advance(index, allocations.length > 0);
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
    this.#jobs.endFirstListing();
    if (this.#position.since !== undefined) return;
    this.#position.since = newest;
    this.#log.info("source nomad: {allocations} allocations found", { allocations: this.#known.size });
  }

  #take(allocation: Allocation, jobType: string | undefined, background: Background): void {
    const { since } = this.#position;
    const isHistory = !(since !== undefined && allocation.CreateTime > since);
    const newEvents = this.#known.take(allocation, jobType, isHistory);
    if (this.#jobs.isFinal(allocation)) return;
    const [first] = newEvents;
    if (first !== undefined && hasFailed(allocation)) {
      this.#settings.noteFailure(allocation.Namespace, allocation.JobID, first.time);
    }
    this.#updates.add(newEvents);
    this.#updates.add(this.#jobs.takeAllocation(allocation, jobType, background));
  }

  /** Passes on the held updates in one batch, so that it is stored together with its checkpoint or not at all. */
  *#release(sorted: boolean): Generator<UpdateBatch> {
    const bodies = this.#updates.take(sorted);
    const checkpoint = this.#checkpoint(bodies.length > 0);
    if (bodies.length > 0 || checkpoint.size > 0) yield { bodies, checkpoint };
  }

  /** What changed since the last checkpoint. A position alone is stored rarely: from an older one, lines without new
   * events come again. */
  #checkpoint(withEvents: boolean): Checkpoint {
    const checkpoint = new Map<string, string | undefined>();
    for (const [id, value] of this.#known.takeChanges()) checkpoint.set(allocationKey + id, value);
    for (const [job, value] of this.#settings.takeChanges()) checkpoint.set(jobKey + job, value);
    const now = performance.now();
    if (!withEvents && checkpoint.size === 0 && now - this.#checkpointedAt < this.#checkpointPeriod) {
      return checkpoint;
    }
    this.#checkpointedAt = now;
    if (this.index !== undefined) checkpoint.set(positionKey, String(this.#position));
    return checkpoint;
  }
}

/** Whether a run of one of its tasks failed, or was to be run again. */
function hasFailed({ TaskStates }: Allocation): boolean {
  for (const task in TaskStates) {
    const { Failed, Restarts = 0 } = TaskStates[task]!;
    if (Failed || Restarts > 0) return true;
  }
  return false;
}
