// Decides whether the detector is ready: the answer of /readyz.
import { formatDuration, second } from "../lib/duration.ts";
import { wallClock } from "../lib/time.ts";
import type { RuntimeInfo } from "./runtime_info.ts";

/** How long a sink or the state may be down before the detector is not ready. */
const gracePeriod = 60_000_000_000n;

/** Why the detector is not ready, one reason per line; empty if it is. */
export function problems({ source, sinks, state }: RuntimeInfo): string[] {
  const now = wallClock();
  const downTooLong = [
    ...sinks.map(({ name, health }) => ({ component: `sink ${name}`, health })),
    { component: "state", health: state.commits.health },
  ].filter(({ health: { isUp, since } }) => !isUp && now - since > gracePeriod);
  const down = [
    ...source.health.isUp ? [] : [{ component: `source ${source.type}`, health: source.health }],
    ...downTooLong,
  ];
  return down.map(({ component, health: { since, problem } }) =>
    `${component}: down for ${formatDuration((now - since) / second * second)}: ${problem}`
  );
}
