// How long a command waits for the answer of a part of the program.
import { delay } from "../lib/delay.ts";
import { formatDuration, type Nanoseconds } from "../lib/duration.ts";
import { Fault } from "../lib/errors.ts";

/** How long to wait for each answer, unless `CONNECT_TIMEOUT` says it: longer than any part waits for its own, so that
 * the part says what did not answer. */
export const answerTimeout = 40_000_000_000n;

/** The answer, if it comes in time and before the signal. @throws {Fault} */
export async function within<T>(time: Nanoseconds, stop: AbortSignal, answer: Promise<T>): Promise<T> {
  const done = new AbortController();
  const tooLate = delay(Number(time / 1_000_000n), AbortSignal.any([stop, done.signal])).then(() => {
    throw new Fault(stop.aborted ? "interrupted" : `no answer within ${formatDuration(time)}`);
  });
  tooLate.catch(() => {});
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    done.abort();
  }
}
