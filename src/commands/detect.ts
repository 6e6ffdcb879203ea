// Detection, what the program does without a command: opens the parts of a plan, runs them until the input ends or a
// signal comes, and closes them in reverse.
import config from "../../deno.json" with { type: "json" };
import type { Alert } from "../detection/alert/alert.ts";
import type { Rule } from "../detection/rule.ts";
import { Visibility } from "../detection/visibility.ts";
import type { LineOutput } from "../lib/coalescing_writer.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { Health } from "../lib/health.ts";
import { type Log, openLogOn } from "../lib/log.ts";
import { StartupDeadline } from "../lib/startup_deadline.ts";
import { Teardown } from "../lib/teardown.ts";
import { wallClock } from "../lib/time.ts";
import { CommitStats } from "../pipeline/acknowledger.ts";
import type { AlertContexts } from "../pipeline/alert_contexts.ts";
import { Counters } from "../pipeline/counters.ts";
import { Delivery } from "../pipeline/delivery.ts";
import type { Grouping, GroupingParts } from "../pipeline/grouping.ts";
import { type PipelineParts, runPipeline } from "../pipeline/pipeline.ts";
import type { PlannedSink, SinkRecords } from "../sinks/sink.ts";
import type { Source } from "../sources/source.ts";
import { openStore } from "../state/settings.ts";
import type { StateStore } from "../state/store.ts";
import type { RuntimeInfo } from "../status/runtime_info.ts";
import type { StatusServer } from "../status/server/server.ts";
import type { StrictCommand } from "./commander_strict.ts";
import {
  logIgnoredHeartbeat,
  logPlan,
  logRestored,
  logStatus,
  logTotals,
  logUnfinished,
} from "./detect_log.ts";
import type { Invocation } from "./invocation.ts";
import { sinksOf } from "./alert_plan.ts";
import { openSelfWatch } from "./self_watch.ts";
import { type Plan, plan as planDetection } from "./plan.ts";
import type { ProcessContext } from "./process_context.ts";

/** Makes detection the action of the program itself. */
export function registerDetect(program: StrictCommand, invocation: Invocation): void {
  const { process } = invocation;
  program.action(async (files: string[]) => {
    if (await isMistyped(files[0])) program.unknownCommand();
    await invocation.run(
      (input) => planDetection(input, files, process.sinks),
      (plan) => detect(plan, { ...process, files }, process.stop),
    );
  });
}

/** Whether it looks like a command and no file has that name. */
async function isMistyped(word = ""): Promise<boolean> {
  if (!/^[a-z]+(?:-[a-z]+)*$/i.test(word)) return false;
  return await Deno.stat(word).then(() => false, (error) => error instanceof Deno.errors.NotFound);
}

/** Detects until the input ends or `stop`, and closes everything. Returns the exit code. */
export async function detect(plan: Plan, context: ProcessContext, stop: AbortSignal): Promise<number> {
  const log = openLogOn(context.stderr, plan.process.logLevel, plan.process.logFormat);
  await using teardown = new Teardown(log);
  const code = await follow(plan, context, stop, log, teardown);
  return await teardown.close() ? code : 1;
}

/**
 * One function from top to bottom, since the order in which parts are opened is the order in which they are closed, in
 * reverse: the source before the delivery, so that nothing new comes; the delivery before the store, which it still
 * needs. Only the source is opened before it has its place, since the store depends on its mode.
 */
