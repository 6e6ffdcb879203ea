// The wiring: which sources and sinks there are, and what is opened in which order and closed in reverse.
// The only file that knows all adapters.
import { Delivery } from "./delivery.ts";
import { Detector } from "./detector.ts";
import { formatDuration } from "./duration.ts";
import { taskApi } from "./clients/nomad_settings.ts";
import { asFault, Fault } from "./fault.ts";
import { findKind, words } from "./kind.ts";
import { type Log, logFormats, logLevels, openLog } from "./log.ts";
import { follow, type Totals } from "./pipeline.ts";
import {
  choice,
  choices,
  duration,
  type Input,
  optional,
  readSettings,
  type SettingsGroup,
  toggle,
  type Values,
  wholeNumber,
} from "./settings.ts";
import type { Sink, SinkContext, SinkKind } from "./sink.ts";
import { amqpSink } from "./sinks/amqp.ts";
import { kinesis } from "./sinks/kinesis.ts";
import { stdout } from "./sinks/stdout.ts";
import { openLedger, type State, state } from "./state.ts";
import type { Source, SourceContext, SourceKind } from "./source.ts";
import { amqpSource } from "./sources/amqp.ts";
import { lines } from "./sources/lines.ts";
import { nomad } from "./sources/nomad.ts";

/** Every source. */
const sources: readonly SourceKind[] = [amqpSource, nomad, lines];
/** Every sink. */
const sinks: readonly SinkKind[] = [stdout, amqpSink, kinesis];

const general = {
  sourceType: optional(choice({
    env: "SOURCE_TYPE",
    help: "where updates come from",
    defaultNote: "amqp where AMQP_CONNECTION or AMQP_QUEUE is set, else nomad where NOMAD_ADDR is or " +
      "NOMAD_SECRETS_DIR has an api.sock, stdin where files are named",
    example: "stdin",
  }, words(sources))),
};

const rule = {
  restartCount: wholeNumber(
    { env: "RESTART_COUNT", help: "restarts that make a crash loop", default: "5", example: "3" },
    1,
    1_000_000,
  ),
  restartInterval: duration({
    env: "RESTART_INTERVAL",
    help: "only restarts younger than this count",
    default: "5m",
    example: "1h30m",
  }),
  notificationInterval: duration({
    env: "NOTIFICATION_INTERVAL",
    help: "a loop is told at most this often",
    default: "5m",
    example: "30m",
  }),
  ignoreIntended: toggle({
    env: "IGNORE_INTENDED_RESTARTS",
    help: "do not count restarts that a person or a template asked for",
  }),
};

const memory = { state };

const output = {
  sinkTypes: choices({
    env: "SINK_TYPE",
    help: "where alerts go: one sink or several, separated by commas",
    default: "stdout",
    example: "stdout,amqp",
  }, words(sinks)),
  output: optional(choice({
    env: "OUTPUT",
    help: "how the sink stdout writes an alert",
    defaultNote: "text on a terminal, json elsewhere",
    example: "json",
  }, ["json", "text"] as const)),
};

const process = {
  logLevel: choice({
    env: "LOG_LEVEL",
    help: "how much is logged to stderr; debug has a line for each restart",
    default: "info",
    example: "debug",
  }, logLevels),
  logFormat: choice(
    { env: "LOG_FORMAT", help: "how it is logged", default: "text", example: "json" },
    logFormats,
  ),
  shutdownTimeout: duration({
    env: "SHUTDOWN_TIMEOUT",
    help: "after SIGINT or SIGTERM: how long alerts on their way may take",
    default: "10s",
    example: "30s",
  }),
};

/** Every setting there is, as help and README show them. */
export const settingsGroups: readonly SettingsGroup[] = [
  { title: "Source", settings: general },
  ...sources.map(({ group }) => group),
  { title: "Rule", settings: rule },
  { title: "State", settings: memory },
  { title: "Sinks", settings: output },
  ...sinks.map(({ group }) => group),
  { title: "Process", settings: process },
].filter(({ settings }) => Object.keys(settings).length > 0);

/** The program, ready to be opened. */
export interface Plan {
  readonly rule: Values<typeof rule>;
  readonly process: Values<typeof process>;
  readonly state: State;
  readonly output: "json" | "text" | undefined;
  readonly openSource: (context: SourceContext) => Source;
  readonly openSinks: readonly ((context: SinkContext) => Sink)[];
}

/** Reads all settings. What is wrong with them stands in `input.problems`, and then there is no plan. */
export function plan(input: Input, files: readonly string[]): Plan | undefined {
  const openSource = chooseSource(input, files);
  const rules = readSettings(rule, input);
  const kept = readSettings(memory, input);
  const out = readSettings(output, input);
  const sinkKinds = new Set(out?.sinkTypes.map((word) => findKind(sinks, word)!));
  const openSinks = [...sinkKinds].map((kind) => kind.prepare(input));
  const processes = readSettings(process, input);
  if (!openSource || !rules || !kept || !out || !processes) return undefined;
  if (!openSinks.every((open) => open !== undefined)) return undefined;
  return { rule: rules, process: processes, state: kept.state, output: out.output, openSource, openSinks };
}

