// The durations of the source `nomad` in tests: those of a real Nomad, shortened.
import type { Timeouts } from "../../src/sources/nomad/timeouts.ts";

/** In milliseconds, as `defaultTimeouts`. */
export const fastTimeouts: Timeouts = {
  idle: 5_000,
  renewal: 3_600_000,
  catchUp: 50,
  checkpoint: 0,
  heartbeat: 350,
  settle: 100,
  deadJob: 100,
  audit: 200,
};
