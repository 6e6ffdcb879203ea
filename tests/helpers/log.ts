// A log that a test reads.
import { type Log, openLog } from "../../src/lib/log.ts";

/** The log of a test, from `debug` on. The lines have no times: `warning sink amqp: …`. */
export function testLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log = openLog("debug", "text", (line) => lines.push(line.slice(line.indexOf(" ") + 1).trimEnd()));
  return { log, lines };
}
