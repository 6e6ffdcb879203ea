// Timers that a test moves on by hand.
import { mock } from "node:test";

/** Timers and the wall's clock, at a halt. Disposing it lets them run again. */
export interface HaltedTimers extends Disposable {
  /** Lets milliseconds go by, and what follows from them happen. */
  pass(milliseconds: number): Promise<void>;
  /** Sets the wall's clock, ahead or back; no timer is due by that. */
  set(now: number): void;
}

/** Halts `setTimeout` and `Date`. `now` is in milliseconds since the Unix epoch. */
export function haltTimers(now = 1_800_000_000_000): HaltedTimers {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now });
  return {
    async pass(milliseconds) {
      await happened();
      for (let left = milliseconds; left > 0; left--) {
        mock.timers.tick(1);
        await happened();
      }
    },
    set: (now) => mock.timers.setTime(now),
    [Symbol.dispose]: () => mock.timers.reset(),
  };
}

/** Resolves when all that follows from settled promises has happened. */
export async function happened(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await undefined;
}
