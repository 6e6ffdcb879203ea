// The longest pause of consumption with many keys in the window. It is seen from inside, without a broker: on a
// machine of few cores a broker at work stops everything for longer than the program does.
import { stdout } from "node:process";
import { atMost, type BenchKind, type Row } from "./bench.ts";
import { alone, Batches, batchSize, InstantSink, lead, turn } from "./helpers/inside.ts";
import { Messages } from "./helpers/messages.ts";
import { median } from "./helpers/statistics.ts";
import { figure } from "./report.ts";
import { second } from "../../src/lib/duration.ts";

/** The longest time between the takings of two batches of 250 messages, in milliseconds. */
interface Longest {
  readonly seen: number;
  /** The same without the time in which the thread waited for a core, because others had them all. */
  readonly own: number;
}

/** What was found. */
interface Pauses {
  /** While nothing is taken at all: what the machine and the other work on it do. */
  readonly machine: Longest;
  /** While messages are taken, of which 5 % are restarts. */
  readonly usual: Longest;
  /** The same while repeats fall due. */
  readonly due: Longest;
  /** How many fell due. */
  readonly repeats: number;
}

/** With a million keys, of which 100,000 repeat at one moment. */
export const pause: BenchKind = {
  name: "pause",
  help: "the longest pause of consumption with 1,000,000 keys in the window, and while 100,000 repeat",
  async run(bench) {
    const names = bench.quick ? 100_000 : 1_000_000;
    const found: Pauses[] = [];
    for (let round = 0; round < bench.repeat; round++) {
      const pauses = await alone<Pauses>(import.meta.filename!, names, names / 10, bench.quick ? 3 : 8);
      found.push(pauses);
      const { machine, usual, due, repeats } = pauses;
      bench.say(`${words(usual)}; ${words(due)} while ${repeats} are due; the machine ${words(machine)}`);
    }
    return rowsOf(names, found);
  },
};

const words = ({ seen, own }: Longest) => `${figure(seen)} ms (own ${figure(own)})`;

function rowsOf(names: number, found: readonly Pauses[]): Row[] {
  const row = (what: string, stage: "usual" | "due"): Row => {
    const seen = found.map((pauses) => pauses[stage].seen);
    const own = found.map((pauses) => pauses[stage].own);
    const machine = found.map((pauses) => pauses.machine.seen);
    return {
      what: `longest pause of consumption with ${names.toLocaleString("en-US")} keys in the window${what}`,
      target: atMost(50),
      measured: median(seen),
      unit: "ms",
      figures: {
        "without waiting for a core": `${figure(median(own))} ms`,
        "of a program that does nothing": `${figure(median(machine))} ms`,
      },
      runs: { seen, own, machine },
    };
  };
  const repeats = median(found.map(({ repeats }) => repeats)).toLocaleString("en-US");
  return [row("", "usual"), row(`, while ${repeats} repeat at once`, "due")];
}

/** The clock of a stage: how long it lasts and the longest pause in it. */
class Stage {
  seen = 0;
  own = 0;
  readonly #until: number;
  #leftAt: number | undefined;
  #waited = 0;

  constructor(seconds: number) {
    this.#until = performance.now() + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.#until;
  }

  get longest(): Longest {
    return { seen: this.seen, own: this.own };
  }

  /** To be called when the next batch is asked for. */
  entered(): void {
    if (this.#leftAt === undefined) return;
    const pause = performance.now() - this.#leftAt;
    this.seen = Math.max(this.seen, pause);
    this.own = Math.max(this.own, pause - (waitedForCore() - this.#waited));
  }

  /** To be called when it is handed out. */
  left(): void {
    this.#waited = waitedForCore();
    this.#leftAt = performance.now();
  }
}

/** How long this thread, the first of its process, has waited for a core so far, in milliseconds. */
function waitedForCore(): number {
  return Number(Deno.readTextFileSync("/proc/self/schedstat").split(" ")[1]) / 1e6;
}

/** By how much the clock on the wall was put forward, in milliseconds: nobody waits for the repeats. */
let later = 0;

/** The default; every name has two at first, and usual messages bring few names there. */
const restartCount = 5;
const notificationSeconds = 60;
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
  while (sink.notified < looping) yield batches.next();
  later += notificationSeconds * 1000;
  const first = sink.notified;
  const due = yield* usual(batches, new Stage(seconds), () => sink.notified >= first + looping);
  return { usual: quiet, due, repeats: sink.notified - first };
}

function* restarts(names: number, each: number, size: number): Generator<readonly Uint8Array[]> {
  const messages = new Messages({ restarts: 1, names, inTurn: true });
  const bytes = new TextEncoder();
  for (let made = 0; made < names * each; made += size) {
    yield Array.from({ length: size }, () => bytes.encode(messages.next()));
  }
}

/** Until the stage is over and `done`. */
function* usual(
  batches: Batches,
  stage: Stage,
  done = () => true,
): Generator<readonly Uint8Array[], Longest> {
  while (!stage.over || !done()) {
    stage.entered();
    const batch = batches.next();
    stage.left();
    yield batch;
  }
  return stage.longest;
}

if (import.meta.main) {
  const { now } = Date;
  Date.now = () => now() + later;
  const [names, looping, seconds] = Deno.args.map(Number);
  stdout.write(JSON.stringify(await measure(names!, looping!, seconds!)));
}
