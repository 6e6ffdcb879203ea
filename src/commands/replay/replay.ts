// The command `replay`: reads recordings to their end and prints which alerts they would have caused, with one rule or a
// sweep of thresholds. It opens no sink and keeps no state.
import type { Command } from "commander";
import type { Invocation } from "../invocation.ts";
import { outputSettings, processSettings } from "../settings.ts";
import { Fault } from "../../lib/errors.ts";
import { currentInput, planSweep, writeSweep } from "./sweep.ts";
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
import { Simulation } from "./simulation.ts";

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

/** What `replay` is to do. */
export interface ReplayPlan {
  readonly input: Input;
  readonly process: Values<typeof processSettings>;
  readonly json: boolean;
}

/** What it needs of the process. */
type ReplayContext = Pick<ProcessContext, "files" | "stdin" | "canvas"> & {
  readonly stderr: { write(line: string): void };
};

/** Reads the settings, so that every wrong one is in `input.problems`; then there is no plan. */
export function planReplay(input: Input): ReplayPlan | undefined {
  const process = readSettings(processSettings, input);
  const out = readSettings(outputSettings, input);
  // The default rule depends on the recording: the settings are wrong if they are with both.
  const problems = (["firehose", "nomad"] as const).map((format) => problemsOf(input, format));
  if (problems.every((lines) => lines.length > 0)) input.problems.push(...problems[0]!);
  return process && out && input.problems.length === 0
    ? { input, process, json: out.output === "json" }
    : undefined;
}

function problemsOf(input: Input, format: Format): string[] {
  const tried: Input = { ...input, problems: [] };
  planRules(tried, format);
  return [...new Set(tried.problems)];
}

/** The rules to simulate: that of the settings in force, and those of a sweep. */
interface Rules {
  readonly current: RulePlan;
  readonly sweep: readonly RulePlan[] | undefined;
}

function planRules(input: Input, format: Format): Rules | undefined {
  const source = sourceOf[format];
  const sweep = planSweep(input, source);
  if (input.problems.length > 0) return undefined;
  const current = planRule(sweep === undefined ? input : currentInput(input), source);
  return current && { current, sweep };
}

/** The source whose default rule a recording has. */
const sourceOf = { firehose: "stdin", nomad: "nomad", "event stream": "nomad" } as const;

/** Replays. `say` writes to standard output. Returns the exit code. */
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
    if (stop.aborted) log.warning("Stopped before the end of the recordings");
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    log.error("{reason}", { reason: error.message });
    return 1;
  }
}

/** Bytes of all files; undefined if one is a pipe. */
async function sizeOf(files: readonly string[]): Promise<number | undefined> {
  const found = await Promise.all(files.map((file) => Deno.stat(file)));
  return found.every(({ isFile }) => isFile) ? found.reduce((total, { size }) => total + size, 0) : undefined;
}

/** One replay: the recordings read so far, and the simulations of the rules. */
class Replay {
  readonly #plan: ReplayPlan;
  readonly #reading: Reading;
  readonly #totals: ReadTotals = { lines: 0, updates: 0, malformed: 0 };
  readonly #rejections: RejectionLog;
  readonly #allocations = new RecordedStream();
  /** The rules, known from the first recording on; the first is that of the current settings. */
  #simulations: readonly Simulation[] = [];
  #format: Format | undefined;
  #isSweep = false;

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
    const restartsOnly = this.#simulations.every(({ plan }) => plan.restartsOnly);
    try {
      recording.skipUntil = this.#simulations[0]!.skipUntil;
      for await (const piece of recording.pieces(restartsOnly, this.#allocations)) {
        this.#take(piece);
        recording.skipUntil = this.#simulations[0]!.skipUntil;
      }
    } finally {
      this.#rejections.stop();
    }
  }

  #begin({ format, title }: Recording): void {
    const { input } = this.#plan;
    if (this.#format === undefined) {
      const tried: Input = { ...input, problems: [] };
      const planned = planRules(tried, format);
      if (planned === undefined) throw new Fault([...new Set(tried.problems)].join("\n"), "config");
      const { current, sweep } = planned;
      this.#isSweep = sweep !== undefined;
      this.#simulations = [current, ...sweep ?? []].map((plan, index) =>
        new Simulation(plan, !this.#isSweep, index === 0 ? clockWarning(this.#reading.log) : undefined)
      );
    } else if (sourceOf[format] !== sourceOf[this.#format] && !isRuleGiven(input)) {
      throw new Fault(
        `cannot replay ${title} with the recordings before it: one is of nomad-firehose, the other of Nomad, and ` +
          "their default rules differ; choose one with RULE (--rule)",
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
        for (const simulation of this.#simulations) simulation.pass(body.newest);
        continue;
      }
      const update = this.#simulations[0]!.decode(body);
      if (update.kind === "malformed") {
        this.#reject(piece.place(index), body, update.reason);
        continue;
      }
      this.#totals.updates++;
      for (const simulation of this.#simulations) simulation.take(update, body);
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

  /** The report to print. */
  result(): string {
    const [current, ...sweep] = this.#simulations;
    return this.#isSweep
      ? writeSweep(current!, sweep, this.#totals, this.#plan.json)
      : writeReplay(current!, this.#totals, this.#plan.json);
  }
}

function isRuleGiven(input: Input): boolean {
  return readSettings({ rule: ruleSettings.rule }, { ...input, problems: [] })?.rule !== undefined;
}
