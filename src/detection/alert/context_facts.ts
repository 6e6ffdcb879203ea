// What a person reads of the context of an alert: which change, how much, and the last words. No I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { plain } from "../../lib/escape.ts";
import { parseTime } from "../../lib/time.ts";
import { type AlertContext, type AlertDetails, clockOf, inWords, shortId } from "./details.ts";

/** The last lines of a log, which are shown as they are: in columns, each on its own line. */
export interface LastWords {
  /** Which log: `Last lines of stderr`. */
  readonly title: string;
  /** Oldest first. None has a line feed or a character that a terminal obeys. */
  readonly lines: readonly string[];
}

/** The facts of a context, a line each; undefined is left out. `newest` is the time of the last event. */
export function contextFacts(
  { Change, Allocations, LastWords, Since }: AlertDetails,
  newest: string,
): (readonly [label: string, value: string | undefined])[] {
  return [
    ["Change", Change && changeWords(Change, Since, newest)],
    ["Image", Change?.Image],
    ["Command", Change?.Command],
    ["Deployment", Change?.Deployment && deploymentWords(Change.Deployment)],
    ["Version before", Change?.Previous && previousWords(Change.Previous)],
    ["Affected", Allocations && allocationsWords(Allocations)],
    ["Last words", LastWords?.Missing],
  ];
}

/** The last lines of stderr, or of stdout where there are none. */
export function lastWordsOf({ LastWords }: AlertContext): LastWords | undefined {
  const [name, lines] = LastWords?.Stderr === undefined
    ? ["stdout", LastWords?.Stdout]
    : ["stderr", LastWords.Stderr];
  return lines === undefined ? undefined : { title: `Last lines of ${name}`, lines: lines.map(plain) };
}

type Change = NonNullable<AlertContext["Change"]>;

const day: Nanoseconds = 86_400_000_000_000n;

/** `version 7, submitted 40 s before the first failure`; of another day: `version 7, submitted 2026-11-20 03:42 UTC`. */
function changeWords({ JobVersion, Submitted }: Change, since: string, newest: string): string {
  const [submitted, first] = [parseTime(Submitted), parseTime(since)];
  const version = `version ${JobVersion}, submitted`;
  if (submitted === undefined || first === undefined) return `${version} ${Submitted}`;
  const ahead = first - submitted;
  const distance = ahead < 0n ? -ahead : ahead;
  if (distance > day) return `${version} ${clockOf(Submitted, newest)}`;
  return `${version} ${roughly(distance)} ${ahead < 0n ? "after" : "before"} the first failure`;
}

/** To the minute where it is long. */
function roughly(duration: Nanoseconds): string {
  const minute: Nanoseconds = 60_000_000_000n;
  return inWords(duration < 10n * minute ? duration : (duration + minute / 2n) / minute * minute)
    .replace(/ 0 s$/, "").replace(/ 0 min$/, "");
}

/** `failed (2b1f6c9a): Failed due to progress deadline`. */
function deploymentWords({ ID, Status, Description }: NonNullable<Change["Deployment"]>): string {
  return `${Status} (${shortId(ID)})${Description === undefined ? "" : `: ${Description}`}`;
}

function previousWords({ JobVersion, Stable }: NonNullable<Change["Previous"]>): string {
  return `version ${JobVersion} ${Stable ? "ran well" : "was not stable either"}`;
}

function allocationsWords({ Total, Looping, Running }: NonNullable<AlertContext["Allocations"]>): string {
  const all = `${Total} allocation${Total === 1 ? "" : "s"}`;
  return `${Looping} of ${all} ${Looping === 1 ? "loops" : "loop"}, ${Running} ${
    Running === 1 ? "runs" : "run"
  }`;
}
