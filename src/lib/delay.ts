// Waiting that a signal ends.
import { setTimeout } from "node:timers/promises";

/** The longest time, in milliseconds, that a timer takes; a longer one fires at once. */
export const maxTimer = 2 ** 31 - 1;

/** Waits, or until the signal. It leaves no listener on the signal behind. */
export async function delay(milliseconds: number, until: AbortSignal): Promise<void> {
  try {
    await setTimeout(Math.min(milliseconds, maxTimer), undefined, { signal: until });
  } catch (error) {
    if (!until.aborted) throw error;
  }
}
