// What a bench is, and what it yields.
import type { Broker } from "./helpers/broker.ts";

/** What is to be reached. */
export interface Target {
  readonly is: "at least" | "at most";
  readonly value: number;
}

/** One line of the table. */
export interface Row {
  /** What was measured. */
  readonly what: string;
  readonly target: Target;
  /** The median; a ratio unless there is a unit. */
  readonly measured: number;
  readonly unit?: string;
  /** Medians in words, the program's own and the baselines': `raw: 51,000 msg/s`. */
  readonly figures: Readonly<Record<string, string>>;
  /** The single runs, in their order, by name. */
  readonly runs: Readonly<Record<string, readonly number[]>>;
}

/** What a bench may use. */
export interface Bench {
  /** How often each thing is done. */
  readonly repeat: number;
  readonly quick: boolean;
  /** Messages of a backlog. */
  readonly messages: number;
  /** The broker, started when first asked for. */
  broker(): Promise<Broker>;
  /** Says how far it has come. */
  say(line: string): void;
}

/** A bench: one or several lines of the table. */
export interface BenchKind {
  /** The word that selects it. */
  readonly name: string;
  /** In one line. */
  readonly help: string;
  run(bench: Bench): Promise<Row[]>;
}

/** Whether the target is reached. */
export function isMet({ target, measured }: Row): boolean {
  return target.is === "at least" ? measured >= target.value : measured <= target.value;
}

/** To be reached at least. */
export const atLeast = (value: number): Target => ({ is: "at least", value });
/** Not to be exceeded. */
export const atMost = (value: number): Target => ({ is: "at most", value });
