// What a person reads of an alert, written once: every sink for people only lays it out. No I/O.
import { plain } from "../../lib/escape.ts";
import type { Alert } from "./alert.ts";
import { contextFacts, type LastWords, lastWordsOf } from "./context_facts.ts";
import { type AlertDetails, clockOf, nodeWords, shortId, withoutCount } from "./details.ts";
import { detailsOf, lastUpdateOf } from "./details_of.ts";
import { groupFacts, groupLinks } from "./group_facts.ts";
import { groupOf, groupReason, groupTitle } from "./group_words.ts";
import { noticeMessage } from "./notice_message.ts";
import { exitCodeWords, signalWords } from "./signals.ts";

/** An alert in words. No text has a line feed or a character that a terminal obeys. */
export interface Message {
  readonly state: "active" | "resolved" | "gave-up";
  readonly severity: "warning" | "critical";
  /** What, where, how often, since when: `[prod-eu] web.app[0] is crash-looping: 5 failed runs since 03:42 UTC`. */
  readonly title: string;
  /** Why, in one sentence that begins with a capital letter and has no full stop. */
  readonly reason: string;
  /** The rest, a line each. */
  readonly facts: readonly Fact[];
  readonly links: readonly Link[];
  /** What the task wrote last, where it is known. */
  readonly lastWords?: LastWords;
}

/** A labelled value: `Node`, `client-1 (3c0af5d1)`. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** Where to look further. */
export interface Link {
  readonly text: string;
  readonly url: string;
}

/** What is said of every alert. */
export interface Surroundings {
  /** Name of the cluster. */
  readonly cluster?: string | undefined;
  /** Base URL of Nomad's web UI. */
  readonly nomadUi?: URL | undefined;
  /** Base URL of this detector's page. */
  readonly page?: URL | undefined;
}

/** The alert in words. */
export function messageOf(alert: Alert, surroundings: Surroundings = {}): Message {
  if (alert.notice !== undefined) return noticeMessage(alert.notice, surroundings);
  const details = detailsOf(alert);
  const state = stateOf(alert);
  const cluster = surroundings.cluster === undefined ? "" : `[${surroundings.cluster}] `;
  const since = clockOf(details.Since, newestTime(details));
  const group = groupOf(alert);
  // Of loops of several jobs, what is known of one says nothing about the others.
  const lastWords = group === undefined || group.cause === "job" ? lastWordsOf(details) : undefined;
  return {
    state,
    severity: severityOf(alert, state, details),
    title: plain(
      cluster + (group ? groupTitle(alert, group, details, since) : titleOf(alert, details, since)),
    ),
    reason: plain(sentence(group ? groupReason(alert, group, details) : withoutCount(details.Reason))),
    facts: factsOf(alert, details, surroundings.cluster).map(({ label, value }) => ({
      label,
      value: plain(value),
    })),
    links: linksOf(alert, details, surroundings),
    ...(lastWords === undefined ? {} : { lastWords }),
  };
}

function stateOf({ reason, group }: Alert): Message["state"] {
  if (reason === "resolved" || reason === "gave-up") return reason;
  return group?.counts.active === 0 && group.counts.gaveUp > 0 ? "gave-up" : "active";
}

/** Critical where Nomad gave up, or nothing of the task group runs well. What a job wishes speaks for that job only. */
function severityOf(
  alert: Alert,
  state: Message["state"],
  { Severity, Allocations }: AlertDetails,
): Message["severity"] {
  if (state === "resolved") return "warning";
  const cause = groupOf(alert)?.cause ?? "job";
  if (Severity !== undefined && (cause === "job" || Severity === "critical")) return Severity;
  const allLoop = Allocations !== undefined && Allocations.Total > 0 &&
    Allocations.Looping >= Allocations.Total;
  return state === "gave-up" || (alert.group?.counts.gaveUp ?? 0) > 0 || allLoop ? "critical" : "warning";
}

function titleOf(alert: Alert, details: AlertDetails, since: string): string {
  const runs = `${details.Failures} ${details.Rule === "failures" ? "failed run" : "restart"}`;
  const counted = `${runs}${details.Failures === 1 ? "" : "s"} since ${since}`;
  // A group's own name is for logs.
  const name = alert.group?.members[0]?.name ?? alert.name;
  return `${name} ${headline(alert, details)}: ${counted}`;
}

