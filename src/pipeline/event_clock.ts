// The clock of recordings: the time of the newest event so far, unless the node that it came from has a clock that is
// ahead. It is the same whenever a recording is read, but for events that are ahead of the wall's clock.
import type { Nanoseconds } from "../lib/duration.ts";
import { beforeAll } from "../detection/decode/prefilter/prefilter.ts";
import { nodeOf } from "../detection/decode/node_of.ts";
import { clockStep, latestEventTime, wallClock } from "../lib/time.ts";

/** Before the first event nothing is over. */
const longAgo = -(1n << 63n);
/** So many messages of other nodes in a row, each a little later than the one before and all of them behind the clock,
 * show that the node that moved it is ahead. Of one task Nomad keeps ten events, which can come in a row when a
 * stream begins. */
const enough = 12;
/** Messages after which a jump of the clock is beyond doubt. */
const maxDoubted = 1_000;
/** Nodes that are remembered as ahead. */
const maxNodes = 10_000;
const hour = 3_600_000_000_000n;

/** The clock went on by more than a step at once: time went by, or the clock of a node is ahead. */
interface Jump {
  readonly node: string;
  /** The newest time of other nodes, of so many in a row that went on from one another. */
  others: Nanoseconds | undefined;
  inARow: number;
  /** Messages since. */
  heard: number;
}

/** The part of a rule that the clock moves. */
export interface Clocked {
  readonly nextDue: Nanoseconds | undefined;
  clockSetBack(now: Nanoseconds, from: Nanoseconds): void;
}

/** A clock that events move on. */
export class EventClock {
  /** The time of the newest event; undefined before the first. */
  newest: Nanoseconds | undefined;
  readonly #warn: (node: string, ahead: Nanoseconds) => void;
  #jump: Jump | undefined;
  /** By how much the clocks of nodes are ahead. */
  readonly #ahead = new Map<string, Nanoseconds>();
  /** When it was said of a node last. */
  readonly #warnedAt = new Map<string, Nanoseconds>();
  /** Nodes of the messages in a row that are ahead of the wall's clock, and how many those are. */
  readonly #beyondWall = { nodes: new Set<string>(), inARow: 0 };

  /** Goes on from a time that was kept. `warn` hears of a node whose clock is ahead, and by how much. */
  constructor(newest?: Nanoseconds, warn: (node: string, ahead: Nanoseconds) => void = () => {}) {
    this.newest = newest;
    this.#warn = warn;
  }

  /** The time now. */
  get now(): Nanoseconds {
    return this.newest ?? longAgo;
  }

  /** Updates up to this time move the clock by no more than a step, whichever node they are of. */
  get skipUntil(): Nanoseconds {
    if (this.newest === undefined || this.#jump !== undefined) return beforeAll;
    return this.newest + clockStep;
  }

  /**
   * Moves on to the time of an event, but not to that of a clock that is ahead; what falls due on the way is told in
   * its order and at its time. It goes back only where it turns out to have followed a clock that is ahead. Yields the
   * time now.
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
      this.#beyondWall.inARow = 0;
      if (this.#jump !== undefined && update !== undefined) this.#doubt(time, nodeOf(update), rule);
    }
    if (this.newest !== undefined && to <= this.newest) return this.newest;
    while (rule.nextDue !== undefined && rule.nextDue <= to) notifyDue(rule.nextDue);
    return this.newest = to;
  }

  #unnamed(time: Nanoseconds): Nanoseconds | undefined {
    return time > latestEventTime() ? undefined : time;
  }

  /** Where an event that is ahead by more than a step moves the clock; undefined where it says nothing. */
  #jumpTo(time: Nanoseconds, node: string): Nanoseconds | undefined {
    const { newest } = this;
    const corrected = this.#corrected(time, node);
    if (corrected !== undefined) return corrected;
    if (this.#isBeyondWall(time, node)) {
      if (newest !== undefined) this.#isAhead(node, time - newest);
      this.#say(node, time - wallClock());
      return undefined;
    }
    this.#jump = { node, others: newest, inARow: 0, heard: 0 };
    return time;
  }

  /** The time of an event of a node that is known to be ahead; undefined where it no longer is by as much. */
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

  /** Whether the wall's clock says that an event is of the future; not where several nodes in a row say otherwise. */
  #isBeyondWall(time: Nanoseconds, node: string): boolean {
    const latest = latestEventTime();
    const row = this.#beyondWall;
    if (time <= latest || (this.newest !== undefined && this.newest > latest)) {
      row.inARow = 0;
      return false;
    }
    if (row.inARow++ === 0) row.nodes.clear();
    row.nodes.add(node);
    return row.nodes.size < 2 || row.inARow < enough;
  }

  /** Others can show that the clock followed one node that is ahead. */
  #doubt(time: Nanoseconds, node: string, rule: Clocked): void {
    const jump = this.#jump!;
    const newest = this.newest!;
    if (++jump.heard > maxDoubted) this.#jump = undefined;
    if (node === jump.node) return;
    if (time > newest - clockStep) {
      this.#jump = undefined; // it says the same
      return;
    }
    const { others } = jump;
    const goesOn = others !== undefined && time >= others && time <= others + clockStep;
    jump.inARow = goesOn ? jump.inARow + 1 : 0;
    jump.others = time;
    if (jump.inARow < enough) return;
    this.#jump = undefined;
    this.#isAhead(jump.node, newest - time);
    this.#say(jump.node, newest - time);
    this.newest = time;
    rule.clockSetBack(time, newest);
  }

  #isAhead(node: string, ahead: Nanoseconds): void {
    if (this.#ahead.size >= maxNodes) this.#ahead.clear();
    this.#ahead.set(node, ahead);
  }

  /** Once an hour for each node, by the clock of events. */
  #say(node: string, ahead: Nanoseconds): void {
    const now = this.newest ?? wallClock();
    const last = this.#warnedAt.get(node);
    if (last !== undefined && now >= last && now - last < hour) return;
    if (this.#warnedAt.size >= maxNodes) this.#warnedAt.clear();
    this.#warnedAt.set(node, now);
    this.#warn(node, ahead);
  }
}
