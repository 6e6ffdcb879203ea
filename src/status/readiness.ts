// Whether the program can do its work: what /readyz answers.
import { formatDuration } from "../lib/duration.ts";
import { wallClock } from "../lib/time.ts";
import type { Facts } from "./runtime_info.ts";

/** A sink, or the state, may fail for so long before that counts. */
const patience = 60_000_000_000n;

/** Why the program is not ready, a line each; none where it is. */
export function problems({ source, sinks, state }: Facts): string[] {
  const now = wallClock();
  const lasting = [
    ...sinks.map(({ type, standing }) => ({ what: `sink ${type}`, standing })),
    { what: "state", standing: state.commits.standing },
  ].filter(({ standing: { up, since } }) => !up && now - since > patience);
  const down = [
    ...source.standing.up ? [] : [{ what: `source ${source.type}`, standing: source.standing }],
    ...lasting,
  ];
  return down.map(({ what, standing: { since, problem } }) =>
    `${what}: down for ${formatDuration((now - since) / second * second)}: ${problem}`
  );
}

const second = 1_000_000_000n;