function headline({ reason }: Alert, { FlappingSince }: AlertDetails): string {
  if (reason !== "resolved" && FlappingSince !== undefined) return "is flapping";
  return headlines[reason];
}

const headlines = {
  first: "is crash-looping",
  repeat: "is still crash-looping",
  update: "is crash-looping",
  resolved: "no longer crash-loops",
  "gave-up": "was given up by Nomad",
};

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function factsOf(alert: Alert, details: AlertDetails, cluster: string | undefined): Fact[] {
  const group = groupOf(alert);
  const ofJob = group === undefined || group.cause === "job";
  const facts: readonly (readonly [label: string, value: string | undefined])[] = [
    ["Cluster", cluster],
    ...(group ? groupFacts(alert, group, details) : loopFacts(alert, details)),
    ...(ofJob ? contextFacts(details, newestTime(details)) : []),
    ["Owner", ofJob ? details.Owner : undefined],
  ];
  return facts.flatMap(([label, value]) => value === undefined || value === "" ? [] : [{ label, value }]);
}

/** What is said of one loop. */
function loopFacts(
  alert: Alert,
  details: AlertDetails,
): readonly (readonly [label: string, value: string | undefined])[] {
  const { Key, Node, LastExit, NextAttempt, Missed } = details;
  const { allocation, task } = lastUpdateOf(alert);
  return [
    ["Namespace", Key.Namespace],
    ["Job", Key.JobID],
    ["Group", Key.TaskGroup],
    ["Task", Key.Task ?? task],
    ["Node", nodeWords(Node)],
    ["Allocation", shortId(allocation)],
    ["Last exit", LastExit && exitWords(LastExit)],
    ["Next attempt", NextAttempt && clockOf(NextAttempt, newestTime(details), 19)],
    ["Missed", Missed === 0 ? undefined : `${Missed} of them without an event`],
  ];
}

function exitWords(
  { Time, ExitCode, Signal, OutOfMemory, After }: NonNullable<AlertDetails["LastExit"]>,
): string {
  const parts = [
    ExitCode === undefined ? undefined : `exit code ${exitCodeWords(ExitCode)}`,
    Signal === undefined ? undefined : `signal ${signalWords(Signal)}`,
    OutOfMemory === undefined
      ? undefined
      : OutOfMemory === "likely"
      ? "likely out of memory"
      : "out of memory",
    After === undefined ? undefined : `after ${After}`,
  ].filter((part) => part !== undefined);
  return `${parts.join(", ")}${parts.length === 0 ? "" : ", "}at ${clockOf(Time, Time, 19)}`;
}

/** The time of the last event. */
function newestTime({ Events, Since }: AlertDetails): string {
  return Events.at(-1)?.Time ?? Since;
}

function linksOf(alert: Alert, details: AlertDetails, surroundings: Surroundings): Link[] {
  const { Key, Loop, Runbook } = details;
  const links: Link[] = [];
  const add = (text: string, of: "nomadUi" | "page", path: string) => {
    const base = surroundings[of];
    if (base !== undefined) links.push({ text, url: `${base.href.replace(/\/$/, "")}${path}` });
  };
  const group = groupOf(alert);
  const ofJob = group === undefined || group.cause === "job";
  const { allocation } = lastUpdateOf(alert);
  const job = encodeURIComponent(`${Key.JobID ?? ""}@${Key.Namespace ?? "default"}`);
  if (ofJob && Key.JobID) add("Job in Nomad", "nomadUi", `/ui/jobs/${job}`);
  if (group === undefined) {
    if (allocation !== "") {
      add("Allocation in Nomad", "nomadUi", `/ui/allocations/${encodeURIComponent(allocation)}`);
    }
    const loop = alert.group?.members[0]?.loop ?? Loop;
    add("Loop", "page", `/allocation/${encodeURIComponent(loop)}`);
  } else for (const { text, of, path } of groupLinks(group, details)) add(text, of, path);
  const runbook = ofJob ? webAddress(Runbook) : undefined;
  if (runbook !== undefined) links.push({ text: "Runbook", url: runbook });
  return links;
}

/** What stands in a job's meta may be anything, and a person clicks on it. */
function webAddress(text = ""): string | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined;
}
