// A stream of messages whose right answer is known: which names loop, which nearly do, what is kept of them.
import type { Random } from "../helpers/random.ts";
import { update } from "../helpers/updates.ts";
import { minute } from "../../src/lib/duration.ts";

/** Restarts that make a loop in these streams. */
export const restartCount = 4;
/** How long a restart counts, and a loop is not notified again, both far beyond the length of a round. */
export const restartInterval = "2h";
export const notificationInterval = "24h";

/** One task event, which becomes a message when it is published. */
export interface Event {
  readonly name: string;
  readonly allocation: string;
  readonly task: string;
  readonly type: string;
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint;
}

/** A message: an event, or a text that is none. */
export type Message = Event | { readonly malformed: string };

/** A stream and its right answer. */
export interface Stream {
  /** In the order in which they are published. */
  readonly messages: readonly Message[];
  /** One restart more for each name that nearly loops: after it, each of them does. */
  readonly probe: readonly Event[];
  /** The different restarts that count, by name: of names that loop, of those that nearly do, of the others. */
  readonly loops: ReadonlyMap<string, readonly Event[]>;
  readonly nearly: ReadonlyMap<string, readonly Event[]>;
  readonly single: ReadonlyMap<string, readonly Event[]>;
  /** The texts that no update can be read from, each one of its kind. */
  readonly malformed: ReadonlySet<string>;
}

/** The message as it is published. */
export function textOf(message: Message): string {
  return "malformed" in message ? message.malformed : update(message);
}

const types = ["Started", "Terminated", "Received", "Task Setup", "Not Restarting", "Restart Signaled"];
/** Makes a stream of so many messages, this share of them malformed. Its times are around the present one. */
export function makeStream(random: Random, size: number, malformedShare: number): Stream {
  const maker = new Maker(random);
  const many = Math.max(10, Math.min(300, Math.floor(size / 100)));
  const loops = maker.names(
    "loop",
    many,
    () => restartCount + (random.chance(0.2) ? random.between(1, 8) : 0),
  );
  const nearly = maker.names("nearly", many, () => restartCount - 1);
  const single = maker.names("single", Math.floor(size / 40), () => 1);
  const restarts = [...loops.values(), ...nearly.values(), ...single.values()].flat();
  const malformed = Array.from(
    { length: Math.ceil(size * malformedShare) },
    (_, index) => maker.malformed(index),
  );
  const messages: Message[] = [
    ...restarts,
    ...restarts.filter(() => random.chance(0.1)), // sent again, as nomad-firehose does
    ...[...nearly.keys()].flatMap((name) => maker.decoys(name)),
    ...malformed.map((text) => ({ malformed: text })),
  ];
  const names = [...loops.keys(), ...nearly.keys(), ...single.keys()];
  while (messages.length < size) messages.push(maker.event(random.pick(names), random.pick(types)));
  const probe = [...nearly.keys()].map((name) => maker.event(name));
  return { messages: random.shuffle(messages), probe, loops, nearly, single, malformed: new Set(malformed) };
}

class Maker {
  readonly #random: Random;
  readonly #now = BigInt(Date.now()) * 1_000_000n;
  #made = 0n;

  constructor(random: Random) {
    this.#random = random;
  }

  names(kind: string, count: number, restarts: () => number): Map<string, Event[]> {
    const named = Array.from({ length: count }, (_, index): [string, Event[]] => {
      const name = `${kind}-${index}.group[0]`;
      return [name, this.#restarts(name, restarts())];
    });
    return new Map(named);
  }

  /** An event between twenty minutes ago and ten minutes from now, of a time that no other one has. */
  event(name: string, type = "Restarting"): Event {
    const offset = BigInt(this.#random.between(-1200, 600)) * 1_000_000_000n;
    const allocation = `2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c1${this.#random.below(10)}`;
    return { name, allocation, task: "task", type, time: this.#now + offset + this.#made++ };
  }

  /** What must not be counted: restarts long ago, and events that are no restarts. */
  decoys(name: string): Event[] {
    const old = this.event(name);
    return [
      { ...old, time: old.time - 180n * minute },
      this.event(name, "Restart Signaled"),
      this.event(name, "Not Restarting"),
    ];
  }

  malformed(index: number): string {
    const random = this.#random;
    const broken = update({ name: `malformed-${index}.group[0]` });
    return random.pick([
      `${index} is no object`,
      `{"index":${index}}`,
      broken.slice(0, random.between(60, 400)),
      broken.replace(/"Time":\d+/, '"Time":"yesterday"'),
      broken.replace(/"Time":\d+/, '"Time":1e300'),
      broken.replace(/"TaskEvent":.*/, '"TaskEvent":null}'),
    ]);
  }

  #restarts(name: string, count: number): Event[] {
    const restarts: Event[] = [];
    while (restarts.length < count) {
      const restart = this.event(name);
      restarts.push(restart);
      // Two tasks of an allocation can restart in the same nanosecond: these are two restarts.
      if (restarts.length < count && this.#random.chance(0.05)) restarts.push({ ...restart, task: "other" });
    }
    return restarts;
  }
}
