// Between the rule's decisions and the outboxes, where people read a sink: alerts about loops go to programs as they are,
// and to people as alerts about groups. Loaded only then.
import type { Alert } from "../detection/alert/alert.ts";
import { type GroupMessage, Groups } from "../detection/groups/groups.ts";
import type { GroupThresholds } from "../detection/groups/thresholds.ts";
import { NodeProblems } from "../detection/groups/problems.ts";
import type { GroupsState, KeptGroups } from "../detection/groups/state.ts";
import type { Notification, Rule } from "../detection/rule.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Log } from "../lib/log.ts";
import type { PlannedSink } from "../sinks/sink.ts";
import type { StateStore } from "../state/store.ts";
import type { PendingAlerts } from "./acknowledger.ts";
import type { Counters } from "./counters.ts";
import { Mentions } from "./mentions.ts";

/** What grouping knows of a sink. */
export type GroupedSink = Pick<PlannedSink, "name" | "audience" | "updates" | "accepts">;

/** The parts of grouping. */
export interface GroupingParts {
  readonly sinks: readonly GroupedSink[];
  readonly thresholds: GroupThresholds;
  readonly store: StateStore;
  readonly delivery: PendingAlerts;
  readonly counters: Counters;
  readonly log: Log;
}

/** Loops that the same people's sinks accept: no sink sees of a group what its filters leave out. */
interface Audience {
  readonly sinks: readonly GroupedSink[];
  readonly groups: Groups;
}

/** Sends groups to people's sinks, and lets the acknowledger know which loops they have yet to hear of. */
export class Grouping implements PendingAlerts {
  readonly #parts: GroupingParts;
  readonly #people: readonly GroupedSink[];
  readonly #programs: ReadonlySet<string>;
  readonly #problems: NodeProblems;
  /** By the names of their sinks. */
  readonly #audiences = new Map<string, Audience>();
  /** Names of active loops that people were notified of one by one, before there were groups. */
  readonly #singles = new Set<string>();
  readonly #settled = new Listeners<[key: string]>();
  readonly #mentions: Mentions;
  /** The program ends: nothing waits any more. */
  #ends = false;

  constructor(parts: GroupingParts) {
    const { sinks, store, delivery } = parts;
    this.#parts = parts;
    this.#people = sinks.filter(({ audience }) => audience === "people");
    this.#programs = new Set(sinks.filter(({ audience }) => audience === "programs").map(({ name }) => name));
    this.#problems = new NodeProblems(store);
    this.#mentions = new Mentions(delivery, (loop) => this.#settled.call(loop));
  }

  /** When `due` has something to do next. */
  get nextDue(): Nanoseconds | undefined {
    let next: Nanoseconds | undefined;
    for (const { groups: { nextDue } } of this.#audiences.values()) {
      if (nextDue !== undefined && (next === undefined || nextDue < next)) next = nextDue;
    }
    return next;
  }

  /** The group of a loop, by the loop's id, if its cause is a node or a storm. */
  causeOf(loop: string): ReturnType<Groups["causeOf"]> {
    for (const { groups } of this.#audiences.values()) {
      const cause = groups.causeOf(loop);
      if (cause !== undefined) return cause;
    }
    return undefined;
  }

