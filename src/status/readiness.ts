// Whether the program can do its work: what /readyz answers.
import { formatDuration } from "../lib/duration.ts";
import { wallClock } from "../lib/time.ts";
import type { Facts } from "./runtime_info.ts";

/** A sink, or the state, may fail for so long before that counts. */
const gracePeriod = 60_000_000_000n;

/** Why the program is not ready, a line each; none where it is. */
export function problems({ source, sinks, state }: Facts): string[] {
  const now = wallClock();
  const lasting = [
    ...sinks.map(({ type, health }) => ({ what: `sink ${type}`, health })),
    { what: "state", health: state.commits.health },
  ].filter(({ health: { isUp, since } }) => !isUp && now - since > gracePeriod);
  const down = [
    ...source.health.isUp ? [] : [{ what: `source ${source.type}`, health: source.health }],
    ...lasting,
  ];
  return down.map(({ what, health: { since, problem } }) =>
    `${what}: down for ${formatDuration((now - since) / second * second)}: ${problem}`
  );
}

const second = 1_000_000_000n;
