// The wiring: which sources and sinks there are, and what is opened in which order and closed in reverse.
// The only file that knows all adapters.
import config from "../../deno.json" with { type: "json" };
import type { Alert } from "../detection/alert/alert.ts";
import { alertJson } from "../detection/alert/json.ts";
import { CommitStats } from "../pipeline/acknowledger.ts";
import { Delivery } from "../pipeline/delivery.ts";
import { formatDuration, type Nanoseconds } from "../lib/duration.ts";
import { taskApi } from "../clients/nomad/settings.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { findAdapter, words } from "../lib/settings/adapter.ts";
import type { StateStore } from "../state/store.ts";
import { type Log, logFormats, logLevels, openLogOn } from "../lib/log.ts";
import { plain } from "../lib/escape.ts";
import type { Rule } from "../detection/rule.ts";
import {
  payloadSettings,
  planRule,
  type RulePlan,
  ruleSentence,
  ruleSettings,
} from "../detection/settings.ts";
import { wallClock } from "../lib/time.ts";
import { delay } from "../lib/delay.ts";
import { StartupDeadline } from "../lib/startup_deadline.ts";
import { follow, type Totals } from "../pipeline/pipeline.ts";
import { choice, choices, duration, optional } from "../lib/settings/parsers.ts";
import {
  flagOf,
  type Input,
  readSettings,
  type SettingsGroup,
  type Values,
} from "../lib/settings/setting.ts";
import type { Sink, SinkAdapter, SinkContext } from "../sinks/sink.ts";
import { amqpSink } from "../sinks/amqp.ts";
import { kinesis } from "../sinks/kinesis/kinesis.ts";
import { stdout } from "../sinks/stdout.ts";
import { checkState, openStore, type State, state } from "../state/settings.ts";
import { Visibility } from "../detection/visibility.ts";
import { Health } from "../lib/health.ts";
import type { Source, SourceAdapter, SourceContext } from "../sources/source.ts";
import { amqpSource } from "../sources/amqp/source.ts";
import { stdinSource } from "../sources/stdin/source.ts";
import { nomad } from "../sources/nomad/nomad.ts";
import type { Facts } from "../status/runtime_info.ts";
import { type ListenSettings, listenSettings } from "../status/listen.ts";
import type { StatusServer } from "../status/server.ts";
import { Counters } from "../pipeline/counters.ts";
import type { LineOutput } from "../lib/coalescing_writer.ts";

/** Every source. */
const sources: readonly SourceAdapter[] = [amqpSource, nomad, stdinSource];
/** Every sink. */
const sinks: readonly SinkAdapter[] = [stdout, amqpSink, kinesis];

const general = {
  sourceType: optional(choice({
    env: "SOURCE_TYPE",
    help: "where updates come from",
    defaultNote: "stdin where files are named, else amqp where AMQP_CONNECTION or AMQP_QUEUE is set, " +
      "else nomad where NOMAD_ADDR is or NOMAD_SECRETS_DIR has an api.sock",
    example: "stdin",
  }, words(sources))),
};

const memory = { state };

const sinkChoice = {
  sinkTypes: choices({
    env: "SINK_TYPE",
    help: "where alerts go: one sink or several, separated by commas",
    default: "stdout",
    example: "stdout,amqp",
  }, words(sinks)),
};

/** The setting of what standard output has. */
export const outputSettings = {
  output: optional(choice({
    env: "OUTPUT",
    help: "how the sink stdout writes an alert",
    defaultNote: "text on a terminal, json elsewhere",
    example: "json",
  }, ["json", "text"] as const)),
};

/** The settings of the process. */
export const processSettings = {
  logLevel: choice(
    {
      env: "LOG_LEVEL",
      help: "how much is logged to stderr; debug has a line for each restart",
      default: "info",
      example: "debug",
    },
    logLevels,
    { warn: "warning" },
  ),
  logFormat: choice(
    { env: "LOG_FORMAT", help: "how it is logged", default: "text", example: "json" },
    logFormats,
  ),
  connectTimeout: optional(duration({
    env: "CONNECT_TIMEOUT",
    help: "at the start: how long what cannot be reached is tried before the program gives up",
    defaultNote: "for ever",
    example: "1m",
  })),
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
  { title: "Rule", settings: ruleSettings },
  { title: "State", settings: memory },
  { title: "Sinks", settings: { ...sinkChoice, ...outputSettings, ...payloadSettings } },
  ...sinks.map(({ group }) => group),
  { title: "Status", settings: listenSettings },
  { title: "Process", settings: processSettings },
].filter(({ settings }) => Object.keys(settings).length > 0);