async function follow(
  plan: Plan,
  context: ProcessContext,
  stop: AbortSignal,
  log: Log,
  teardown: Teardown,
): Promise<number> {
  const startupDeadline = teardown.use("startup deadline", new StartupDeadline(plan.process.connectTimeout));
  const health = new Health();
  const visibility = new Visibility("blind");
  let opened: Rule | undefined;
  const isActive = (name: string) => opened?.loop(name, wallClock()) !== undefined;
  await using early = new Teardown(log);
  const source = early.use(
    `source ${plan.source}`,
    await plan.openSource({
      ...context,
      log,
      startupDeadline,
      health,
      visibility,
      restartsOnly: plan.rule.restartsOnly,
      failing: () => opened?.failing?.() ?? [],
      isActive,
    }),
  );
  try {
    const sinks = sinksOf(plan, context, isActive, log);
    const accepts = (name: string, alert: Alert) => sinks.find((sink) => sink.name === name)!.accepts(alert);
    const stateContext = {
      sinks: sinks.map(({ name }) => name),
      accepts,
      newerReplaces: source.mode === "live",
    };
    const store = teardown.use("state", await openStore(plan.state, stateContext));
    const partsOf = (sink: string) => ({ outbox: store.outbox(sink), records: recordsOf(store, sink) });
    const contexts = await contextsOf(source, sinks);
    const delivery = teardown.use("sinks", new Delivery(sinks, partsOf, log, startupDeadline, contexts));
    early.moveTo(teardown);
    const rule = opened = plan.rule.open(store, source.mode === "live" ? visibility : undefined);
    rule.restore(store.kept, source.mode === "live" ? wallClock() : undefined);
    const counters = new Counters();
    const grouping = await openGrouping(plan, { sinks, store, delivery, counters, log });
    grouping?.restore(rule, wallClock());
    const commits = new CommitStats();
    const { stderr } = context;
    const runtime = runtimeInfoOf(plan, {
      source,
      health,
      rule,
      counters,
      commits,
      delivery,
      contexts,
      grouping,
      stderr,
    });
    const status = await openStatus(plan, runtime, store);
    // What keeps the program from starting is logged in one line.
    health.firstUp.then(() => logPlan(log, plan, sinks, store));
    if (store.durable) logRestored(log, plan, rule, store, delivery);
    if (status !== undefined) logStatus(log, teardown.use("status server", status));
    const watched = { plan, health, visibility, state: commits.health, delivery, store, accepts, log };
    const selfWatch = source.mode === "live" ? await openSelfWatch(watched) : undefined;
    if (selfWatch !== undefined) {
      teardown.use("heartbeat and own alerts", selfWatch);
      onAbort(stop, () => selfWatch[Symbol.dispose]());
    }
    if (plan.heartbeat.url !== undefined && source.mode === "batch") logIgnoredHeartbeat(log);
    await Promise.race([delivery.start(), startupDeadline.expired]);
    delivery.pump();
    onAbort(stop, () => delivery.hurry());
    const parts = { source, rule, store, delivery, log, counters, commits, health, visibility, grouping };
    const onNode: PipelineParts["onNode"] = grouping &&
      ((node, problem, now) => grouping.noteNode(node, problem, now));
    const own = { observer: status?.history, ownAlerts: selfWatch?.ownAlerts, onNode };
    const following = runPipeline({ ...parts, ...own }, stop);
    following.catch(() => {});
    const ended = await Promise.race([
      following,
      delivery.closed,
      startupDeadline.expired,
      shutdownTimeout(plan, stop),
    ]);
    if (ended === "shutdown timeout") {
      logUnfinished(log, plan, delivery);
      return 1;
    }
    logTotals(log, rule.counts, ended);
    if (status !== undefined && plan.readsFiles && !stop.aborted) {
      log.info("All files are read; the results stay at {where} until SIGINT or SIGTERM", {
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

/** Groups loops for people; it is loaded only if people read a sink. */
async function openGrouping(
  { groups }: Plan,
  parts: Omit<GroupingParts, "thresholds">,
): Promise<Grouping | undefined> {
  if (groups === undefined || parts.sinks.every(({ audience }) => audience === "programs")) return undefined;
  const { Grouping } = await import("../pipeline/grouping.ts");
  return new Grouping({ ...parts, thresholds: groups });
}

/** What a sink remembers: a table of its own in the store. */
function recordsOf(store: StateStore, sink: string): SinkRecords {
  const table = `sink ${sink}`;
  return {
    entries: () => store.kept.entries(table),
    put: (key, value) => store.put(table, key, value),
  };
}

/** What the source finds out about loops, if a sink shows it; loaded only then. */
async function contextsOf(
  { contextOf }: Source,
  sinks: readonly PlannedSink[],
): Promise<AlertContexts | undefined> {
  if (contextOf === undefined || !sinks.some(({ showsContexts }) => showsContexts)) return undefined;
  const { AlertContexts } = await import("../pipeline/alert_contexts.ts");
  return new AlertContexts(contextOf);
}

interface Opened extends Pick<RuntimeInfo, "rule" | "counters"> {
  readonly source: Source;
  readonly health: Health;
  readonly commits: CommitStats;
  readonly delivery: Delivery;
  readonly contexts: AlertContexts | undefined;
  readonly grouping: Grouping | undefined;
  readonly stderr: LineOutput;
}

/** What the status server shows. */
function runtimeInfoOf(
  plan: Plan,
  { source, health, rule, counters, commits, delivery, contexts, grouping, stderr }: Opened,
): RuntimeInfo {
  return {
    version: config.version,
    startedAt: wallClock(),
    mode: source.mode,
    rule,
    ruleView: plan.rule.words,
    counters,
    ...(grouping === undefined ? {} : { groupOf: (loop: string) => grouping.causeOf(loop) }),
    source: { type: plan.source, health },
    state: { type: plan.state.file === undefined ? "memory" : "sqlite", commits },
    sinks: delivery.stats,
    ...(contexts === undefined ? {} : { context: (loop: string) => contexts.of(loop) }),
    log: stderr,
  };
}

/** The status server if there is to be one; it is loaded only then. @throws {Fault} */
async function openStatus(
  { status: { listen, token } }: Plan,
  runtime: RuntimeInfo,
  store: StateStore,
): Promise<StatusServer | undefined> {
  if (listen === undefined) return undefined;
  const [{ StatusServer }, { LoopHistory }] = await Promise.all([
    import("../status/server/server.ts"),
    import("../status/history/history.ts"),
  ]);
  const history = new LoopHistory(runtime.rule, undefined, store, runtime);
  history.restore(wallClock(), store.kept);
  return await StatusServer.listen(listen, token, runtime, history);
}

/** Resolves when, after `stop`, the time for alerts in flight is up. */
function shutdownTimeout({ process }: Plan, stop: AbortSignal): Promise<"shutdown timeout"> {
  return new Promise((resolve) => {
    const milliseconds = Number(process.shutdownTimeout / 1_000_000n);
    onAbort(stop, () => Deno.unrefTimer(setTimeout(() => resolve("shutdown timeout"), milliseconds)));
  });
}

/** Calls it when the signal comes; at once if it came before. */
function onAbort(stop: AbortSignal, call: () => void): void {
  if (stop.aborted) call();
  else stop.addEventListener("abort", call, { once: true });
}
