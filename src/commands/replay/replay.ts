// The command `replay`: reads recordings to their end and says what would have been told, with one rule or with a grid
// of thresholds. It opens no sink and keeps no state.
import type { Command } from "commander";
import type { Invocation } from "../invocation.ts";
import { outputSettings, processSettings } from "../settings.ts";
import { Fault } from "../../lib/errors.ts";
import { currentInput, planGrid, writeGrid } from "./sweep.ts";
import { type Log, openLog } from "../../lib/log.ts";
import type { ProcessContext } from "../process_context.ts";
import { Progress } from "./progress_bar.ts";
import { type Format, type Piece, type Reading, Recording, standardInput } from "./recording.ts";
import { type ReadTotals, writeReplay } from "./report.ts";
import { planRule, type RulePlan, ruleSettings } from "../../detection/settings.ts";
import { RejectionLog } from "../../pipeline/rejection_log.ts";
import { type Input, readSettings, type Values } from "../../lib/settings/setting.ts";
import type { Bytes } from "../../sources/source.ts";
import { RecordedStream } from "../../sources/nomad/recorded_stream.ts";
import { requireFile } from "../../sources/stdin/files.ts";
import { clockWarning } from "../../pipeline/clock_warnings.ts";
import { Trial } from "./simulation.ts";

const help = `All flags of the rule apply. With several values for one of --restart-count, --restart-interval,
--stable-after and --notification-interval, as in --restart-count 3,5,10, it prints what each
combination would have notified, and how that differs from the settings in force: the variables and
the defaults. The rule is failures for recordings of Nomad and restarts for those of nomad-firehose,
unless --rule says otherwise.`;

/** Adds the command to the program. */
export function registerReplay(program: Command, invocation: Invocation): void {
  const { process } = invocation;
  program.command("replay").argument("[files...]", "recordings, plain or gzip; - or none is standard input")
    .description("show which alerts recordings would have caused, with one rule or a sweep of thresholds")
    .option("--json", "print one object of JSON; as --output json")
    .addHelpText("after", `\n${help}`)
    .action((files: string[], { json }: { json?: boolean }) =>
      invocation.run(
        planReplay,
        (plan) => replay(plan, { ...process, files }, (text) => invocation.print(text), process.stop),
        json ? { "--output": "json" } : {},
      )
    );
}

/** What `replay` is asked to do. */
export interface ReplayPlan {
  readonly input: Input;
  readonly process: Values<typeof processSettings>;
  readonly json: boolean;
}

/** What it uses of the process. */
type ReplayContext = Pick<ProcessContext, "files" | "stdin" | "canvas"> & {
  readonly stderr: { write(line: string): void };
};

/** Reads the settings. What is wrong with them stands in `input.problems`, and then there is no plan. */
export function planReplay(input: Input): ReplayPlan | undefined {
  const process = readSettings(processSettings, input);
  const out = readSettings(outputSettings, input);
  // Which rule is the default depends on the recording: what is wrong with either is wrong.
  const problems = (["firehose", "nomad"] as const).map((format) => problemsOf(input, format));
  if (problems.every((lines) => lines.length > 0)) input.problems.push(...problems[0]!);
  return process && out && input.problems.length === 0
    ? { input, process, json: out.output === "json" }
    : undefined;
}

function problemsOf(input: Input, format: Format): string[] {
  const tried: Input = { ...input, problems: [] };
  planTrials(tried, format);
  return [...new Set(tried.problems)];
}

/** The rules to be tried: the current one where there is a grid, and those of the grid. */
interface Trials {
  readonly current: RulePlan;
  readonly grid: readonly RulePlan[] | undefined;
}

function planTrials(input: Input, format: Format): Trials | undefined {
  const source = sourceOf[format];
  const grid = planGrid(input, source);
  if (input.problems.length > 0) return undefined;
  const current = planRule(grid === undefined ? input : currentInput(input), source);
  return current && { current, grid };
}

/** The source whose default rule a recording has. */
const sourceOf = { firehose: "stdin", nomad: "nomad", "event stream": "nomad" } as const;