  /** Resumes from what the store kept, after the rule has. */
  restore(rule: Pick<Rule, "loops" | "loop">, now: Nanoseconds): void {
    const kept: KeptGroups = this.#parts.store.kept;
    this.#problems.restore(kept);
    const keys = [...kept.entries("groups"), ...kept.entries("group begins")].map(([key]) => key);
    for (const names of new Set(keys.map((key) => key.slice(0, key.indexOf(" "))))) {
      this.#audience(names).groups.restore(ofAudience(kept, names));
    }
    for (const [names, { sinks }] of this.#audiences) if (sinks.length === 0) this.#forget(names);
    for (const { sinks, groups } of this.#audiences.values()) {
      for (const { name, loop } of groups.unresolved()) {
        if (rule.loop(name, now)?.alert.loop === loop) continue;
        this.#emit(
          groups.ended({ name, cause: "it ended while loops were not grouped" }, "resolved", now),
          sinks,
        );
      }
    }
    for (const name of rule.loops()) {
      if (!this.#has(name) && rule.loop(name, now)!.notified > 0) this.#singles.add(name);
    }
  }

  /** Carries out a decision that ends a loop, or notifies of one. Returns whether a sink gets, or will get, its alert. */
  take(decision: Notification, now: Nanoseconds): boolean {
    const { alert } = decision;
    if (alert !== undefined) return this.#takeAlert(alert, now);
    if (decision.reason === "resolved" || decision.reason === "gave-up") {
      const { name, reason, cause } = decision;
      if (reason === "resolved") this.#singles.delete(name);
      for (const { groups, sinks } of this.#withLoop(name)) {
        this.#changed(name);
        this.#emit(groups.ended({ name, cause }, reason, now), sinks);
      }
      this.#unhold(name);
      this.#flushed(now);
    }
    return true;
  }

  /** What time alone brings about. */
  due(now: Nanoseconds): void {
    for (const { groups, sinks } of this.#audiences.values()) this.#emit(groups.due(now), sinks);
  }

  /** Sends what waits, where nothing else is to be confirmed: the source can hand out little more before that is. */
  hurry(now: Nanoseconds): void {
    if (this.#parts.delivery.unconfirmed === 0) this.#sendWaiting(now);
  }

  /** Nothing waits from now on: what waits is sent at once. */
  flush(now: Nanoseconds): void {
    this.#ends = true;
    this.#sendWaiting(now);
  }

  /** Notes what is wrong with a node, in words, or that nothing is any more. */
  noteNode(node: { readonly ID: string }, problem: string | undefined, now: Nanoseconds): void {
    this.#problems.see(node.ID);
    this.#problems.note(node.ID, problem);
    for (const { groups } of this.#audiences.values()) groups.nodeChanged(node, now);
  }

  clockSetBack(now: Nanoseconds): void {
    for (const { groups } of this.#audiences.values()) groups.clockSetBack(now);
  }

  /** Whether people have yet to hear of the last change of the loop of this name. */
  isHeld(name: string): boolean {
    return this.#mentions.isHeld(name);
  }

  get unconfirmed(): number {
    return this.#parts.delivery.unconfirmed + this.#mentions.waiting;
  }

  isPending(key: string): boolean {
    return this.isHeld(key) || this.#parts.delivery.isPending(key);
  }

  onSettled(listener: (key: string) => void): Disposable {
    const subscriptions = new DisposableStack();
    subscriptions.use(this.#settled.add(listener));
    subscriptions.use(this.#parts.delivery.onSettled((key) => {
      listener(key);
      this.#mentions.confirmed(key);
    }));
    return subscriptions;
  }

  pump(): void {
    this.#parts.delivery.pump();
  }

  #takeAlert(alert: Alert, now: Nanoseconds): boolean {
    const { name, reason } = alert;
    if (reason === "first") this.#singles.delete(name);
    if (this.#singles.has(name)) {
      if (reason === "resolved") this.#singles.delete(name);
      return this.#parts.store.enqueue(alert);
    }
    const accepted = this.#programs.size > 0 && this.#parts.store.enqueue(alert, this.#programs);
    const audiences = this.#audiencesOf(alert);
    for (const { groups, sinks } of audiences) {
      this.#changed(name);
      this.#emit(groups.take(alert, now), sinks);
    }
    this.#unhold(name);
    this.#flushed(now);
    return accepted || audiences.length > 0;
  }

  /** Those that hear of it: those whose sinks accept it now, and of an end, those that heard of the loop. */
  #audiencesOf(alert: Alert): Audience[] {
    const { name, reason } = alert;
    const known = this.#withLoop(name);
    if (reason === "resolved") return known;
    const accepting = this.#people.filter((sink) => sink.accepts(alert));
    const following = reason === "first" ? [] : known.filter(({ groups }) => groups.isUnresolved(name));
    const others = accepting.filter((sink) => !following.some(({ sinks }) => sinks.includes(sink)));
    const hearing = reason === "repeat"
      ? following.filter(({ sinks }) => sinks.some((sink) => accepting.includes(sink)))
      : following;
    return others.length === 0
      ? hearing
      : [...hearing, this.#audience(others.map(({ name }) => name).join())];
  }

  #withLoop(name: string): Audience[] {
    return this.#audiences.values().filter(({ groups }) => groups.has(name)).toArray();
  }

  #has(name: string): boolean {
    return this.#audiences.values().some(({ groups }) => groups.has(name));
  }

  /** The audience of the sinks with these names. Each keeps its rows under them. */
  #audience(names: string): Audience {
    const open = this.#audiences.get(names);
    if (open !== undefined) return open;
    const { store, thresholds } = this.#parts;
    const state: GroupsState = { put: (table, key, row) => store.put(table, `${names} ${key}`, row) };
    const sinks = this.#people.filter(({ name }) => names.split(",").includes(name));
    const audience = { sinks, groups: new Groups(thresholds, state, this.#problems) };
    this.#audiences.set(names, audience);
    return audience;
  }

  /** None of its sinks is used any more: its loops go to others. */
  #forget(names: string): void {
    const { store } = this.#parts;
    this.#audiences.delete(names);
    for (const table of ["groups", "group speakers", "group members", "group begins"]) {
      for (const [key] of store.kept.entries(table)) {
        if (key.startsWith(`${names} `)) store.put(table, key, undefined);
      }
    }
  }

  #flushed(now: Nanoseconds): void {
    if (this.#ends) this.#sendWaiting(now);
  }

  #sendWaiting(now: Nanoseconds): void {
    for (const { groups, sinks } of this.#audiences.values()) this.#emit(groups.flush(now), sinks);
  }

  /** The loop of this name changed: a batch that shows it is held until people have heard of it. */
  #changed(name: string): void {
    if (!this.#parts.store.durable) this.#mentions.changed(name);
  }

  /** It was no change that a message will mention. */
  #unhold(name: string): void {
    if (this.#parts.store.durable || this.#withLoop(name).some(({ groups }) => groups.isUnmentioned(name))) {
      return;
    }
    this.#mentions.unmentionable(name);
  }