/** The program, ready to be opened. */
export interface Plan {
  readonly rule: RulePlan;
  readonly process: Values<typeof processSettings>;
  readonly state: State;
  readonly status: ListenSettings;
  readonly source: string;
  /** Files are read, and then the input ends. */
  readonly readsFiles: boolean;
  readonly output: "json" | "text" | undefined;
  readonly openSource: (context: SourceContext) => Source | Promise<Source>;
  readonly openSinks: readonly ((context: SinkContext) => Sink)[];
}

/** Reads all settings. What is wrong with them stands in `input.problems`, and then there is no plan. */
export function plan(input: Input, files: readonly string[]): Plan | undefined {
  const source = chooseSource(input, files);
  const openSource = source?.prepare(input);
  const rule = planRule(input, source?.type);
  const kept = readSettings(memory, input);
  const chosen = readSettings(sinkChoice, input);
  const out = readSettings(outputSettings, input);
  const sinkAdapters = new Set(chosen?.sinkTypes.map((word) => findAdapter(sinks, word)!));
  const openSinks = [...sinkAdapters].map((kind) => kind.prepare(input));
  const status = readSettings(listenSettings, input);
  const processes = readSettings(processSettings, input);
  if (!source || !openSource || !rule || !kept || !chosen || !out || !status || !processes) return undefined;
  if (!openSinks.every((open) => open !== undefined)) return undefined;
  return {
    rule,
    process: processes,
    state: kept.state,
    status,
    source: source.type,
    readsFiles: files.length > 0,
    output: out.output,
    openSource,
    openSinks,
  };
}

/** The source that the settings choose; undefined, with the reasons in `input.problems`, where they choose none. */
export function chooseSource(input: Input, files: readonly string[]): SourceAdapter | undefined {
  const chosen = readSettings(general, input);
  if (chosen === undefined) return undefined;
  const given = (env: string) => input.flags[flagOf({ env })] ?? (input.env[env] || undefined);
  const type = chosen.sourceType ??
    (files.length > 0
      ? stdinSource.type
      : ["AMQP_CONNECTION", "AMQP_CONNECTION_FILE", "AMQP_QUEUE"].some((env) => given(env) !== undefined)
      ? amqpSource.type
      : (given("NOMAD_ADDR") ?? taskApi(given("NOMAD_SECRETS_DIR"))) !== undefined
      ? nomad.type
      : undefined);
  if (type === undefined) {
    input.problems.push(waysToStart);
    return undefined;
  }
  if (files.length > 0 && type !== stdinSource.type) {
    input.problems.push(
      `SOURCE_TYPE (--source-type): found "${type}" and files to read; files are read by the source "${stdinSource.type}"`,
    );
  }
  return findAdapter(sources, type);
}

const waysToStart = `No source. Say where updates come from, in one of these ways:
  NOMAD_ADDR=http://localhost:4646 nomad-crashloop-detector
  AMQP_CONNECTION=amqp://guest:guest@localhost:5672/ AMQP_QUEUE=nomad.crash-loop-in nomad-crashloop-detector
  SINK_TYPE=stdout nomad-firehose allocations | nomad-crashloop-detector --source-type stdin
  nomad-crashloop-detector recording.ndjson.gz`;

/** What the program stands on: the streams of its process. */
export interface World
  extends
    Omit<SourceContext, "log" | "startupDeadline" | "health" | "restartsOnly" | "failing">,
    Pick<SinkContext, "stdout"> {
  readonly stdoutIsTerminal: boolean;
  /** Alerts on that terminal may have colours. */
  readonly colored?: boolean;
  readonly stderr: LineOutput;
}

