// Reasons as groups keep them: short, and without what differs between loops that fail for one reason. Pure.
import { withoutCount } from "../alert/details.ts";
import { cut } from "../../lib/cut.ts";

/** Maximum characters of a reason that a group keeps, and of a kind of reason. */
const maxReason = 200;
const maxKind = 80;

/** The reason as a member of a group has it. */
export function shortReason(reason: string): string {
  return cut(reason, maxReason);
}

/** The reason without how often, since when and after how long, so that loops can be counted by it. */
export function kindOf(reason: string): string {
  const lasting = reason.replace(/^flaps since .{1,30}? (?:UTC|[+-]\d\d:\d\d): /, "");
  const [what = ""] = withoutCount(lasting).split("; ");
  return cut(what.replace(/ (?:after|in) (?:\d[\d.]* ?(?:h|min|m|s|ms|µs|us|ns) ?)+(?=,|$)/g, ""), maxKind);
}
