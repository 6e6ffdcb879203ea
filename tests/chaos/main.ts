// `deno task test:chaos`: as many rounds as wanted, one line each, a table at the end; exit 1 if one failed.
import { parseArgs } from "node:util";
import { anySeed } from "../helpers/random.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { type Outcome, playRound } from "./round.ts";
import type { QueueKind, StateKind } from "./scene.ts";

const usage =
  "deno task test:chaos [--rounds N] [--state memory|sqlite] [--queue classic|quorum] [--seed S] " +
  "[--messages M]";

interface Wanted {
  readonly rounds: number;
  readonly state: StateKind;
  /** Both where it is not said: each in every second round. */
  readonly queue: QueueKind | undefined;
  readonly seed: number;
  readonly messages: number;
}

function readArguments(args: string[]): Wanted {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "10" },
      state: { type: "string", default: "sqlite" },
      queue: { type: "string" },
      seed: { type: "string", default: String(anySeed()) },
      messages: { type: "string", default: "100000" },
    },
  });
  const number = (text: string, least: number) => {
    if (!/^\d+$/.test(text) || Number(text) < least) {
      throw new Error(`expected a whole number of at least ${least}, found "${text}"`);
    }
    return Number(text);
  };
  const { state, queue } = values;
  if (state !== "memory" && state !== "sqlite") {
    throw new Error(`expected memory or sqlite, found "${state}"`);
  }
  if (queue !== undefined && queue !== "classic" && queue !== "quorum") {
    throw new Error(`expected classic or quorum, found "${queue}"`);
  }
  return {
    rounds: number(values.rounds, 1),
    state,
    queue,
    seed: number(values.seed, 0),
    messages: number(values.messages, 1000),
  };
}

async function play({ rounds, state, queue, seed: first, messages }: Wanted): Promise<Outcome[]> {
  await using broker = await startRabbitMq();
  const outcomes: Outcome[] = [];
  for (let index = 0; index < rounds; index++) {
    const seed = first + index;
    const kind = queue ?? (seed % 2 === 0 ? "quorum" : "classic");
    const outcome = await playRound(broker, { seed, messages, state, queue: kind });
    outcomes.push(outcome);
    say(`round ${index + 1}: ${line(outcome)}`);
    if (outcome.problems.length === 0) continue;
    for (const problem of outcome.problems.slice(0, 10)) say(`  ${problem.slice(0, 600)}`);
    if (outcome.problems.length > 10) say(`  and ${outcome.problems.length - 10} more`);
    say(`  the program's log: ${outcome.log}`);
    say(
      `  again: deno task test:chaos --rounds 1 --state ${state} --queue ${kind} --seed ${seed} --messages ${messages}`,
    );
  }
  return outcomes;
}

function line(outcome: Outcome): string {
  const { round, faults, notified, loops, notifiedTwice, notifiedFalsely, lost, seconds } = outcome;
  return `${
    outcome.problems.length === 0 ? "ok" : "FAILED"
  }, seed ${round.seed}, ${round.queue}, ${faults}: ` +
    `notified ${notified} of ${loops}, twice ${notifiedTwice}, falsely ${notifiedFalsely}, lost ${lost}, ${
      seconds.toFixed(1)
    } s`;
}

const columns: readonly [title: string, cell: (outcome: Outcome) => string | number][] = [
  ["seed", ({ round }) => round.seed],
  ["queue", ({ round }) => round.queue],
  ["messages", ({ round }) => round.messages],
  ["published again", ({ publishedAgain }) => publishedAgain],
  ["faults", ({ faults }) => faults],
  ["starts", ({ lives }) => lives],
  ["loops", ({ loops }) => loops],
  ["notified", ({ notified }) => notified],
  ["notified under two ids", ({ notifiedTwice }) => notifiedTwice],
  ["notified though no loop", ({ notifiedFalsely }) => notifiedFalsely],
  ["lost", ({ lost }) => lost],
  ["same alert again", ({ again }) => again],
  ["seconds", ({ seconds }) => seconds.toFixed(1)],
  ["", ({ problems }) => problems.length === 0 ? "ok" : "FAILED"],
];

function table(outcomes: readonly Outcome[]): string {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const sums = columns.map(([title, cell]) => {
    if (title === "seed") return "all";
    if (title === "faults" || title === "queue") return "";
    if (title === "") return outcomes.every(({ problems }) => problems.length === 0) ? "ok" : "FAILED";
    const sum = outcomes.reduce((sum, outcome) => sum + Number(cell(outcome)), 0);
    return title === "seconds" ? sum.toFixed(1) : sum;
  });
  return [
    row(columns.map(([title]) => title)),
    row(columns.map(() => "---")),
    ...outcomes.map((outcome) => row(columns.map(([, cell]) => cell(outcome)))),
    row(sums),
  ].join("\n");
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

let wanted;
try {
  wanted = readArguments(Deno.args);
} catch (error) {
  say(`${(error as Error).message}\n${usage}`);
  Deno.exit(2);
}
const outcomes = await play(wanted);
say(`\n${table(outcomes)}`);
Deno.exit(outcomes.every(({ problems }) => problems.length === 0) ? 0 : 1);
