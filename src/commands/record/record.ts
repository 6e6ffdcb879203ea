// The command `record`: writes what the source delivers to a file, a message a line, so that it can be replayed. It
// decides nothing and sends nothing.
import { oneLine } from "../../lib/escape.ts";
import type { Command } from "commander";
import { chooseSource } from "../adapters.ts";
import { flagsOf, optionOf } from "../flags.ts";
import type { Invocation } from "../invocation.ts";
import type { ProcessContext } from "../process_context.ts";
import { processSettings } from "../settings.ts";
import { asFault, Fault } from "../../lib/errors.ts";
import { type Log, openLogOn } from "../../lib/log.ts";
import { StartupDeadline } from "../../lib/startup_deadline.ts";
import { RecordFile, type RecordTo } from "./rotating_file.ts";
import { recordSettings } from "./settings.ts";
import { RejectionLog } from "../../pipeline/rejection_log.ts";
import { complete, type Input, namesOf, readSettings, type Values } from "../../lib/settings/setting.ts";
import { quoted } from "../../lib/settings/redact.ts";
import { formatSize } from "../../lib/size.ts";
import type { Batch, Source, SourceContext } from "../../sources/source.ts";
import { temporaryQueueSource } from "../../sources/amqp/source.ts";

/** What `record` is to do, ready to be opened. */
export interface RecordPlan {
  readonly process: Values<typeof processSettings>;
  readonly to: RecordTo;
  readonly openSource: (context: SourceContext) => Source | Promise<Source>;
}

/** Milliseconds until messages are in the file. */
const flushPeriod = 1000;

/** Reads the settings, so that every wrong one is in `input.problems`; then there is no plan. */
export function planRecord(input: Input, files: readonly string[]): RecordPlan | undefined {
  const to = readSettings(recordSettings, input);
  const chosen = chooseSource(input, files);
  // A queue belongs to the detector, which would miss what is taken from it.
  const source = chosen?.type === temporaryQueueSource.type ? temporaryQueueSource : chosen;
  return complete({
    to,
    openSource: source?.prepare(input),
    process: readSettings(processSettings, input),
  });
}

/** Adds the command to the program, with the flags that only it has. */
export function registerRecord(program: Command, invocation: Invocation): void {
  const { process } = invocation;
  const command = program.command("record").argument("[files...]", "files to read, for the source stdin")
    .description("write what the source delivers to a file for replay; AMQP: from a temporary queue")
    .addHelpText("after", "\nAll flags of the source apply.")
    .action((files: string[]) =>
      invocation.run(
        (input) => planRecord(input, files),
        (plan) => record(plan, { ...process, files }, process.stop),
        flagsOf(command),
      )
    );
  for (const setting of Object.values(recordSettings)) command.addOption(optionOf(setting));
}

/** Records until the source ends or `stop`. Returns the exit code. */
export async function record(plan: RecordPlan, context: ProcessContext, stop: AbortSignal): Promise<number> {
  const log = openLogOn(context.stderr, plan.process.logLevel, plan.process.logFormat);
  let recorder: Recorder | undefined;
  try {
    await requireOthers(context.files, plan.to.path);
    const file = await RecordFile.open(plan.to);
    recorder = new Recorder(file, log);
    await using parts = new AsyncDisposableStack();
    parts.use(file);
    const startupDeadline = parts.use(new StartupDeadline(plan.process.connectTimeout));
    const source = parts.use(
      await plan.openSource({ ...context, log, startupDeadline, restartsOnly: false }),
    );
    const recording = recorder.follow(source, stop);
    recording.catch(() => {});
    await Promise.race([recording, file.failed, startupDeadline.expired]);
  } catch (error) {
    log.error("{reason}", { reason: asFault(unsuppressed(error)).message });
    recorder?.sayTotals();
    return 1;
  }
  recorder.sayTotals();
  return 0;
}

/** @throws {Fault} if a file to read is the one to write, which would be rotated before it is read. */
async function requireOthers(files: readonly string[], path: string): Promise<void> {
  const real = (name: string) => Deno.realPath(name).catch(() => undefined);
  const written = await real(path);
  for (const file of files) {
    if (written === undefined || await real(file) !== written) continue;
    throw new Fault(
      `cannot record ${quoted(file)} into itself; name another file with ${namesOf(recordSettings.path)}`,
      "config",
    );
  }
}

/** The first of several errors. */
function unsuppressed(error: unknown): unknown {
  return error instanceof SuppressedError ? unsuppressed(error.suppressed) : error;
}

/** Writes the messages of a source, and counts them. */
class Recorder {
  readonly #file: RecordFile;
  readonly #log: Log;
  #messages = 0;
  #rejected = 0;

  constructor(file: RecordFile, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  async follow(source: Source, stop: AbortSignal): Promise<void> {
    const rejectionLog = new RejectionLog(this.#log);
    const timer = setInterval(() => void this.#file.flush().catch(() => {}), flushPeriod);
    try {
      for await (const batch of source.batches(stop)) {
        await this.#take(batch, rejectionLog);
        batch.acknowledge();
      }
    } finally {
      clearInterval(timer);
      rejectionLog.stop();
    }
  }

  async #take(batch: Batch, rejectionLog: RejectionLog): Promise<void> {
    for (const [index, body] of batch.bodies.entries()) {
      if (!(body instanceof Uint8Array)) continue; // a source skips messages for one rule only
      try {
        await this.#file.write(lineOf(body));
        this.#messages++;
      } catch (error) {
        if (error instanceof Fault) throw error;
        this.#rejected++;
        rejectionLog.add(batch, index, body, (error as Error).message);
      }
    }
  }

  sayTotals(): void {
    this.#log.info("Recorded {messages} messages, {size}; files written: {files}; rejected: {rejected}", {
      messages: this.#messages,
      size: formatSize(this.#file.bytes),
      files: this.#file.files,
      rejected: this.#rejected,
    });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A message on one line. @throws {Error} with the reason if it is no JSON. */
export function lineOf(body: Uint8Array): Uint8Array {
  if (body.length === 0) throw new Error("empty");
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new Error("not UTF-8");
  }
  try {
    JSON.parse(text);
  } catch {
    throw new Error("not JSON");
  }
  return /[\r\n]/.test(text) ? encoder.encode(oneLine(text)) : body;
}
