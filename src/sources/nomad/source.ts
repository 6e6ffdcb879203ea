// What the source `nomad` does: every task event of a Nomad cluster, from Nomad itself. It follows the event stream and, at
// every connection, compares the list of all allocations with what it knows, so that no gap loses what Nomad knows.
import { NomadClient } from "../../clients/nomad/client.ts";
import { oneLine } from "../../clients/nomad/errors.ts";
import { type NomadSettings, nomadSettings } from "../../clients/nomad/settings.ts";
import { asFault, Fault } from "../../lib/errors.ts";
import { delay } from "../../lib/delay.ts";
import { RetryState } from "../../lib/retry.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import type { Batch, Source, SourceContext } from "../source.ts";
import { Follower, type Found } from "./follower.ts";
import { defaultPace, type Pace, Session } from "./session.ts";
import { StreamVisibility } from "./visibility.ts";
import { SubscriptionClosed } from "./event_stream.ts";

/** Milliseconds after which an agent that ended a stream is asked whether it is still there. */
const askAgainAfter = 100;

/** Updates that may be unacknowledged before reading waits. */
const maxOpen = 1000;

/** Follows the allocations of a Nomad cluster. */
export class NomadSource implements Source {
  readonly mode = "live";
  readonly #client: NomadClient;
  readonly #namespace: string;
  readonly #context: SourceContext;
  readonly #pace: Pace;
  #session: Session | undefined;
  #openUpdates = 0;
  #saidNoTopics = false;
  #wake = () => {};

  constructor(settings: NomadSettings, context: SourceContext, pace: Pace = defaultPace) {
    this.#client = new NomadClient(settings);
    this.#namespace = settings.namespace;
    this.#context = context;
    this.#pace = pace;
  }

  async *batches(
    stop: AbortSignal,
    checkpoint: ReadonlyMap<string, string> = new Map(),
  ): AsyncIterable<Batch> {
    const { log } = this.#context;
    const retry = new RetryState(log, "source nomad", this.#context.startupDeadline, this.#context.health);
    const follower = this.#follower(checkpoint);
    const visibility = new StreamVisibility(this.#context.visibility, this.#pace);
    let previous: Session | undefined;
    /** Why the last session ended, where that is told only when Nomad answers again. */
    let closed: Fault | undefined;
    const wake = () => this.#wake();
    stop.addEventListener("abort", wake);
    try {
      while (!stop.aborted) {
        try {
          await using session = this.#session = await this.#open(follower.index, stop);
          if (closed !== undefined) retry.failed(closed);
          closed = undefined;
          retry.succeeded();
          if (previous === undefined) {
            log.info("source nomad: follows {where}", { where: this.#client.where });
          } else this.#requireEvents(previous, session);
          if (session.refusesTopics) this.#sayNoTopics();
          previous = session;
          for await (const found of follower.follow(session, visibility)) {
            yield this.#batch(found);
            await this.#room(stop);
          }
          visibility.lose();
        } catch (error) {
          if (stop.aborted) return;
          const fault = asFault(error);
          if (fault instanceof SubscriptionClosed) {
            closed = fault;
            await delay(askAgainAfter, stop);
            continue;
          }
          closed = undefined;
          if (fault.recovery === "config" && previous === undefined) {
            throw new Fault(`source nomad: ${fault.message}`, fault.recovery);
          }
          visibility.lose();
          await delay(retry.failed(fault), stop);
        }
      }
    } finally {
      stop.removeEventListener("abort", wake);
    }
  }

  async check(): Promise<string> {
    await using session = this.#session = await this.#open(undefined, new AbortController().signal);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]();
  }

  #follower(checkpoint: ReadonlyMap<string, string>): Follower {
    const { log, restartsOnly, failing } = this.#context;
    return new Follower({
      client: this.#client,
      namespace: this.#namespace,
      log,
      pace: this.#pace,
      checkpoint,
      failing: restartsOnly ? undefined : failing,
    });
  }

  #open(index: number | undefined, stop: AbortSignal): Promise<Session> {
    const { log, restartsOnly } = this.#context;
    const where = this.#client.where;
    return Session.open({
      client: this.#client,
      namespace: this.#namespace,
      index,
      withJobs: !restartsOnly,
      pace: this.#pace,
      stop,
      onHeard: () => this.#context.health?.seen(),
      onStrange: (found) =>
        log.warning("source nomad: {where} sent an allocation that is not understood: {found}", {
          where,
          found: oneLine(String(JSON.stringify(found))),
        }),
    });
  }

  #sayNoTopics(): void {
    if (this.#saidNoTopics) return;
    this.#saidNoTopics = true;
    this.#context.log.warning(
      "source nomad: {where} refused the topics Job and Evaluation, and not Allocation; goes on with that alone: " +
        "that a job was stopped or given up may be known a minute later",
      { where: this.#client.where },
    );
  }

  /** Warns where allocations changed, as the lists show, and the stream said nothing of it. */
  #requireEvents(previous: Session, { listIndex = 0 }: Session): void {
    if (this.#namespace !== "*" || previous.sawEvents || listIndex <= (previous.listIndex ?? Infinity)) {
      return;
    }
    this.#context.log.warning(
      "source nomad: {where} sent no events, though allocations changed: Nomad before 1.1.6 sends those of one " +
        "namespace only; set {setting}",
      { where: this.#client.where, setting: namesOf(nomadSettings.namespace) },
    );
  }

  #batch({ bodies, checkpoint }: Found): Batch {
    const count = Math.max(1, bodies.length);
    this.#openUpdates += count;
    return {
      bodies,
      checkpoint,
      place: () => `an update made from ${this.#client.where}`,
      reject: () => {},
      acknowledge: () => {
        this.#openUpdates -= count;
        this.#wake();
      },
    };
  }

  /** Reading waits while too much is not acknowledged: Nomad then cuts it, and the next list has what was missed. */
  async #room(stop: AbortSignal): Promise<void> {
    while (this.#openUpdates >= maxOpen && !stop.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
