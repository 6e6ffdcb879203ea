// What a person reads of an alert about the detector itself. No I/O.
import { plain } from "../../lib/escape.ts";
import { parseTime } from "../../lib/time.ts";
import { clockOf, inWords } from "./details.ts";
import type { Notice } from "./notice.ts";

/** A `Message`, which message.ts declares. */
export interface NoticeMessage {
  readonly state: "active" | "resolved";
  readonly severity: "warning" | "critical";
  readonly title: string;
  readonly reason: string;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly links: readonly { readonly text: string; readonly url: string }[];
}

/** What is wrong and what is right again, and what it means for who relies on the detector. */
const words: Record<Notice["kind"], (name: string) => { bad: string; good: string; meanwhile: string }> = {
  source: () => ({
    bad: "has been blind",
    good: "sees again",
    meanwhile:
      "no crash loop is noticed; what happened is read when it sees again, as far as the source still has it",
  }),
  state: () => ({
    bad: "has been unable to save its state",
    good: "saves its state again",
    meanwhile: "no message is acknowledged and no alert is sent",
  }),
  sink: (name) => ({
    bad: `has been unable to send to ${name}`,
    good: `sends to ${name} again`,
    meanwhile: "its alerts are pending",
  }),
};

/** The notice in words. */
export function noticeMessage(
  { kind, component, since, until, problem }: Notice,
  { cluster, page }: { readonly cluster?: string | undefined; readonly page?: URL | undefined },
): NoticeMessage {
  const { bad, good, meanwhile } = words[kind](component.replace(/^sink /, ""));
  const is = until === undefined ? bad : good;
  const begin = clockOf(since, until ?? since);
  const lasted = until === undefined ? "" : inWords(parseTime(until)! - parseTime(since)!);
  const when = until === undefined ? `since ${begin}` : `after ${lasted}`;
  const facts = [
    ["Cluster", cluster],
    ["Component", component],
    ...(until === undefined
      ? [["Meanwhile", meanwhile]]
      : [["Since", begin], ["Until", clockOf(until, until)]]),
  ] as const;
  return {
    state: until === undefined ? "active" : "resolved",
    severity: until === undefined && kind !== "sink" ? "critical" : "warning",
    title: plain(`${cluster === undefined ? "" : `[${cluster}] `}The detector ${is} ${when}`),
    reason: plain(
      until === undefined
        ? sentence(`${component}: ${problem}`)
        : `It had lasted since ${begin}; the problem was: ${component}: ${problem}`,
    ),
    facts: facts.flatMap(([label, value]) =>
      value === undefined ? [] : [{ label: label!, value: plain(value) }]
    ),
    links: page === undefined ? [] : [{ text: "Detector", url: page.href }],
  };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
