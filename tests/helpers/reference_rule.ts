// The contract of the rule, slow and obvious: every question is answered by looking at all there is. The rule is
// held against it; it must not share a thought with it.
import { alertId } from "../../src/detection/alert/alert.ts";
import type { RestartsThresholds } from "../../src/detection/restarts/rule.ts";
import type { Decision } from "../../src/detection/rule.ts";
import type { Restart } from "../../src/detection/event.ts";

/** A restart that was counted. */
interface Seen extends Restart {
  /** When it came. */
  readonly seenAt: bigint;
}

/** The notification about a name. */
interface Notified {
  readonly at: bigint;
  readonly id: string;
  readonly repeats: number;
  readonly lastEvent: string;
}

/** What the contract says about a stream of restarts. */
export class Contract {
  readonly #thresholds: RestartsThresholds;
  #seen: readonly Seen[] = [];
  #notified: Readonly<Record<string, Notified>> = {};
  #kept: { seen: readonly Seen[]; notified: Readonly<Record<string, Notified>> } = { seen: [], notified: {} };

  constructor(thresholds: RestartsThresholds) {
    this.#thresholds = thresholds;
  }

  /** Keeps all for the next start. */
  commit(): void {
    this.#kept = { seen: this.#seen, notified: this.#notified };
  }

  /** The process ends and starts: all is as it was kept. */
  restart(): void {
    this.#seen = this.#kept.seen;
    this.#notified = this.#kept.notified;
  }

  /** The names that have restarts in their window, or may not be notified yet. */
  names(now: bigint): Set<string> {
    return new Set([
      ...this.#seen.filter((restart) => this.#counts(restart, now)).map(({ name }) => name),
      ...Object.keys(this.#notified),
    ]);
  }

  /** When the next loop repeats or resolves. */
  get nextDue(): bigint | undefined {
    const { notificationInterval } = this.#thresholds;
    return Object.values(this.#notified).map(({ at }) => at + notificationInterval)
      .reduce<bigint | undefined>((least, at) => least === undefined || at < least ? at : least, undefined);
  }

  /** What is to be made of a restart. */
  record(restart: Restart, now: bigint): Decision {
    const { name, allocation, task, time, update } = restart;
    if (now - time >= this.#thresholds.restartInterval) return { reason: "outside-window" };
    const same = this.#counted(name, now).some((other) =>
      other.allocation === allocation && other.task === task && other.time === time
    );
    if (same) return { reason: "duplicate" };
    this.#seen = [...this.#seen, { ...restart, seenAt: now }];
    const counted = this.#counted(name, now).length;
    const notified = this.#notified[name];
    if (notified !== undefined) this.#notify(name, { ...notified, lastEvent: update });
    if (counted < this.#thresholds.restartCount) return { reason: "below-threshold", counted };
    if (notified !== undefined) return { reason: "already-notified", counted };
    const id = alertId(name, allocation, task, String(time));
    this.#notify(name, { at: now, id, repeats: 0, lastEvent: update });
    return this.#alert(name, now);
  }

  /** What time alone decides. */
  due(now: bigint): Decision[] {
    const { restartCount, notificationInterval } = this.#thresholds;
    const decisions: Decision[] = [];
    for (const [name, { at, ...notified }] of Object.entries(this.#notified)) {
      if (now < at + notificationInterval) continue;
      if (this.#counted(name, now).length < restartCount) {
        const { [name]: _, ...others } = this.#notified;
        this.#notified = others;
        decisions.push({ reason: "resolved", name, cause: "it no longer restarts that often" });
        continue;
      }
      let last = at;
      while (last + notificationInterval <= now) last += notificationInterval;
      this.#notify(name, { ...notified, at: last, repeats: notified.repeats + 1 });
      decisions.push(this.#alert(name, now));
    }
    return decisions;
  }

  #counts({ time, seenAt }: Seen, now: bigint): boolean {
    const { restartInterval } = this.#thresholds;
    const isFar = time - seenAt > 2n * restartInterval;
    return isFar ? now - seenAt < 2n * restartInterval : now - time < restartInterval;
  }

  #counted(name: string, now: bigint): Seen[] {
    return this.#seen.filter((restart) => restart.name === name && this.#counts(restart, now));
  }

  #notify(name: string, notified: Notified): void {
    this.#notified = { ...this.#notified, [name]: notified };
  }

  #alert(name: string, now: bigint): Decision {
    const { id, repeats, lastEvent } = this.#notified[name]!;
    const reason = repeats === 0 ? "first" : "repeat";
    return {
      reason,
      alert: {
        id: repeats === 0 ? id : alertId(id, String(repeats)),
        loop: id,
        name,
        reason,
        lastEvent,
        eventLog: this.#counted(name, now).map(({ time }) => time),
      },
    };
  }
}
