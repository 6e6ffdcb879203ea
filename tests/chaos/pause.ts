// Time that a fault lasts, or that lies between two of them: chaos has no condition to wait for.

/** Resolves after so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