function chooseSource(input: Input, files: readonly string[]): ReturnType<SourceKind["prepare"]> {
  const chosen = readSettings(general, input);
  if (chosen === undefined) return undefined;
  const given = (env: string, flag: string) => input.flags[flag] ?? (input.env[env] || undefined);
  const type = chosen.sourceType ??
    (files.length > 0
      ? lines.type
      : (given("AMQP_CONNECTION", "--amqp-connection") ?? given("AMQP_QUEUE", "--amqp-queue")) !== undefined
      ? amqpSource.type
      : (given("NOMAD_ADDR", "--nomad-addr") ??
          taskApi(given("NOMAD_SECRETS_DIR", "--nomad-secrets-dir"))) !==
          undefined
      ? nomad.type
      : undefined);
  if (type === undefined) {
    input.problems.push(waysToStart);
    return undefined;
  }
  if (files.length > 0 && type !== lines.type) {
    input.problems.push(
      `SOURCE_TYPE (--source-type): found "${type}" and files to read; files are read by the source "${lines.type}"`,
    );
  }
  return findKind(sources, type)!.prepare(input);
}

const waysToStart = `No source. Say where updates come from, in one of these ways:
  NOMAD_ADDR=http://localhost:4646 nomad-crashloop-detector
  AMQP_CONNECTION=amqp://guest:guest@localhost:5672/ AMQP_QUEUE=nomad.crash-loop-in nomad-crashloop-detector
  nomad-firehose | nomad-crashloop-detector --source-type stdin
  nomad-crashloop-detector recording.ndjson.gz`;

/** What the program stands on: the streams of its process. */
export interface World extends Omit<SourceContext, "log">, Omit<SinkContext, "readable"> {
  readonly stdoutIsTerminal: boolean;
  readonly stderr: { write(line: string): void };
}

/** Detects until the input ends or `stop`. Yields the exit code. */
export async function detect(plan: Plan, world: World, stop: AbortSignal): Promise<number> {
  const log = openLog(plan.process.logLevel, plan.process.logFormat, world.stderr.write);
  await using parts = new AsyncDisposableStack();
  const source = plan.openSource({ ...world, log });
  try {
    const sinks = openSinks(plan, world);
    const context = { sinks: sinks.map(({ type }) => type), newerReplaces: source.clock === "wall" };
    const ledger = parts.use(openLedger(plan.state, context));
    const delivery = parts.use(new Delivery(sinks, (sink) => ledger.outbox(sink), log));
    parts.use(source);
    const { ignoreIntended, ...thresholds } = plan.rule;
    const detector = new Detector(thresholds, ledger);
    detector.restore(ledger.kept);
    if (ledger.durable) sayState(log, plan, detector, delivery);
    await delivery.start();
    delivery.pump();
    const following = follow({ source, detector, ledger, delivery, log, ignoreIntended }, stop);
    following.catch(() => {});
    const totals = await Promise.race([following, delivery.over, deadline(plan, stop)]);
    if (totals === "deadline") {
      sayUnfinished(log, plan, delivery);
      return 1;
    }
    sayTotals(log, totals);
    return 0;
  } catch (error) {
    const fault = asFault(error);
    if (fault.healing === "over" && source.clock === "events") return 0;
    if (!(error instanceof Fault)) throw error;
    log.error("{reason}", { reason: fault.message });
    return 1;
  }
}

/** Tries the source and all sinks; consumes and sends nothing. Yields the exit code. */
export async function check(
  plan: Plan,
  world: World,
  say: (line: string) => Promise<unknown>,
): Promise<number> {
  const log = openLog("error", plan.process.logFormat, world.stderr.write);
  await using parts = new AsyncDisposableStack();
  const context = { ...world, log, readable: false };
  const source = parts.use(plan.openSource(context));
  const opened = plan.openSinks.map((open) => parts.use(open(context)));
  let code = 0;
  for (
    const { what, check } of [
      { what: "source", check: () => source.check() },
      ...opened.map((sink) => ({ what: `sink ${sink.type}`, check: () => sink.check() })),
    ]
  ) {
    try {
      await say(`ok      ${what}: ${await check()}`);
    } catch (error) {
      code = 1;
      await say(`failed  ${what}: ${asFault(error).message}`);
    }
  }
  return code;
}

function openSinks(plan: Plan, world: World): Sink[] {
  const readable = plan.output === undefined ? world.stdoutIsTerminal : plan.output === "text";
  return plan.openSinks.map((open) => open({ ...world, readable }));
}

/** Resolves when, after `stop`, time for what is on its way is up. */
function deadline(plan: Plan, stop: AbortSignal): Promise<"deadline"> {
  return new Promise((resolve) => {
    const milliseconds = Number(plan.process.shutdownTimeout / 1_000_000n);
    const wait = () => Deno.unrefTimer(setTimeout(() => resolve("deadline"), milliseconds));
    if (stop.aborted) wait();
    else stop.addEventListener("abort", wait, { once: true });
  });
}

function sayState(log: Log, { state }: Plan, detector: Detector, delivery: Delivery): void {
  log.info("State {file}: goes on with {names} names and {alerts} alerts that are not confirmed", {
    file: state.file,
    names: detector.names,
    alerts: delivery.unconfirmed,
  });
}

function sayUnfinished(log: Log, { process, state }: Plan, delivery: Delivery): void {
  log.error(
    state.file === undefined
      ? "Stopped after {timeout}; {alerts} alerts are not confirmed, their messages not acknowledged"
      : "Stopped after {timeout}; {alerts} alerts are not confirmed, they wait in the state file for the next start",
    { timeout: formatDuration(process.shutdownTimeout), alerts: delivery.unconfirmed },
  );
}

function sayTotals(log: Log, { restarts, others, malformed, duplicates, intended, alerts }: Totals): void {
  log.info(
    "{messages} messages: {restarts} restarts, of them {duplicates} seen before and {intended} intended and not counted; " +
      "{others} other updates; {malformed} set aside. {alerts} alerts",
    { messages: restarts + others + malformed, restarts, duplicates, intended, others, malformed, alerts },
  );
}
