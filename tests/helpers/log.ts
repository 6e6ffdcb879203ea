// A log that a test reads.
import { type Log, openLog } from "../../src/lib/log.ts";

/** The log of a test, from `debug` on. The lines have no times: `warning sink amqp: …`. That alerts are confirmed, which
 * is logged of each, stands apart. */
export function testLog(): { readonly log: Log; readonly lines: string[]; readonly confirmations: string[] } {
  const lines: string[] = [];
  const confirmations: string[] = [];
  const log = openLog("debug", "text", (text) => {
    const line = text.slice(text.indexOf(" ") + 1).trimEnd();
    (/^debug sink \S+: confirmed alert /.test(line) ? confirmations : lines).push(line);
  });
  return { log, lines, confirmations };
}