  #emit(messages: readonly GroupMessage[], sinks: readonly GroupedSink[]): void {
    for (const { alert, toAll, mentions } of messages) {
      this.#parts.counters.groups[alert.reason]++;
      this.#log(alert);
      const wanted = sinks.filter(({ updates }) => toAll || updates);
      if (wanted.length > 0) this.#parts.store.enqueue(alert, new Set(wanted.map(({ name }) => name)));
      this.#mentions.mentioned(mentions, alert.name);
    }
  }

  #log({ name, id, reason, group }: Alert): void {
    const { counts } = group!;
    const parts = [
      sentences[reason],
      ...counts.active > 0 ? ["{active} active"] : [],
      ...counts.gaveUp > 0 ? ["{gaveUp} given up"] : [],
      ...counts.resolved > 0 ? ["{resolved} resolved"] : [],
    ];
    this.#parts.log.info(`{group}: ${parts.join(", ")}; alert {id}`, { group: name, ...counts, id });
  }
}

const sentences = {
  first: "one message for people",
  repeat: "repeats as one message",
  update: "changed",
  resolved: "all loops are resolved",
  "gave-up": "no loop is active any more",
};

/** What was kept of one audience. */
function ofAudience(kept: KeptGroups, names: string): KeptGroups {
  return {
    *entries(table) {
      for (const [key, row] of kept.entries(table)) {
        if (key.startsWith(`${names} `)) yield [key.slice(names.length + 1), row];
      }
    },
  };
}
