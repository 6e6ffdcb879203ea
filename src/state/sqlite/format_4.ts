// The step from format 3 of the state file to format 4: tables and JSON fields get the names that the code uses, and
// everything kept as JSON moves into one table.
import type { DatabaseSync } from "node:sqlite";

/** Migrates an open file from format 3 to 4, in the caller's transaction. */
export function renameToNotified(file: DatabaseSync): void {
  file.exec(`
    ALTER TABLE told RENAME TO notified;
    ALTER TABLE notified RENAME COLUMN told_at TO notified_at;
    CREATE TABLE records (
      kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
    ) STRICT;
    INSERT INTO records SELECT 'checkpoints', replace(key, '\\', '\\\\'), json_quote(value) FROM notes;
  `);
  const insert = file.prepare("INSERT INTO records (kind, key, value) VALUES (?, ?, ?)");
  for (const { name, row } of file.prepare("SELECT name, row FROM rows ORDER BY rowid").iterate()) {
    insert.run("streaks", name!, JSON.stringify(renamed(JSON.parse(String(row)), streakNames)));
  }
  for (
    const { id, remembered } of file.prepare("SELECT id, remembered FROM loops ORDER BY rowid").iterate()
  ) {
    const loop = renamed(JSON.parse(String(remembered)), loopNames);
    const whole = "status" in loop ? { gaveUpAt: null, ...loop } : loop;
    insert.run("loops", id!, JSON.stringify(JSON.stringify(whole)));
  }
  const update = file.prepare("UPDATE outbox SET alert = ? WHERE seq = ?");
  const select = file.prepare("SELECT alert FROM outbox WHERE seq = ?");
  for (const { seq } of file.prepare("SELECT seq FROM outbox").all()) {
    const changed = renamed(JSON.parse(String(select.get(seq!)!.alert)), alertNames);
    if (changed.details?.Rule === "loops") changed.details.Rule = "failures";
    update.run(JSON.stringify(changed), seq!);
  }
  file.exec("DROP TABLE rows; DROP TABLE notes; DROP TABLE loops");
}

/** New names of fields, by the old ones; with the names of the fields in them, or in each element of a list. */
type Names = Readonly<Record<string, string | readonly [name: string, inside: Names]>>;

const endedNames: Names = { after: "runtime" };
const streakNames: Names = {
  notSeen: "missed",
  why: "cause",
  ended: ["ended", endedNames],
  runs: ["runs", { made: "createIndex", why: "cause", ended: ["ended", endedNames] }],
  told: ["notified", { over: "resolved", endSent: "resolvedSent", flapsSince: "flappingSince" }],
};
const loopNames: Names = { firstTold: "firstNotifiedAt", alerts: "notifications", endedAt: "resolvedAt" };
const alertNames: Names = { story: ["details", { NotSeen: "Missed" }] };

// deno-lint-ignore no-explicit-any -- JSON, of whose fields only the renamed ones are known
function renamed(value: any, names: Names): any {
  if (Array.isArray(value)) return value.map((element) => renamed(element, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inside]) => {
      const name = Object.hasOwn(names, field) ? names[field]! : field;
      return typeof name === "string" ? [name, inside] : [name[0], renamed(inside, name[1])];
    }),
  );
}
