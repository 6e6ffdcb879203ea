// The command that detects: opens the parts of a plan, runs them until the input ends or somebody stops it, closes them
// in reverse, and returns the exit code.
import config from "../../deno.json" with { type: "json" };
import type { Rule } from "../detection/rule.ts";
import { ruleSentence } from "../detection/settings.ts";
import { Visibility } from "../detection/visibility.ts";
import type { LineOutput } from "../lib/coalescing_writer.ts";
import { formatDuration } from "../lib/duration.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { Health } from "../lib/health.ts";
import { type Log, openLogOn } from "../lib/log.ts";
import { StartupDeadline } from "../lib/startup_deadline.ts";
import { wallClock } from "../lib/time.ts";
import { CommitStats } from "../pipeline/acknowledger.ts";
import { Counters } from "../pipeline/counters.ts";
import { Delivery } from "../pipeline/delivery.ts";
import { follow, type Totals } from "../pipeline/pipeline.ts";
import type { PlannedSink, SinkRecords } from "../sinks/sink.ts";
import { amqpSource } from "../sources/amqp/source.ts";
import type { Source } from "../sources/source.ts";
import { openStore } from "../state/settings.ts";
import type { StateStore } from "../state/store.ts";
import type { Facts } from "../status/runtime_info.ts";
import type { StatusServer } from "../status/server.ts";
import { type Plan, planSinks } from "./plan.ts";
import type { ProcessContext } from "./process_context.ts";

/**
 * Detects until the input ends or `stop`. Returns the exit code. One function from top to bottom, since the order in
 * which parts are opened is the order in which they are closed, in reverse: the source first, so that nothing new
 * comes; then the delivery, which still needs the store; the store last.
 */
export async function detect(plan: Plan, context: ProcessContext, stop: AbortSignal): Promise<number> {
  const log = openLogOn(context.stderr, plan.process.logLevel, plan.process.logFormat);
  await using parts = new AsyncDisposableStack();
  const startupDeadline = parts.use(new StartupDeadline(plan.process.connectTimeout));
  const health = new Health();
  const visibility = new Visibility("blind");
  let opened: Rule | undefined;
  const source = await plan.openSource({
    ...context,
    log,
    startupDeadline,
    health,
    visibility,
    restartsOnly: plan.rule.restartsOnly,
    failing: () => opened?.failing?.() ?? [],
  });
  await using unused = new AsyncDisposableStack();
  unused.use(source);
  try {
    const isActive = (name: string) => opened?.loop(name, wallClock()) !== undefined;
    const sinks = planSinks(plan, context, isActive);
    const store = parts.use(
      await openStore(plan.state, {
        sinks: sinks.map(({ name }) => name),
        accepts: (name, alert) => sinks.find((sink) => sink.name === name)!.accepts(alert),
        newerReplaces: source.mode === "live",
      }),
    );
    const partsOf = (sink: string) => ({ outbox: store.outbox(sink), records: recordsOf(store, sink) });
    const delivery = parts.use(new Delivery(sinks, partsOf, log, startupDeadline));
    parts.use(unused.move());
    const rule = opened = plan.rule.open(store, source.mode === "live" ? visibility : undefined);
    rule.restore(store.kept, source.mode === "live" ? wallClock() : undefined);
    const counters = new Counters();
    const commits = new CommitStats();
    const { stderr } = context;
    const facts = factsOf(plan, { source, health, rule, counters, commits, delivery, stderr });
    const status = await openStatus(plan, facts, store);
    // What keeps the program from starting is logged in one line.
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
      delivery.closed,
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

/** What a sink remembers: a table of its own in the store. */
function recordsOf(store: StateStore, sink: string): SinkRecords {
  const table = `sink ${sink}`;
  return {
    entries: () => store.kept.entries(table),
    put: (key, value) => store.put(table, key, value),
  };
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
    sinks: delivery.stats,
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
function sayPlan(log: Log, { rule, source, state }: Plan, sinks: readonly PlannedSink[]): void {
  for (const setting of rule.unused) {
    log.warning("{setting} has no meaning with the rule {rule}", { setting, rule: rule.type });
  }
  log.info("Rule {rule}: {notified}. Source {source}, {sinkWord} {sinks}, state {state}", {
    rule: rule.type,
    notified: ruleSentence(rule.words),
    source,
    sinkWord: sinks.length === 1 ? "sink" : "sinks",
    sinks: sinks.map(({ name }) => name).join(" and "),
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
