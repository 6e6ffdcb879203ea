// What detection logs of itself: its settings at the start, what it restored, and its totals at the end.
import type { Rule } from "../detection/rule.ts";
import { ruleSentence } from "../detection/settings.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import type { Delivery } from "../pipeline/delivery.ts";
import type { Totals } from "../pipeline/pipeline.ts";
import type { PlannedSink } from "../sinks/sink.ts";
import { amqpSource } from "../sources/amqp/source.ts";
import type { StateStore } from "../state/store.ts";
import type { StatusServer } from "../status/server/server.ts";
import type { Plan } from "./plan.ts";

/** The settings in force. */
export function logPlan(log: Log, plan: Plan, sinks: readonly PlannedSink[], store: StateStore): void {
  const { rule, source, state } = plan;
  for (const setting of rule.unused) {
    log.warning("{setting} is ignored by the rule {rule}", { setting, rule: rule.type });
  }
  log.info("Rule {rule}: {notified}. Source {source}, {sinkWord} {sinks}, state {state}", {
    rule: rule.type,
    notified: ruleSentence(rule.words),
    source,
    sinkWord: sinks.length === 1 ? "sink" : "sinks",
    sinks: sinks.map(({ name }) => name).join(" and "),
    state: state.file === undefined ? "memory" : `sqlite:${state.file}`,
  });
  if (!store.durable && source === amqpSource.type) logMemory(log);
}

/** A heartbeat of an input that ends would end with it. */
export function logIgnoredHeartbeat(log: Log): void {
  log.warning("HEARTBEAT_URL is ignored: files and standard input are read to their end, and not watched");
}

/** A queue keeps messages until they are acknowledged, and so it seems that nothing can be lost. */
function logMemory(log: Log): void {
  log.info(
    "State memory: on exit, restarts whose messages are acknowledged and alerts that no sink has confirmed are " +
      "lost; STATE=sqlite:<file> keeps both",
  );
}

/** What a state file brought. */
export function logRestored(
  log: Log,
  { state }: Plan,
  rule: Rule,
  { orphans }: StateStore,
  { unconfirmed }: Delivery,
): void {
  log.info("State {file}: restored {names} tracked keys and {unconfirmed} pending alerts", {
    file: state.file,
    names: rule.names,
    unconfirmed,
  });
  if (orphans === 0) return;
  log.warning("State {file}: {orphans} pending alerts belong to sinks that SINK_TYPE no longer names", {
    file: state.file,
    orphans,
  });
}

/** The status server's address, and who can read there. */
export function logStatus(log: Log, { where, isOpen }: StatusServer): void {
  log.info("Status at {where}", { where });
  if (!isOpen) return;
  log.warning("Anyone who can reach {where} can read what runs in the cluster; set LISTEN_TOKEN", { where });
}

/** Alerts that were not confirmed in time, and what becomes of them. */
export function logUnfinished(log: Log, { process, source, state }: Plan, delivery: Delivery): void {
  const outcome = state.file !== undefined
    ? "the state file keeps them for the next start"
    : source === amqpSource.type
    ? "they are lost: RabbitMQ redelivers only messages that were not acknowledged, not the restarts before them. " +
      "STATE=sqlite:<file> keeps all"
    : "they are lost. STATE=sqlite:<file> keeps them";
  log.error(`Shutdown timed out after {timeout} with {alerts} unconfirmed alerts; ${outcome}`, {
    timeout: formatDuration(process.shutdownTimeout),
    alerts: delivery.unconfirmed,
  });
}

/** What became of all messages. */
export function logTotals(log: Log, counts: string, totals: Totals): void {
  const { events, others, malformed } = totals;
  log.info(
    "{messages} messages: {events} {counts}s, of them {duplicates} duplicates, {outsideWindow} too old and " +
      "{requested} requested, which do not count; {others} other updates; {malformed} rejected. {alerts} alerts",
    { ...totals, counts, messages: events + others + malformed },
  );
}
