// The source `nomad`: every task event of a Nomad cluster, from Nomad itself. It follows the event stream and, on every
// connection, compares the list of all allocations with those it tracks, so that no gap loses what Nomad still knows.
import { NomadClient } from "../../clients/nomad/client.ts";
import { oneLine } from "../../clients/nomad/errors.ts";
import { type NomadSettings, nomadSettings } from "../../clients/nomad/settings.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { type Connection, type LiveSource, ReconnectingSource } from "../reconnecting.ts";
import type { Batch, ContextOf, Source, SourceContext } from "../source.ts";
import type { ContextSettings } from "./context/settings.ts";
import type { LoopContexts } from "./context/loop_contexts.ts";
import { Follower, type UpdateBatch } from "./follower.ts";
import { Session } from "./stream/session.ts";
import { defaultTimeouts, type Timeouts } from "./timeouts.ts";
import { StreamVisibility } from "./stream/visibility.ts";

/** Maximum unacknowledged updates before reading pauses. */
const maxInFlight = 1000;

/** Opens the source: it follows the allocations of a Nomad cluster. */
export function openNomad(
  settings: NomadSettings & Partial<ContextSettings>,
  context: SourceContext,
  timeouts: Timeouts = defaultTimeouts,
): Source {
  return new ReconnectingSource(new NomadSource(settings, context, timeouts), context);
}

class NomadSource implements LiveSource {
  readonly type = "nomad";
  readonly maxUnacknowledged = maxInFlight;
  readonly #client: NomadClient;
  readonly #namespace: string;
  readonly #context: SourceContext;
  readonly #timeouts: Timeouts;
  /** If reading pauses for long, Nomad ends the stream, and the next list has what was missed. */
  readonly #inFlight = new Semaphore(maxInFlight);
  #follower: Follower | undefined;
  #previous: Session | undefined;
  #warnedNoTopics = false;
  readonly #logLines: number;
  #contexts: LoopContexts | undefined;
  #warnedNoNodes = false;

  constructor(
    settings: NomadSettings & Partial<ContextSettings>,
    context: SourceContext,
    timeouts: Timeouts,
  ) {
    this.#client = new NomadClient(settings);
    this.#namespace = settings.namespace;
    this.#context = context;
    this.#timeouts = timeouts;
    this.#logLines = settings.logLines ?? 0;
  }

  /** See `Source`. Its code is loaded at the first loop. */
  readonly contextOf: ContextOf = async (request, signal) => {
    const { LoopContexts } = await import("./context/loop_contexts.ts");
    const { log, isActive = () => false } = this.#context;
    this.#contexts ??= new LoopContexts({
      client: this.#client,
      namespace: this.#namespace,
      log,
      logLines: this.#logLines,
      isActive,
      patience: this.#timeouts.context,
    });
    return await this.#contexts.contextOf(request, signal);
  };

  async connect(stop: AbortSignal, checkpoint: ReadonlyMap<string, string>): Promise<Connection> {
    const follower = this.#follower ??= this.#newFollower(checkpoint);
    const session = await this.#open(follower.index, stop);
    return {
      batches: (stop) => this.#batches(session, follower, stop),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  }

  async *#batches(session: Session, follower: Follower, stop: AbortSignal): AsyncIterable<Batch> {
    await using _ = session;
    this.#logConnected(session);
    const visibility = new StreamVisibility(this.#context.visibility, this.#timeouts);
    for await (const found of follower.follow(session, visibility)) {
      yield this.#batch(found);
      await this.#inFlight.available(1, stop);
    }
  }

  async check(stop: AbortSignal): Promise<string> {
    await using session = await this.#open(undefined, stop);
    const namespaces = new Set<string>();
    let allocations = 0;
    for await (const listed of session.list) {
      for (const { Namespace } of listed) {
        allocations++;
        namespaces.add(Namespace);
      }
    }
    return `${this.#client.where}: connected, ${allocations} allocations in ${namespaces.size} namespaces`;
  }

  #logConnected(session: Session): void {
    if (this.#previous === undefined) {
      this.#context.log.info("source nomad: following the events of {where}", { where: this.#client.where });
    } else this.#warnNoEvents(this.#previous, session);
    if (session.refusesTopics) this.#warnNoTopics();
    if (session.refusesNodes) this.#warnNoNodes();
    this.#previous = session;
  }

  #newFollower(checkpoint: ReadonlyMap<string, string>): Follower {
    const { log, restartsOnly, failing } = this.#context;
    return new Follower({
      client: this.#client,
      namespace: this.#namespace,
      log,
      timeouts: this.#timeouts,
      checkpoint,
      failing: restartsOnly ? undefined : failing,
      restartsOnly,
    });
  }

  #open(index: number | undefined, stop: AbortSignal): Promise<Session> {
    const { log, restartsOnly, failing } = this.#context;
    const where = this.#client.where;
    return Session.open({
      client: this.#client,
      namespace: this.#namespace,
      index,
      jobTopics: restartsOnly ? ["Job"] : ["Job", "Evaluation"],
      withNodes: failing !== undefined,
      timeouts: this.#timeouts,
      stop,
      onReceived: () => this.#context.health?.seen(),
      onUnexpected: (found) =>
        log.warning("source nomad: {where} sent an allocation that is not understood: {found}", {
          where,
          found: oneLine(String(JSON.stringify(found))),
        }),
    });
  }

  #warnNoTopics(): void {
    if (this.#warnedNoTopics) return;
    this.#warnedNoTopics = true;
    if (this.#context.restartsOnly) {
      this.#context.log.warning(
        "source nomad: {where} refused the topic Job, but not Allocation; continuing without it: what a new " +
          "version of a job asks for in its meta may be noticed an hour late",
        { where: this.#client.where },
      );
      return;
    }
    this.#context.log.warning(
      "source nomad: {where} refused the topics Job and Evaluation, but not Allocation; continuing without " +
        "them: a job that is stopped or given up may be noticed a minute late",
      { where: this.#client.where },
    );
  }

  #warnNoNodes(): void {
    if (this.#warnedNoNodes) return;
    this.#warnedNoNodes = true;
    this.#context.log.warning(
      "source nomad: {where} refused the topic Node, which needs node:read; continuing without it: a node that is " +
        "down, or lost a driver, is not known as the cause of a loop",
      { where: this.#client.where },
    );
  }

  /** Warns if allocations changed between two lists, but the stream sent no events. */
  #warnNoEvents(previous: Session, { listIndex = 0 }: Session): void {
    if (this.#namespace !== "*" || previous.sawEvents || listIndex <= (previous.listIndex ?? Infinity)) {
      return;
    }
    this.#context.log.warning(
      "source nomad: {where} sent no events, though allocations changed: Nomad before 1.1.6 sends those of one " +
        "namespace only; set {setting}",
      { where: this.#client.where, setting: namesOf(nomadSettings.namespace) },
    );
  }

  #batch({ bodies, checkpoint }: UpdateBatch): Batch {
    const count = Math.max(1, bodies.length);
    this.#inFlight.take(count);
    return {
      bodies,
      checkpoint,
      place: () => `an update from ${this.#client.where}`,
      reject: () => {},
      acknowledge: () => this.#inFlight.release(count),
    };
  }
}
