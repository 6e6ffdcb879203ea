// The clock of recordings: the time of the newest event so far, ignoring nodes whose clocks are ahead. A recording gives
// the same times whenever it is read, unless its events are ahead of the wall clock.
import { hour, type Nanoseconds } from "../lib/duration.ts";
import { beforeAll } from "../detection/decode/prefilter/prefilter.ts";
import { nodeOf } from "../detection/decode/node_of.ts";
import { clockStep, latestEventTime, wallClock } from "../lib/time.ts";

/** The time before the first event, by which nothing is due. */
const longAgo = -(1n << 63n);
/** This many consecutive messages of other nodes, each a little later than the one before and all behind the clock, show
 * that the node that moved it is ahead. Nomad keeps ten events of a task, which can be consecutive when a stream
 * begins. */
const minWitnesses = 12;
/** Messages after which a jump of the clock is accepted. */
const maxDoubted = 1_000;
/** Maximum nodes remembered as ahead. */
const maxNodes = 10_000;
/** The clock advanced by more than a step at once: time passed, or the clock of a node is ahead. */
interface Jump {
  readonly node: string;
  /** The last time of other nodes, and the number of consecutive times that continue from one another. */
  others: Nanoseconds | undefined;
  streak: number;
  /** Messages since the jump. */
  seen: number;
}

/** The part of a rule that the clock moves. */
export interface Clocked {
  readonly nextDue: Nanoseconds | undefined;
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void;
}

/** A clock that events advance. */
export class EventClock {
  /** The time of the newest event; undefined before the first. */
  newest: Nanoseconds | undefined;
  readonly #warn: (node: string, ahead: Nanoseconds) => void;
  #jump: Jump | undefined;
  /** How far the clocks of nodes are ahead. */
  readonly #ahead = new Map<string, Nanoseconds>();
  /** When the last warning about a node was logged. */
  readonly #warnedAt = new Map<string, Nanoseconds>();
  /** Consecutive messages ahead of the wall clock: their nodes and number. */
  readonly #beyondWall = { nodes: new Set<string>(), streak: 0 };

  /** Continues from a saved time. `warn` is called with a node whose clock is ahead, and by how much. */
  constructor(newest?: Nanoseconds, warn: (node: string, ahead: Nanoseconds) => void = () => {}) {
    this.newest = newest;
    this.#warn = warn;
  }

  /** The time now. */
  get now(): Nanoseconds {
    return this.newest ?? longAgo;
  }

  /** Updates up to this time move the clock by no more than a step, whichever node they are from. */
  get skipUntil(): Nanoseconds {
    if (this.newest === undefined || this.#jump !== undefined) return beforeAll;
    return this.newest + clockStep;
  }

  /**
   * Advances to the time of an event, unless its clock is ahead, and calls `notifyDue` for everything that falls due on
   * the way, in order and at its time. It goes back only when it turns out to have followed a clock that is ahead.
   * Returns the time now.
   */
  advance(
    time: Nanoseconds,
    rule: Clocked,
    notifyDue: (now: Nanoseconds) => void,
    update?: Uint8Array,
  ): Nanoseconds {
    const { newest } = this;
    let to: Nanoseconds | undefined = time;
    if (newest === undefined || time > newest + clockStep) {
      to = update === undefined ? this.#unnamed(time) : this.#jumpTo(time, nodeOf(update));
      if (to === undefined) return newest ?? wallClock();
    } else {
      this.#beyondWall.streak = 0;
      if (this.#jump !== undefined && update !== undefined) this.#doubt(time, nodeOf(update), rule);
    }
    if (this.newest !== undefined && to <= this.newest) return this.newest;
    while (rule.nextDue !== undefined && rule.nextDue <= to) notifyDue(rule.nextDue);
    return this.newest = to;
  }

  #unnamed(time: Nanoseconds): Nanoseconds | undefined {
    return time > latestEventTime() ? undefined : time;
  }

  /** Where an event that is ahead by more than a step moves the clock; undefined if it does not. */
  #jumpTo(time: Nanoseconds, node: string): Nanoseconds | undefined {
    const { newest } = this;
    const corrected = this.#corrected(time, node);
    if (corrected !== undefined) return corrected;
    if (this.#isBeyondWall(time, node)) {
      if (newest !== undefined) this.#isAhead(node, time - newest);
      this.#warnOnce(node, time - wallClock());
      return undefined;
    }
    this.#jump = { node, others: newest, streak: 0, seen: 0 };
    return time;
  }

  /** The corrected time of an event from a node that is known to be ahead; undefined if it no longer is by as much. */
  #corrected(time: Nanoseconds, node: string): Nanoseconds | undefined {
    const ahead = this.#ahead.get(node);
    if (ahead === undefined) return undefined;
    const newest = this.newest!;
    const corrected = time - ahead;
    const latest = latestEventTime();
    if (corrected > newest - clockStep && (corrected <= latest || newest > latest)) return corrected;
    this.#ahead.delete(node);
    return undefined;
  }

  /** Whether an event is in the future by the wall clock, unless several consecutive nodes contradict that clock. */
  #isBeyondWall(time: Nanoseconds, node: string): boolean {
    const latest = latestEventTime();
    const beyond = this.#beyondWall;
    if (time <= latest || (this.newest !== undefined && this.newest > latest)) {
      beyond.streak = 0;
      return false;
    }
    if (beyond.streak++ === 0) beyond.nodes.clear();
    beyond.nodes.add(node);
    return beyond.nodes.size < 2 || beyond.streak < minWitnesses;
  }

  /** Takes the time of another node, which can show that the clock followed a node that is ahead. */
  #doubt(time: Nanoseconds, node: string, rule: Clocked): void {
    const jump = this.#jump!;
    const newest = this.newest!;
    if (++jump.seen > maxDoubted) this.#jump = undefined;
    if (node === jump.node) return;
    if (time > newest - clockStep) {
      this.#jump = undefined; // it confirms the jump
      return;
    }
    const { others } = jump;
    const continues = others !== undefined && time >= others && time <= others + clockStep;
    jump.streak = continues ? jump.streak + 1 : 0;
    jump.others = time;
    if (jump.streak < minWitnesses) return;
    this.#jump = undefined;
    this.#isAhead(jump.node, newest - time);
    this.#warnOnce(jump.node, newest - time);
    this.newest = time;
    rule.clockSetBack(time, newest);
  }

  #isAhead(node: string, ahead: Nanoseconds): void {
    if (this.#ahead.size >= maxNodes) this.#ahead.clear();
    this.#ahead.set(node, ahead);
  }

  /** Warns once an hour for each node, by the clock of events. */
  #warnOnce(node: string, ahead: Nanoseconds): void {
    const now = this.newest ?? wallClock();
    const last = this.#warnedAt.get(node);
    if (last !== undefined && now >= last && now - last < hour) return;
    if (this.#warnedAt.size >= maxNodes) this.#warnedAt.clear();
    this.#warnedAt.set(node, now);
    this.#warn(node, ahead);
  }
}
