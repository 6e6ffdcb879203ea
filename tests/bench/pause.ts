// The longest pause of consumption with many names in the window. It is seen from inside, without a broker: on a
// machine of few cores a broker at work stops everything for longer than the program does.
import { stdout } from "node:process";
import { atMost, type BenchKind, type Row } from "./bench.ts";
import { alone, Batches, batchSize, InstantSink, lead, turn } from "./helpers/inside.ts";
import { Messages } from "./helpers/messages.ts";
import { median } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** The longest time between the takings of two batches of 250 messages, in milliseconds. */
interface Pauses {
  /** While nothing is taken at all: what the machine and the other work on it do. */
  readonly machine: number;
  /** While messages are taken, of which 5 % are restarts. */
  readonly usual: number;
  /** The same while repeats fall due. */
  readonly due: number;
  /** How many fell due. */
  readonly repeats: number;
}

/** With a million names, of which 100,000 are to be told again at one moment. */
export const pause: BenchKind = {
  name: "pause",
  help:
    "the longest pause of consumption with 1,000,000 names in the window, and while 100,000 are told again",
  async run(bench) {
    const names = bench.quick ? 100_000 : 1_000_000;
    const found: Pauses[] = [];
    for (let round = 0; round < bench.repeat; round++) {
      const pauses = await alone<Pauses>(import.meta.filename!, names, names / 10, bench.quick ? 3 : 8);
      found.push(pauses);
      const { machine, usual, due, repeats } = pauses;
      bench.say(
        `longest ${figure(usual)} ms, ${figure(due)} ms while ${repeats} are due; machine ${
          figure(machine)
        } ms`,
      );
    }
    return rowsOf(names, found);
  },
};

function rowsOf(names: number, found: readonly Pauses[]): Row[] {
  const machine = found.map(({ machine }) => machine);
  const row = (what: string, runs: readonly number[]): Row => ({
    what: `longest pause of consumption with ${names.toLocaleString("en-US")} names in the window${what}`,
    target: atMost(50),
    measured: median(runs),
    unit: "ms",
    figures: { machine: `${figure(median(machine))} ms`, most: `${figure(Math.max(...runs))} ms` },
    runs: { ours: runs, machine },
  });
  return [
    row("", found.map(({ usual }) => usual)),
    row(
      `, while ${median(found.map(({ repeats }) => repeats)).toLocaleString("en-US")} are told again at once`,
      found.map(({ due }) => due),
    ),
  ];
}

/** The clock of a stage: how long it lasts and the longest pause in it. */
class Stage {
  longest = 0;
  readonly #until: number;
  #left: number | undefined;

  constructor(seconds: number) {
    this.#until = performance.now() + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.#until;
  }

  /** To be called when the next batch is asked for, and when it is handed out. */
  entered(): void {
    if (this.#left !== undefined) this.longest = Math.max(this.longest, performance.now() - this.#left);
  }
  left(): void {
    this.#left = performance.now();
  }
}

/** Of the default, what a loop takes; every name has two at first, and usual messages bring few of them there. */
const restartCount = 5;
const notificationSeconds = 12;
const second = 1_000_000_000n;

async function measure(names: number, looping: number, seconds: number): Promise<Pauses> {
  const machine = new Stage(seconds);
  for (; !machine.over; await turn()) {
    machine.entered();
    machine.left();
  }
  const sink = new InstantSink();
  const steps = plan(names, looping, seconds, sink);
  const notificationInterval = BigInt(notificationSeconds) * second;
  const thresholds = { restartCount, restartInterval: 3600n * second, notificationInterval };
  let found: Omit<Pauses, "machine"> | undefined;
  await lead(thresholds, sink, () => {
    const { value, done } = steps.next();
    if (done) found = value;
    return done ? undefined : value;
  });
  return { machine: machine.longest, ...found! };
}

/** What comes: two restarts of every name, usual messages, loops all at one moment, usual messages. */
function* plan(
  names: number,
  looping: number,
  seconds: number,
  sink: InstantSink,
): Generator<readonly Uint8Array[], Omit<Pauses, "machine">> {
  yield* restarts(names, 2, batchSize);
  const batches = new Batches(names);
  yield* usual(batches, new Stage(2)); // the compiler's work
  const quiet = yield* usual(batches, new Stage(seconds));
  yield* restarts(looping, restartCount - 3, batchSize);
  yield* restarts(looping, 1, looping); // in one batch, which has one time
  // The first alerts go out, and half a second before the repeats are due there is nothing else to do.
  const before = sink.told;
  yield* usual(batches, new Stage(notificationSeconds - 0.5));
  const first = sink.told;
  if (first - before < looping) throw new Error(`only ${first - before} of ${looping} were told in time`);
  const due = yield* usual(batches, new Stage(seconds));
  return { usual: quiet, due, repeats: sink.told - first };
}

function* restarts(names: number, each: number, size: number): Generator<readonly Uint8Array[]> {
  const messages = new Messages({ restarts: 1, names, inTurn: true });
  const bytes = new TextEncoder();
  for (let made = 0; made < names * each; made += size) {
    yield Array.from({ length: size }, () => bytes.encode(messages.next()));
  }
}

function* usual(batches: Batches, stage: Stage): Generator<readonly Uint8Array[], number> {
  while (!stage.over) {
    stage.entered();
    const batch = batches.next();
    stage.left();
    yield batch;
  }
  return stage.longest;
}

if (import.meta.main) {
  const [names, looping, seconds] = Deno.args.map(Number);
  stdout.write(JSON.stringify(await measure(names!, looping!, seconds!)));
}
