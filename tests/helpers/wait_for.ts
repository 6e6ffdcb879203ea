// Waiting for a condition with a deadline, in the place of sleeps.

/** How long to wait and how often to look, in milliseconds. */
export interface WaitOptions {
  /** Give up after this long; 30 s by default. */
  timeoutMs?: number;
  /** Pause between two looks; 20 ms by default. */
  everyMs?: number;
}

/** What is left of `T` once everything falsy is taken away. */
export type Truthy<T> = Exclude<T, undefined | null | false | 0 | 0n | "">;

/**
 * Resolves with the first truthy value of `condition`. Throws an Error that names `what` once the time is up, even
 * while `condition` itself hangs. An error thrown by `condition` is passed on at once.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 20 }: WaitOptions = {},
): Promise<Truthy<T>> {
  const started = performance.now();
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const waitedMs = Math.round(performance.now() - started);
    deadline.reject(new Error(`waited ${waitedMs} ms in vain for ${what}`));
  }, timeoutMs);
  let pause: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<Truthy<T>> => {
    while (true) {
      const value = await condition();
      if (value) return value as Truthy<T>;
      await new Promise((resolve) => pause = setTimeout(resolve, everyMs));
    }
  };
  try {
    return await Promise.race([look(), deadline.promise]);
  } finally {
    clearTimeout(timer);
    clearTimeout(pause);
  }
}

/** The promise's value. Throws an Error that names `what` once the time is up. */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs = 30_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`)),
    timeoutMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
