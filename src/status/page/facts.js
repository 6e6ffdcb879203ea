// What is known of a loop, in words: its facts, and how it is now.
import { element } from "./element.js";
import { endOf, isOlder } from "./loop_row.js";
import { capital, clock, counted, exact, exitCodeWords, number, plain, span } from "./words.js";

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
 * Names and values of what the job asks for, and of the cause; the runbook is a link.
 *
 * @param {LoopView} loop
 * @returns {[string, string | Node][]}
 */
export function wishesOf({ owner, runbook, severity, muted, cause }) {
  /** @type {[string, string | Node | null][]} */
  const facts = [
    ["Severity", severity],
    ["Owner", owner],
    ["Runbook", runbook === null ? null : runbookLink(runbook)],
    ["Muted", muted],
    ["Cause", cause === null ? null : cause.text],
  ];
  return facts.flatMap(([name, value]) => value === null ? [] : [[name, value]]);
}

/** Nothing but a web address becomes a link. @param {string} address */
function runbookLink(address) {
  const text = plain(address);
  return /^https?:\/\//i.test(address) ? element("a", { href: address, rel: "noreferrer" }, text) : text;
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