/** Detects until the input ends or `stop`. Yields the exit code. */
export async function detect(plan: Plan, world: World, stop: AbortSignal): Promise<number> {
  const log = openLogOn(world.stderr, plan.process.logLevel, plan.process.logFormat);
  await using parts = new AsyncDisposableStack();
  const startupDeadline = parts.use(new StartupDeadline(plan.process.connectTimeout));
  const health = new Health();
  const visibility = new Visibility("blind");
  let opened: Rule | undefined;
  const source = await plan.openSource({
    ...world,
    log,
    startupDeadline,
    health,
    visibility,
    restartsOnly: plan.rule.restartsOnly,
    failing: () => opened?.failing?.() ?? [],
  });
  try {
    const sinks = openSinks(plan, world);
    const context = { sinks: sinks.map(({ type }) => type), newerReplaces: source.mode === "live" };
    const store = parts.use(await openStore(plan.state, context));
    const delivery = parts.use(new Delivery(sinks, (sink) => store.outbox(sink), log, startupDeadline));
    parts.use(source);
    const rule = opened = plan.rule.open(store, source.mode === "live" ? visibility : undefined);
    rule.restore(store.kept, source.mode === "live" ? wallClock() : undefined);
    const counters = new Counters();
    const commits = new CommitStats();
    const { stderr } = world;
    const facts = factsOf(plan, { source, health, rule, counters, commits, delivery, stderr });
    const status = await openStatus(plan, facts, store);
    // What keeps the program from starting is told in one line.
    health.firstUp.then(() => {
      sayPlan(log, plan, sinks);
      if (!store.durable && plan.source === amqpSource.type) sayMemory(log);
    });
    if (store.durable) sayState(log, plan, rule, store, delivery);
    if (status !== undefined) {
      parts.use(status);
      log.info("Status at {where}", { where: status.where });
      if (status.isOpen) {
        log.warning("Whoever reaches {where} may read what runs in the cluster: set LISTEN_TOKEN", {
          where: status.where,
        });
      }
    }
    await Promise.race([delivery.start(), startupDeadline.expired]);
    delivery.pump();
    onAbort(stop, () => delivery.hurry());
    const following = follow(
      {
        source,
        rule,
        store,
        delivery,
        log,
        counters,
        commits,
        health,
        visibility,
        observer: status?.history,
      },
      stop,
    );
    following.catch(() => {});
    const totals = await Promise.race([
      following,
      delivery.over,
      startupDeadline.expired,
      deadline(plan, stop),
    ]);
    if (totals === "deadline") {
      sayUnfinished(log, plan, delivery);
      return 1;
    }
    sayTotals(log, rule.counts, totals);
    if (status !== undefined && plan.readsFiles && !stop.aborted) {
      log.info("All files are read; what they showed stays at {where} until SIGINT or SIGTERM", {
        where: status.where,
      });
      await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    }
    return 0;
  } catch (error) {
    const fault = asFault(error);
    if (fault.recovery === "closed" && source.mode === "batch") return 0;
    if (!(error instanceof Fault)) throw error;
    log.error("{reason}", { reason: fault.message });
    return 1;
  }
}

interface Opened extends Pick<Facts, "rule" | "counters"> {
  readonly source: Source;
  readonly health: Health;
  readonly commits: CommitStats;
  readonly delivery: Delivery;
  readonly stderr: LineOutput;
}

/** What the status server is to know. */
function factsOf(plan: Plan, { source, health, rule, counters, commits, delivery, stderr }: Opened): Facts {
  return {
    version: config.version,
    startedAt: wallClock(),
    mode: source.mode,
    rule,
    ruleView: plan.rule.words,
    counters,
    source: { type: plan.source, health },
    state: { type: plan.state.file === undefined ? "memory" : "sqlite", commits },
    sinks: delivery.figures,
    log: stderr,
  };
}

/** The status server, where one is wanted; it is loaded only then. @throws {Fault} */
async function openStatus(
  { status: { listen, token } }: Plan,
  facts: Facts,
  store: StateStore,
): Promise<StatusServer | undefined> {
  if (listen === undefined) return undefined;
  const [{ StatusServer }, { LoopHistory }] = await Promise.all([
    import("../status/server.ts"),
    import("../status/history.ts"),
  ]);
  const history = new LoopHistory(facts.rule, undefined, store);
  history.restore(wallClock(), store.kept);
  return await StatusServer.listen(listen, token, facts, history);
}

/** Tries the state file, the source and all sinks; consumes and sends nothing. Yields the exit code. */
export async function check(
  plan: Plan,
  world: World,
  say: (line: string) => Promise<unknown>,
  stop: AbortSignal,
): Promise<number> {
  const log = openLogOn(world.stderr, "error", plan.process.logFormat);
  await using parts = new AsyncDisposableStack();
  const source = parts.use(await plan.openSource({ ...world, log, restartsOnly: plan.rule.restartsOnly }));
  const opened = openSinks(plan, world).map((sink) => parts.use(sink));
  const { file } = plan.state;
  let code = 0;
  for (
    const { what, check } of [
      ...(file === undefined ? [] : [{ what: "state", check: () => checkState(file) }]),
      { what: "source", check: () => source.check() },
      ...opened.map((sink) => ({ what: `sink ${sink.type}`, check: () => sink.check() })),
    ]
  ) {
    try {
      const found = await within(plan.process.connectTimeout ?? checkTimeout, stop, check());
      await say(plain(`ok      ${what}: ${found}`));
    } catch (error) {
      code = 1;
      await say(plain(`failed  ${what}: ${asFault(error).message}`));
    }
  }
  return code;
}

