// What is known of a loop, in words: its facts, and how it is now.
import { endOf, isOlder } from "./loop_row.js";
import { capital, clock, counted, exact, exitCodeWords, number, span } from "./words.js";

/** @typedef {import("../view.ts").LoopView} LoopView */

/**
 * Names and values of what is known.
 *
 * @param {LoopView} loop
 * @param {string} what what is counted, in the singular
 * @returns {[string, string][]}
 */
export function factsOf(loop, what) {
  /** @type {[string, string | null][]} */
  const facts = [
    ["Namespace", loop.namespace],
    ["Job", loop.job],
    ["Group", loop.group],
    ["Task", loop.task],
    ["Node", loop.node],
    ["Allocation", loop.allocation],
    ["Since", exact(loop.since)],
    [`Last ${what}`, exact(loop.lastAt)],
    ["Given up", loop.gaveUpAt === null ? null : exact(loop.gaveUpAt)],
    ["Resolved", loop.resolvedAt === null ? null : exact(loop.resolvedAt)],
    [`${capital(what)}s`, number(loop.count)],
    ["Exit code", loop.exitCode === null ? null : exitCodeWords(loop.exitCode)],
    ["Alerts", number(loop.notifications)],
    ["First alert", loop.firstNotifiedAt === null ? null : exact(loop.firstNotifiedAt)],
    ["Loop", loop.id],
  ];
  return facts.flatMap(([name, value]) => value === null ? [] : [[name, value]]);
}

/**
 * How the loop is, and since when.
 *
 * @param {LoopView} loop
 * @param {import("./loop_row.js").RowContext} context
 * @returns {string}
 */
export function verdictOf(loop, { what, now, ago }) {
  const ended = endOf(loop);
  const [over, before] = isOlder(loop, what) ? ["over ", "before "] : ["", ""];
  const [first, rest] = ended === null
    ? [
      `Crash-looping for ${over}${span(now - Date.parse(loop.since))}`,
      `since ${before}${clock(loop.since, now)}`,
    ]
    : [
      `${loop.status === "gave-up" ? "Given up" : "Resolved"} ${span(now - Date.parse(ended))} ${ago}`,
      `after ${over}${span(Date.parse(ended) - Date.parse(loop.since))}`,
    ];
  const last = span(now - Date.parse(loop.lastAt));
  return `${first}, ${rest} · ${counted(loop.count, what)}, the last ${last} ${ago}`;
}
