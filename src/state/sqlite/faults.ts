// What is wrong with a state file, in words a person can act on.
import { Fault } from "../../lib/errors.ts";
import { quoted } from "../../lib/settings/redact.ts";

/** The fault of a file that SQLite cannot read. */
export function damaged(path: string, how: string): Fault {
  return unusable(path, `it is damaged: ${how}`, "move it away or name another file; it was left as it is");
}

/** The fault of a file that cannot be used: what was found, and what to do. */
export function unusable(
  path: string,
  found: string,
  advice: string,
  recovery: Fault["recovery"] = "config",
): Fault {
  return new Fault(`cannot use the state file ${quoted(path)}: ${found}; ${advice}`, recovery);
}

/** An error of SQLite or of the file system as a fault. Deno passes on no codes of them, so their messages decide. */
export function explain(error: unknown, path: string, recovery: Fault["recovery"] = "transient"): Fault {
  if (error instanceof Fault) return error;
  const said = error instanceof Error ? error.message : String(error);
  for (const { words, found, advice } of causes) {
    if (words.test(said)) return unusable(path, found, advice, recovery);
  }
  return unusable(path, said, "fix that, or name another file", recovery);
}

const causes = [
  {
    words: /database is locked/,
    found: "another process uses it",
    advice: "stop that one, or name another file",
  },
  { words: /disk is full|No space left/i, found: "the disk is full", advice: "make room" },
  {
    words: /malformed|not a database|no such (table|column)/,
    found: "it is damaged",
    advice: "move it away or name another file; it was left as it is",
  },
  {
    words: /Requires \w+ access/,
    found: "Deno does not permit access to it",
    advice: "name a file outside of /dev, /proc and /sys, and allow the program to read and write files",
  },
  {
    words: /readonly database|Permission denied|Read-only file system/i,
    found: "it cannot be written",
    advice: "let this user write the file and its directory",
  },
  {
    words: /unable to open database file/,
    found: "it cannot be opened or created",
    advice: "name a file in a directory that exists and that this user may write",
  },
];