/** How long `check` waits for each answer, where `CONNECT_TIMEOUT` does not say it. */
const checkTimeout = 10_000_000_000n;

/** The answer, unless there is none in time, or before somebody does not want to wait any longer. @throws {Fault} */
async function within(time: Nanoseconds, stop: AbortSignal, answer: Promise<string>): Promise<string> {
  const done = new AbortController();
  const over = delay(Number(time / 1_000_000n), AbortSignal.any([stop, done.signal])).then(() => {
    throw new Fault(stop.aborted ? "interrupted" : `no answer within ${formatDuration(time)}`);
  });
  over.catch(() => {});
  try {
    return await Promise.race([answer, over]);
  } finally {
    done.abort();
  }
}

function openSinks(plan: Plan, world: World): Sink[] {
  const readable = plan.output === undefined ? world.stdoutIsTerminal : plan.output === "text";
  const json = (alert: Alert) => alertJson(alert, plan.rule.payload);
  const colored = world.stdoutIsTerminal && world.colored === true;
  return plan.openSinks.map((open) => open({ stdout: world.stdout, readable, colored, json }));
}

/** Resolves when, after `stop`, time for what is on its way is up. */
function deadline(plan: Plan, stop: AbortSignal): Promise<"deadline"> {
  return new Promise((resolve) => {
    const milliseconds = Number(plan.process.shutdownTimeout / 1_000_000n);
    onAbort(stop, () => Deno.unrefTimer(setTimeout(() => resolve("deadline"), milliseconds)));
  });
}

/** Calls it when the signal comes; at once where it came before. */
function onAbort(stop: AbortSignal, call: () => void): void {
  if (stop.aborted) call();
  else stop.addEventListener("abort", call, { once: true });
}

/** What is in force. */
function sayPlan(log: Log, { rule, source, state }: Plan, sinks: readonly Sink[]): void {
  for (const setting of rule.unused) {
    log.warning("{setting} has no meaning with the rule {rule}", { setting, rule: rule.type });
  }
  log.info("Rule {rule}: {notified}. Source {source}, {sinkWord} {sinks}, state {state}", {
    rule: rule.type,
    notified: ruleSentence(rule.words),
    source,
    sinkWord: sinks.length === 1 ? "sink" : "sinks",
    sinks: sinks.map(({ type }) => type).join(" and "),
    state: state.file === undefined ? "memory" : `sqlite:${state.file}`,
  });
}

function sayState(
  log: Log,
  { state }: Plan,
  rule: Rule,
  { orphans }: StateStore,
  { unconfirmed }: Delivery,
): void {
  log.info("State {file}: goes on with {names} names and {unconfirmed} alerts that are not confirmed", {
    file: state.file,
    names: rule.names,
    unconfirmed,
  });
  if (orphans === 0) return;
  log.warning("State {file}: {orphans} alerts wait for sinks that SINK_TYPE does not name any more", {
    file: state.file,
    orphans,
  });
}

/** What ends with the memory, though the queue keeps messages until they are acknowledged. */
function sayMemory(log: Log): void {
  log.info(
    "State memory: when the program ends, restarts whose messages are acknowledged are forgotten, and alerts that no " +
      "sink has confirmed are lost with them; STATE=sqlite:<file> keeps both",
  );
}

function sayUnfinished(log: Log, { process, source, state }: Plan, delivery: Delivery): void {
  const outcome = state.file !== undefined
    ? "they wait in the state file for the next start"
    : source === amqpSource.type
    ? "and end with the memory: the queue gives out again only messages that were not acknowledged, not the restarts " +
      "before them. To keep all, set STATE=sqlite:<file>"
    : "and end with the memory. To keep them, set STATE=sqlite:<file>";
  log.error(`Stopped after {timeout}; {alerts} alerts are not confirmed, ${outcome}`, {
    timeout: formatDuration(process.shutdownTimeout),
    alerts: delivery.unconfirmed,
  });
}

function sayTotals(log: Log, counts: string, totals: Totals): void {
  const { events, others, malformed } = totals;
  log.info(
    "{messages} messages: {events} {counts}s, of them {duplicates} seen before, {outsideWindow} too old to count and " +
      "{requested} requested and not counted; {others} other updates; {malformed} set aside. {alerts} alerts",
    { ...totals, counts, messages: events + others + malformed },
  );
}
