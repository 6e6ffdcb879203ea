// What the program says of itself when it ends: how many messages it had, and what became of them.

/** The figures of that line. */
export interface Totals {
  readonly messages: number;
  /** Restarts, or failed runs: what the rule counts. */
  readonly events: number;
  readonly duplicates: number;
  readonly outsideWindow: number;
  readonly requested: number;
  readonly others: number;
  readonly rejected: number;
  readonly alerts: number;
}

/** The totals in a log. Throws where there are none. */
export function totalsOf(log: string): Totals {
  const found =
    /(\d+) messages: (\d+) [a-z ]+, of them (\d+) duplicates, (\d+) too old and (\d+) requested, which do not count; (\d+) other updates; (\d+) rejected\. (\d+) alerts/
      .exec(log);
  if (found === null) throw new Error(`no totals in the log, which ends with:\n${log.slice(-2000)}`);
  const [messages, events, duplicates, outsideWindow, requested, others, rejected, alerts] = found.slice(1)
    .map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  return { messages, events, duplicates, outsideWindow, requested, others, rejected, alerts };
}
