// Opens the state file: examines it and migrates it to the present format, or refuses it and leaves it as it is.
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFile } from "../../lib/files.ts";
import { damaged, explain, unusable } from "./faults.ts";
import { renameToNotified } from "./format_4.ts";

/** "NCLD": marks a file as ours (https://sqlite.org/fileformat2.html#application_id). */
const applicationId = 0x4e434c44;

/** The steps from each format of the file to the next. Their number is the present format. */
const migrations: readonly (string | ((file: DatabaseSync) => void))[] = [
  `CREATE TABLE restarts (
     leaves INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, identity INTEGER NOT NULL,
     arrival INTEGER NOT NULL,
     PRIMARY KEY (leaves, name, time, identity)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE told (
     name TEXT NOT NULL PRIMARY KEY, told_at INTEGER NOT NULL, id TEXT NOT NULL, repeats INTEGER NOT NULL,
     last_event TEXT NOT NULL
   ) STRICT;
   CREATE TABLE outbox (
     seq INTEGER NOT NULL PRIMARY KEY, sink TEXT NOT NULL, name TEXT NOT NULL, alert TEXT NOT NULL
   ) STRICT;
   CREATE TABLE rows (name TEXT NOT NULL PRIMARY KEY, row TEXT NOT NULL) STRICT;`,
  `CREATE TABLE notes (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE loops (id TEXT NOT NULL PRIMARY KEY, remembered TEXT NOT NULL) STRICT;`,
  renameToNotified,
];

/**
 * Opens the state file, locked until it is closed; creates a missing one. A file that cannot be used is not changed.
 * @throws {Fault} with the reason, "config"
 */
export function openFile(path: string): DatabaseSync {
  const found = examine(path);
  let file: DatabaseSync | undefined;
  try {
    if (found === "with a log") readOnly(path, (file) => requireUsable(file, path));
    // SQLite gives the log and the index beside it the mode of the file.
    if (found === "missing") make(path);
    file = new DatabaseSync(resolve(path));
    // FULL: what is committed survives a loss of power too.
    file.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0");
    if (found === "alone") requireUsable(file, path);
    migrate(file, path);
    file.exec("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 16777216");
    // This only shows whether the file can be written.
    file.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${migrations.length}; COMMIT`);
    return file;
  } catch (error) {
    file?.close();
    if (found === "missing") removeEmpty(path);
    throw explain(error, path, "config");
  }
}

/** Examines the file without opening it as a database. One "with a log" was not closed properly. */
function examine(path: string): "missing" | "empty" | "alone" | "with a log" {
  let header: DataView;
  let size: number;
  try {
    const found = Deno.statSync(path);
    if (found.isDirectory) throw unusable(path, "it is a directory", "name a file in it");
    if (!found.isFile) throw unusable(path, "it is not a file", "name a file");
    size = found.size;
    // For writing too: of a file without that right SQLite only says "disk I/O error".
    using file = Deno.openSync(path, { read: true, write: true });
    header = new DataView(new ArrayBuffer(100));
    file.readSync(new Uint8Array(header.buffer));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw explain(error, path, "config");
  }
  const log = isThere(`${path}-wal`);
  if (size === 0 && log) throw damaged(path, "it is empty, and the log beside it is not");
  if (size === 0) return "empty";
  const isDatabase = new TextDecoder().decode(header.buffer.slice(0, 16)) === "SQLite format 3\0";
  if (!isDatabase || header.getUint32(68) !== applicationId) {
    throw unusable(path, "it is a file of another program", "name another file; it was left as it is");
  }
  requireVersion(path, header.getUint32(60));
  const whole = header.getUint32(28) * (header.getUint16(16) === 1 ? 65536 : header.getUint16(16));
  // With a log or a journal beside it, what is missing may be in there.
  if (size < whole && !log && !isThere(`${path}-journal`)) {
    throw damaged(path, `${size} of ${whole} bytes are there`);
  }
  return log ? "with a log" : "alone";
}

/** Examines a file with read access only: closing it with write access would write the log into it. */
function readOnly(path: string, look: (file: DatabaseSync) => void): void {
  const index = `${path}-shm`;
  const wasThere = isThere(index);
  const file = new DatabaseSync(resolve(path), { readOnly: true });
  try {
    look(file);
  } finally {
    file.close();
    if (!wasThere && isThere(index)) Deno.removeSync(index);
  }
}

function requireUsable(file: DatabaseSync, path: string): void {
  requireVersion(path, versionOf(file));
  const [found] = Object.values(file.prepare("PRAGMA quick_check(1)").get() ?? {});
  if (found !== "ok") throw damaged(path, String(found).replaceAll(/\s+/g, " "));
  if (versionOf(file) > 0) file.prepare(tablesOf(versionOf(file))); // throws if one is missing
}

/** A query that fails if a table of this format is missing. */
function tablesOf(version: number): string {
  return version < 4
    ? "SELECT * FROM restarts, told, outbox, rows"
    : "SELECT * FROM restarts, notified, outbox, records";
}

function versionOf(file: DatabaseSync): number {
  return Number(file.prepare("PRAGMA user_version").get()!.user_version);
}

function requireVersion(path: string, version: number): void {
  if (version <= migrations.length) return;
  throw unusable(
    path,
    `a newer version of the program wrote it (format ${version}; this one knows ${migrations.length})`,
    "use that version, or name another file; it was left as it is",
  );
}

function migrate(file: DatabaseSync, path: string): void {
  const version = versionOf(file);
  requireVersion(path, version);
  if (version === migrations.length) return;
  file.exec(`BEGIN IMMEDIATE; PRAGMA application_id = ${applicationId}`);
  for (const migration of migrations.slice(version)) {
    if (typeof migration === "string") file.exec(migration);
    else migration(file);
  }
  file.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`);
}

/** Whether there is a file that is not empty. */
function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).size > 0;
  } catch {
    return false;
  }
}

/** Creates the file for its owner alone. */
function make(path: string): void {
  try {
    makeFile(path);
  } catch {
    // SQLite will say why
  }
}

/** Removes the empty file that an attempt left. */
function removeEmpty(path: string): void {
  try {
    if (Deno.statSync(path).size === 0) Deno.removeSync(path);
  } catch {
    // there is none
  }
}
