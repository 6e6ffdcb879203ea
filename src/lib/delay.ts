// A delay that a signal can end.
import { setTimeout } from "node:timers/promises";

/** Maximum milliseconds of a timer; a longer one fires at once. */
export const maxTimer = 2 ** 31 - 1;

/** Resolves after these milliseconds, or at the signal, on which it leaves no listener. */
export async function delay(milliseconds: number, until: AbortSignal): Promise<void> {
  try {
    await setTimeout(Math.min(milliseconds, maxTimer), undefined, { signal: until });
  } catch (error) {
    if (!until.aborted) throw error;
  }
}
