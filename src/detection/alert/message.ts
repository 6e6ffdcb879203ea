// What a person reads of an alert, written once: every sink for people only lays it out. No I/O.
import { plain } from "../../lib/escape.ts";
import type { Alert } from "./alert.ts";
import { type AlertDetails, clockOf, withoutCount } from "./details.ts";
import { detailsOf, lastUpdateOf } from "./details_of.ts";
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
  const state = alert.reason === "resolved" ? "resolved" : alert.reason === "gave-up" ? "gave-up" : "active";
  const cluster = surroundings.cluster === undefined ? "" : `[${surroundings.cluster}] `;
  const since = clockOf(details.Since, newestTime(details));
  const runs = `${details.Failures} ${details.Rule === "failures" ? "failed run" : "restart"}`;
  const counted = `${runs}${details.Failures === 1 ? "" : "s"} since ${since}`;
  return {
    state,
    severity: state === "gave-up" ? "critical" : "warning",
    title: plain(`${cluster}${alert.name} ${headline(alert, details)}: ${counted}`),
    reason: plain(sentence(withoutCount(details.Reason))),
    facts: factsOf(alert, details, surroundings.cluster).map(({ label, value }) => ({
      label,
      value: plain(value),
    })),
    links: linksOf(alert, details, surroundings),
  };
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
  const { Key, Node, LastExit, NextAttempt, Missed } = details;
  const { allocation, task } = lastUpdateOf(alert);
  const facts: readonly (readonly [label: string, value: string | undefined])[] = [
    ["Cluster", cluster],
    ["Namespace", Key.Namespace],
    ["Job", Key.JobID],
    ["Group", Key.TaskGroup],
    ["Task", Key.Task ?? task],
    ["Node", Node.Name === undefined ? short(Node.ID) : `${Node.Name} (${short(Node.ID)})`],
    ["Allocation", short(allocation)],
    ["Last exit", LastExit && exitWords(LastExit)],
    ["Next attempt", NextAttempt && clockOf(NextAttempt, newestTime(details), 19)],
    ["Missed", Missed === 0 ? undefined : `${Missed} of them without an event`],
  ];
  return facts.flatMap(([label, value]) => value === undefined || value === "" ? [] : [{ label, value }]);
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

/** The first part of an ID, as Nomad's own command line shows it. */
function short(id: string): string {
  return id.split("-")[0]!;
}

/** The time of the last event. */
function newestTime({ Events, Since }: AlertDetails): string {
  return Events.at(-1)?.Time ?? Since;
}

function linksOf(alert: Alert, { Key, Loop }: AlertDetails, { nomadUi, page }: Surroundings): Link[] {
  const links: Link[] = [];
  const add = (text: string, base: URL | undefined, path: string) => {
    if (base !== undefined) links.push({ text, url: `${base.href.replace(/\/$/, "")}${path}` });
  };
  const { allocation } = lastUpdateOf(alert);
  const job = encodeURIComponent(`${Key.JobID ?? ""}@${Key.Namespace ?? "default"}`);
  if (Key.JobID) add("Job in Nomad", nomadUi, `/ui/jobs/${job}`);
  if (allocation !== "") {
    add("Allocation in Nomad", nomadUi, `/ui/allocations/${encodeURIComponent(allocation)}`);
  }
  add("Loop", page, `/allocation/${encodeURIComponent(Loop)}`);
  return links;
}
