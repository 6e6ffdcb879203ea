// Which faults a round has and when, from its seed.
import type { Random } from "../helpers/random.ts";

/** What can happen to the program, to its connections and to the broker. */
export type Fault =
  /** SIGKILL or SIGTERM, and started again with the same state. */
  | { readonly what: "kill" | "terminate" }
  /** The connections of the source or the sink: closed, closed by RST, silent for a while, closed and refused for a while. */
  | { readonly what: "cut" | "reset"; readonly on: Side }
  | { readonly what: "stall" | "refuse"; readonly on: Side; readonly milliseconds: number }
  /** The broker: SIGKILL or SIGTERM, and started again on its data. */
  | { readonly what: "broker-kill" | "broker-stop" };

/** Whose connection. */
export type Side = "source" | "sink";

/** Faults that begin together. */
export interface Moment {
  /** When so many of the messages, as a share, are published … */
  readonly share: number;
  /** … and the program consumes (or in the middle of its start), this many milliseconds later. */
  readonly milliseconds: number;
  readonly whileStarting: boolean;
  readonly faults: readonly Fault[];
}

/** What a round may do. */
export interface Allowed {
  /** The program may be ended: its state outlives it. */
  readonly program: boolean;
  /** What befalls the broker, once. */
  readonly broker: "broker-kill" | "broker-stop" | undefined;
}

/** Seconds of AMQP's heartbeat in a round: a connection silent for twice as long is taken for lost. */
export const heartbeat = 1;

/** The faults of a round, in their order. */
export function planFaults(random: Random, { program, broker }: Allowed): Moment[] {
  const count = random.between(4, 6);
  const momentOfBroker = random.below(count);
  const shares = Array.from({ length: count }, () => random.next() * 0.95).sort((a, b) => a - b);
  return shares.map((share, index): Moment => {
    const faults = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => someFault(random, program));
    if (broker !== undefined && index === momentOfBroker) faults.push({ what: broker });
    return { share, milliseconds: random.below(400), whileStarting: random.chance(0.15), faults };
  });
}

function someFault(random: Random, program: boolean): Fault {
  const on = random.pick(["source", "sink"] as const);
  const what = random.pick([
    ...(program ? ["kill", "kill", "kill", "terminate"] as const : []),
    ...["cut", "reset", "stall", "refuse"] as const,
  ]);
  switch (what) {
    case "kill":
    case "terminate":
      return { what };
    case "cut":
    case "reset":
      return { what, on };
    case "stall": // long enough for the heartbeat, or not
      return { what, on, milliseconds: random.chance(0.4) ? heartbeat * 3000 : random.between(50, 1500) };
    case "refuse":
      return { what, on, milliseconds: random.between(50, 1500) };
  }
}

/** How often which faults were, in words: `kill×3 stall×1`. */
export function countFaults(moments: readonly Moment[]): string {
  const counts = new Map<string, number>();
  for (const { what } of moments.flatMap(({ faults }) => faults)) {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].sort().map(([what, count]) => `${what}×${count}`).join(" ");
}