/** Replays. `say` writes to standard output. Yields the exit code. */
export async function replay(
  plan: ReplayPlan,
  context: ReplayContext,
  say: (text: string) => void,
  stop: AbortSignal,
): Promise<number> {
  const files = context.files.length === 0 ? [standardInput] : context.files;
  const named = files.filter((file) => file !== standardInput);
  let progress: Progress | undefined;
  const { logLevel, logFormat } = plan.process;
  const log = openLog(logLevel, logFormat, (line) => {
    progress?.erase();
    context.stderr.write(line);
  });
  try {
    for (const file of named) await requireFile(file);
    progress = new Progress(named.length === files.length ? await sizeOf(files) : undefined, context.canvas);
    using _ = progress;
    const replaying = new Replay(plan, log, context.stdin, (bytes) => progress!.add(bytes), stop);
    for (const file of files) if (!stop.aborted) await replaying.read(file);
    await progress.end();
    say(replaying.result());
    if (stop.aborted) log.warning("Stopped before the end of what was to be replayed");
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    log.error("{reason}", { reason: error.message });
    return 1;
  }
}

/** Bytes of all files; undefined where one is a pipe. */
async function sizeOf(files: readonly string[]): Promise<number | undefined> {
  const found = await Promise.all(files.map((file) => Deno.stat(file)));
  return found.every(({ isFile }) => isFile) ? found.reduce((total, { size }) => total + size, 0) : undefined;
}

/** A replay on its way. */
class Replay {
  readonly #plan: ReplayPlan;
  readonly #reading: Reading;
  readonly #totals: ReadTotals = { lines: 0, updates: 0, malformed: 0 };
  readonly #rejections: RejectionLog;
  readonly #allocations = new RecordedStream();
  /** The rules, known from the first recording on; the first is that of the current settings. */
  #trials: readonly Trial[] = [];
  #format: Format | undefined;
  #isGrid = false;

  constructor(
    plan: ReplayPlan,
    log: Log,
    stdin: Bytes,
    onRead: (bytes: number) => void,
    stop: AbortSignal,
  ) {
    this.#plan = plan;
    this.#rejections = new RejectionLog(log);
    const rejections = (place: string, body: Uint8Array, reason: string) => this.#reject(place, body, reason);
    this.#reading = { log, stdin, stop, onRead, rejections };
  }

  /** Reads a recording to its end. @throws {Fault} */
  async read(file: string): Promise<void> {
    await using recording = await Recording.open(file, this.#reading);
    this.#begin(recording);
    const restartsOnly = this.#trials.every(({ plan }) => plan.restartsOnly);
    try {
      recording.skipUntil = this.#trials[0]!.skipUntil;
      for await (const piece of recording.pieces(restartsOnly, this.#allocations)) {
        this.#take(piece);
        recording.skipUntil = this.#trials[0]!.skipUntil;
      }
    } finally {
      this.#rejections.stop();
    }
  }

  #begin({ format, title }: Recording): void {
    const { input } = this.#plan;
    if (this.#format === undefined) {
      const tried: Input = { ...input, problems: [] };
      const planned = planTrials(tried, format);
      if (planned === undefined) throw new Fault([...new Set(tried.problems)].join("\n"), "config");
      const { current, grid } = planned;
      this.#isGrid = grid !== undefined;
      this.#trials = [current, ...grid ?? []].map((plan, index) =>
        new Trial(plan, !this.#isGrid, index === 0 ? clockWarning(this.#reading.log) : undefined)
      );
    } else if (sourceOf[format] !== sourceOf[this.#format] && !isRuleGiven(input)) {
      throw new Fault(
        `cannot replay ${title} together with what is before it: one is of nomad-firehose, the other of Nomad, and ` +
          "their default rules differ; say which with RULE (--rule)",
        "config",
      );
    }
    this.#format ??= format;
  }

  #take(piece: Piece): void {
    this.#totals.lines += piece.lines;
    for (const [index, body] of piece.bodies.entries()) {
      if (!(body instanceof Uint8Array)) {
        this.#totals.updates += body.count;
        for (const trial of this.#trials) trial.pass(body.newest);
        continue;
      }
      const update = this.#trials[0]!.decode(body);
      if (update.kind === "malformed") {
        this.#reject(piece.place(index), body, update.reason);
        continue;
      }
      this.#totals.updates++;
      for (const trial of this.#trials) trial.take(update, body);
    }
  }

  #reject(place: string, body: Uint8Array, reason: string): void {
    this.#totals.malformed++;
    this.#rejections.add(
      { bodies: [], place: () => place, reject: () => {}, acknowledge: () => {} },
      0,
      body,
      reason,
    );
  }

  /** What was found, as it is to be printed. */
  result(): string {
    const [current, ...grid] = this.#trials;
    return this.#isGrid
      ? writeGrid(current!, grid, this.#totals, this.#plan.json)
      : writeReplay(current!, this.#totals, this.#plan.json);
  }
}

function isRuleGiven(input: Input): boolean {
  return readSettings({ rule: ruleSettings.rule }, { ...input, problems: [] })?.rule !== undefined;
}
