// State files that cannot be used, through the real program: an error of its own for each, exit 1, and not a byte
// of the file changed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { alertJson } from "../../../src/detection/alert/json.ts";
import { FailuresRule } from "../../../src/detection/failures/rule.ts";
import type { FailureStreak } from "../../../src/detection/failures/streak.ts";
import { SqliteStore } from "../../../src/state/sqlite/store.ts";
import { Program, run } from "../../helpers/program.ts";
import { stateFolder, stateFolderOnDisk } from "../../helpers/state_files.ts";
import { obeyingPermissions, smallDisk } from "../../helpers/tmpfs.ts";
import { restarts } from "../../helpers/updates.ts";

const context = { sinks: ["stdout"], newerReplaces: false };
const applicationId = 0x4e434c44;

/** Makes a state file with this many notified keys, of about 700 bytes each. */
async function makeStateFile(file: string, names = 1_000): Promise<void> {
  await using store = new SqliteStore(file, context);
  addNotified(store, names);
}

function addNotified(store: SqliteStore, names: number): void {
  for (let name = 0; name < names; name++) {
    store.notified(`name ${name}`, {
      notifiedAt: 1n,
      id: "0".repeat(32),
      repeats: 0,
      lastEvent: "x".repeat(600),
    });
  }
  store.commit(0n);
}

/** Every file of a folder, as its length and the digest of its bytes. */
function everyFile(folder: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).map(({ name, isFile }) => [
      name,
      isFile ? digestOf(`${folder}/${name}`) : "no file",
    ]),
  );
}

function digestOf(file: string): string {
  const bytes = Deno.readFileSync(file);
  return `${bytes.length} bytes, SHA-256 ${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Starts the program with this state file; it must refuse it with these words and leave the folder as it is. */
async function refused(
  folder: string,
  file: string,
  words: string,
  through: readonly string[] = [],
): Promise<void> {
  const before = everyFile(folder);
  const { code, stdout, stderr } = await run({
    args: ["--source-type", "stdin"],
    env: { STATE: `sqlite:${file}`, RESTART_COUNT: "2" },
    stdin: restarts(2).join("\n"),
    through,
  });
  assert.equal(
    stderr.replace(/^\S+ /, ""),
    `error cannot use the state file ${JSON.stringify(file)}: ${words}\n`,
  );
  assert.deepEqual([code, stdout], [1, ""]);
  assert.deepEqual(everyFile(folder), before, "the folder is as it was");
}

/** Registers a test whose state file is in a folder of its own. */
function test(what: string, use: (file: string, folder: string) => Promise<void>): void {
  Deno.test(`a state file ${what}`, async () => {
    using folder = stateFolderOnDisk();
    await use(folder.file, folder.path);
  });
}

const damaged = (how: string) =>
  `it is damaged${how && `: ${how}`}; move it away or name another file; it was left as it is`;
const otherProgram = "it is a file of another program; name another file; it was left as it is";
const notWritable = "it cannot be written; let this user write the file and its directory";
const notOpened =
  "it cannot be opened or created; name a file in a directory that exists and that this user may write";
const locked = "another process uses it; stop that one, or name another file";
const full = "the disk is full; make room";

test("that is a directory is refused", async (file, folder) => {
  Deno.mkdirSync(file);
  await refused(folder, file, "it is a directory; name a file in it");
});

test("that is no file but a pipe is refused, and nobody waits for a writer", async (file, folder) => {
  await new Deno.Command("mkfifo", { args: [file] }).output();
  await refused(folder, file, "it is not a file; name a file");
});

test("in a directory that does not exist is refused, and the directory not made", async (_, folder) => {
  await refused(folder, `${folder}/no/where/state.db`, notOpened);
});

test("behind a file in the place of a directory is refused", async (file, folder) => {
  Deno.writeTextFileSync(file, "");
  await refused(
    folder,
    `${file}/state.db`,
    `Not a directory (os error 20): stat '${file}/state.db'; fix that, or name another file`,
  );
});

test("that is a text is refused as another program's", async (file, folder) => {
  for (const text of ["x", "[settings]\nstate = memory\n", "SQLite format 3\0", "x".repeat(10_000)]) {
    Deno.writeTextFileSync(file, text);
    await refused(folder, file, otherProgram);
  }
});

test("that is a database of another program is refused", async (file, folder) => {
  for (const [index, id] of [0, 1, 0x47504b47, applicationId + 1].entries()) {
    const other = `${file}-${index}`;
    const database = new DatabaseSync(other);
    database.exec(
      `PRAGMA application_id = ${id}; CREATE TABLE told (name TEXT); INSERT INTO told VALUES ('a')`,
    );
    if (index % 2 === 1) database.exec("PRAGMA journal_mode = WAL");
    database.close();
    await refused(folder, other, otherProgram);
  }
});

/** Makes the tables of a format by what older versions made them with, and what was notified under three names. */
function makeOld(file: string, format: number): void {
  const database = new DatabaseSync(file);
  const tables = [
    `CREATE TABLE restarts (
       leaves INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, identity INTEGER NOT NULL,
       arrival INTEGER NOT NULL, PRIMARY KEY (leaves, name, time, identity)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE told (
       name TEXT NOT NULL PRIMARY KEY, told_at INTEGER NOT NULL, id TEXT NOT NULL, repeats INTEGER NOT NULL,
       last_event TEXT NOT NULL
     ) STRICT;
     CREATE TABLE outbox (
       seq INTEGER NOT NULL PRIMARY KEY, sink TEXT NOT NULL, name TEXT NOT NULL, alert TEXT NOT NULL
     ) STRICT;
     CREATE TABLE rows (name TEXT NOT NULL PRIMARY KEY, row TEXT NOT NULL) STRICT;`,
    "CREATE TABLE notes (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    "CREATE TABLE loops (id TEXT NOT NULL PRIMARY KEY, remembered TEXT NOT NULL) STRICT;",
  ];
  database.exec(`${tables.slice(0, format).join("")}
    INSERT INTO told VALUES ('name 0', 1, '', 0, ''), ('name 1', 1, '', 0, ''), ('name 2', 1, '', 0, '');
    PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${format}`);
  database.close();
}

test("of every older version is migrated with what it kept", async (file) => {
  for (const format of [1, 2, 3]) {
    const old = `${file}-${format}`;
    makeOld(old, format);
    for (const _ of ["migrated", "opened again"]) {
      await using store = new SqliteStore(old, context);
      assert.deepEqual([...store.kept.notified()].map(([name]) => name), ["name 0", "name 1", "name 2"]);
    }
    const after = new DatabaseSync(old);
    assert.equal(after.prepare("PRAGMA user_version").get()!.user_version, 4);
    const tables = after.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    after.close();
    assert.deepEqual(tables.map(({ name }) => name), ["notified", "outbox", "records", "restarts"]);
  }
});

test("that the program wrote in format 3 is resumed: streaks, alerts, notifications, checkpoints and loops", async (file) => {
  const packed = await Deno.open(new URL("../../fixtures/state-format-3.db.gz", import.meta.url));
  await Deno.writeFile(file, packed.readable.pipeThrough(new DecompressionStream("gzip")));
  const loop = "f3044a42cedcd640fef490296b8ff3af";
  for (const _ of ["migrated", "opened again"]) {
    await using store = new SqliteStore(file, { sinks: ["stdout", "amqp"], newerReplaces: false });
    const { kept } = store;
    assert.deepEqual([...kept.checkpoint()], [
      ["clock of events", "1795491900000000000"],
      ["position", "5 7"],
    ]);
    assert.deepEqual([...kept.remembered()].map(([id, text]) => [id, JSON.parse(text)]), [
      [loop, { firstNotifiedAt: "2026-11-24T03:45:41Z", since: "2026-11-24T03:45:00Z" }],
    ]);
    const [[name, streak]] = [...kept.entries<FailureStreak>("streaks")] as [[string, FailureStreak]];
    const { failures, missed, cause, ended, notified, runs } = streak;
    assert.deepEqual([name, failures, missed, cause], ["api.web[0]/app", 3, 0, ""]);
    assert.deepEqual([ended?.runtime, ended?.code, runs[0]?.createIndex], [1_000_000_000n, 1, 0]);
    assert.deepEqual([notified?.id, notified?.repeats, notified?.resolved], [loop, 0, false]);
    assert.deepEqual([...kept.restarts()].length, 3);
    assert.deepEqual([...kept.notified()].map(([name, { id }]) => [name, id]), [
      ["job.group[0]", "ced15b38c8cb7259462a997b9ce67101"],
    ]);
    const { alert, giveBack } = store.outbox("stdout").take()!;
    assert.deepEqual([alert.id, alert.details?.Rule, alert.details?.Missed], [loop, "failures", 0]);
    assert.ok(JSON.parse(alertJson(alert, "full")).Events.length > 1);
    giveBack();
    const thresholds = {
      restartCount: 3,
      stableAfter: 600_000_000_000n,
      notificationInterval: 3_600_000_000_000n,
    };
    const rule = new FailuresRule({ ...thresholds, notifyResolved: true }, store);
    rule.restore(kept, undefined);
    assert.equal(rule.looping, 1);
    const resolved = rule.due(streak.newest + 600_000_000_000n, 1);
    assert.deepEqual(resolved.map(({ reason }) => reason), ["resolved"]);
  }
});

test("of format 3 is migrated with its loops, active and resolved, under the names of the API", async (file) => {
  makeOld(file, 3);
  const same = { status: "resolved", name: "api.web[0]/app", count: 3, since: "2026-11-24T03:45:00Z" };
  const resolved = { ...same, alerts: 2, firstTold: "2026-11-24T03:45:41Z", endedAt: "2026-11-24T04:00:00Z" };
  {
    using old = new DatabaseSync(file);
    const insert = old.prepare("INSERT INTO loops VALUES (?, ?)");
    insert.run("active", JSON.stringify({ firstTold: null, since: same.since }));
    insert.run("resolved", JSON.stringify(resolved));
  }
  await using store = new SqliteStore(file, context);
  assert.deepEqual([...store.kept.remembered()].map(([id, text]) => [id, JSON.parse(text)]), [
    ["active", { firstNotifiedAt: null, since: same.since }],
    ["resolved", {
      ...same,
      notifications: 2,
      firstNotifiedAt: resolved.firstTold,
      gaveUpAt: null,
      resolvedAt: resolved.endedAt,
    }],
  ]);
});

test("of a newer version is refused", async (file, folder) => {
  await makeStateFile(file);
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version = 7");
  database.close();
  await refused(
    folder,
    file,
    "a newer version of the program wrote it (format 7; this one knows 4); " +
      "use that version, or name another file; it was left as it is",
  );
});

test("of a newer version that was killed, which says so in its log only, is refused", async (_, folder) => {
  using made = stateFolder();
  await makeStateFile(made.file, 10);
  const newer = new DatabaseSync(made.file);
  newer.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA user_version = 7");
  const file = `${folder}/state.db`;
  for (const end of ["", "-wal"]) Deno.copyFileSync(`${made.file}${end}`, `${file}${end}`);
  newer.close();
  await refused(
    folder,
    file,
    "a newer version of the program wrote it (format 7; this one knows 4); " +
      "use that version, or name another file; it was left as it is",
  );
});

test("that is cut is refused", async (file, folder) => {
  await makeStateFile(file);
  const whole = Deno.statSync(file).size;
  for (const size of [whole - 1, whole - 4096, 8192, 4096, 1000, 100, 99]) {
    Deno.truncateSync(file, size);
    await refused(folder, file, damaged(`${size} of ${whole} bytes are there`));
  }
  Deno.truncateSync(file, 50); // before the place that says whose it is
  await refused(folder, file, otherProgram);
});

test("that is damaged in the middle is refused", async (file, folder) => {
  await makeStateFile(file);
  {
    using open = Deno.openSync(file, { write: true });
    open.seekSync(4096 * Math.floor(Deno.statSync(file).size / 8192), Deno.SeekMode.Start);
    open.writeSync(crypto.getRandomValues(new Uint8Array(4096)).fill(0xee, 0, 1));
  }
  const before = everyFile(folder);
  const { code, stderr } = await run({ args: ["--source-type", "stdin"], env: { STATE: `sqlite:${file}` } });
  assert.equal(code, 1);
  assert.match(
    stderr,
    / error cannot use the state file "[^"]+": it is damaged: [^\n]+; move it away or name another file; it was left as it is\n$/,
  );
  assert.deepEqual(everyFile(folder), before);
});

test("that is damaged in its first page is refused", async (file, folder) => {
  await makeStateFile(file);
  using open = Deno.openSync(file, { write: true });
  open.seekSync(100, Deno.SeekMode.Start);
  open.writeSync(new Uint8Array(1000).fill(0xee));
  await refused(folder, file, damaged(""));
});

test(
  "that is damaged, with the log of a killed process beside it, is refused; neither is changed",
  async (_, folder) => {
    using made = stateFolder();
    await makeStateFile(made.file);
    const file = `${folder}/state.db`;
    {
      await using store = new SqliteStore(made.file, context);
      addNotified(store, 3);
      Deno.copyFileSync(made.file, file);
      Deno.copyFileSync(`${made.file}-wal`, `${file}-wal`);
    }
    using open = Deno.openSync(file, { write: true });
    open.seekSync(4096 * 20, Deno.SeekMode.Start);
    open.writeSync(new Uint8Array(4096).fill(0xee));
    const before = everyFile(folder);
    const { code, stderr } = await run({
      args: ["--source-type", "stdin"],
      env: { STATE: `sqlite:${file}` },
    });
    assert.equal(code, 1);
    assert.match(stderr, /: it is damaged: [^\n]+; it was left as it is\n$/);
    assert.deepEqual(everyFile(folder), before);
  },
);

test("that is empty, with a log beside it that is not, is refused", async (file, folder) => {
  Deno.writeFileSync(file, new Uint8Array());
  Deno.writeFileSync(`${file}-wal`, new Uint8Array(5000));
  await refused(folder, file, damaged("it is empty, and the log beside it is not"));
});

test("that lacks a table is refused", async (_, folder) => {
  for (const table of ["restarts", "notified", "outbox", "records"]) {
    const file = `${folder}/without-${table}.db`;
    await makeStateFile(file, 1);
    const database = new DatabaseSync(file);
    database.exec(`DROP TABLE ${table}`);
    database.close();
    await refused(folder, file, damaged(""));
  }
});

test("that another one of us uses is refused; that one goes on", async (file, folder) => {
  const env = {
    STATE: `sqlite:${file}`,
    RESTART_COUNT: "2",
    AMQP_CONNECTION: "amqp://127.0.0.1:1/",
    AMQP_QUEUE: "q",
  };
  await using first = new Program({ env });
  await first.logged("restored 0 tracked keys");
  const before = digestOf(file);
  const { code, stderr } = await run({ env });
  assert.equal(code, 1);
  assert.equal(stderr.replace(/^\S+ /, ""), `error cannot use the state file "${file}": ${locked}\n`);
  assert.equal(digestOf(file), before);
  await first.logged("source amqp: amqp://127.0.0.1:1");
  first.signal("SIGTERM");
  assert.equal((await first.ended).code, 0);
  const again = await run({ args: ["--source-type", "stdin"], env: { STATE: `sqlite:${file}` } });
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["state.db"]);
});

test("that another program reads or writes just now is refused", async (file, folder) => {
  await makeStateFile(file, 10);
  for (const begin of ["BEGIN; SELECT * FROM notified", "BEGIN IMMEDIATE"]) {
    // A process of its own: a file's locks are those of the process, and end when it closes the file anywhere.
    const script = `import { DatabaseSync } from "node:sqlite";
      new DatabaseSync(${JSON.stringify(file)}).exec(${JSON.stringify(begin)});
      console.log("begun");
      for await (const _ of Deno.stdin.readable);
      Deno.exit(0);`;
    const other = new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = other.stdout.getReader();
    await reader.read();
    await refused(folder, file, locked);
    await other.stdin.close();
    await reader.cancel();
    assert.equal((await other.status).code, 0);
  }
});

test("that may not be written is refused", async (file, folder) => {
  await makeStateFile(file, 10);
  Deno.chmodSync(file, 0o444);
  await refused(folder, file, notWritable, obeyingPermissions);
});

test("that may not be read is refused", async (file, folder) => {
  await makeStateFile(file, 10);
  Deno.chmodSync(file, 0o200);
  await refused(folder, file, notWritable, obeyingPermissions);
});

test("in a directory that may not be written is refused, be it there or not", async (file, folder) => {
  await makeStateFile(file, 10);
  Deno.chmodSync(folder, 0o555);
  await refused(folder, file, notWritable, obeyingPermissions);
  await refused(folder, `${folder}/other.db`, notOpened, obeyingPermissions);
  Deno.chmodSync(folder, 0o755);
});

Deno.test("a state file on a read-only disk is refused, whether it is there or not", async () => {
  await using disk = await smallDisk(4 << 20);
  const file = `${disk.path}/state.db`;
  await makeStateFile(file, 10);
  await disk.makeReadOnly();
  await refused(disk.path, file, notWritable);
  await refused(disk.path, `${disk.path}/other.db`, notOpened);
});

Deno.test("a state file on a full disk is refused, whether it is there or not, and nothing is left of the attempt", async () => {
  await using disk = await smallDisk(1 << 20);
  const file = `${disk.path}/state.db`;
  await makeStateFile(file, 100);
  Deno.writeTextFileSync(`${disk.path}/empty.db`, "");
  disk.fill();
  await refused(disk.path, file, full);
  await refused(disk.path, `${disk.path}/other.db`, full);
  await refused(disk.path, `${disk.path}/empty.db`, full);
  disk.free();
  const { code, stderr } = await run({ args: ["--source-type", "stdin"], env: { STATE: `sqlite:${file}` } });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /restored 100 tracked keys/);
});

test("where Deno lets it use no files is refused", async (_, folder) => {
  await refused(
    folder,
    "/dev/shm/state.db",
    "Deno does not permit access to it; " +
      "name a file outside of /dev, /proc and /sys, and allow the program to read and write files",
  );
});

test("whose making was interrupted is made again", async (file) => {
  await makeStateFile(file, 10);
  // The journal of a file that was empty before: of no pages, 512 bytes a sector (sqlite.org/fileformat2.html#the_rollback_journal).
  const journal = new DataView(new ArrayBuffer(512));
  journal.setBigUint64(0, 0xd9d505f920a163d7n);
  journal.setUint32(20, 512);
  journal.setUint32(24, 4096);
  const whole = Deno.readFileSync(file);
  whole[18] = whole[19] = 1; // it was no file with a log yet
  for (const size of [whole.length, 8192, 4096]) {
    Deno.writeFileSync(file, whole.subarray(0, size));
    Deno.writeFileSync(`${file}-journal`, new Uint8Array(journal.buffer));
    const { code, stderr } = await run({
      args: ["--source-type", "stdin"],
      env: { STATE: `sqlite:${file}` },
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /restored 0 tracked keys and 0 pending alerts/);
  }
});

test("of a killed process is taken as it is, with its log", async (file, folder) => {
  using made = stateFolder();
  await using store = new SqliteStore(made.file, context);
  addNotified(store, 5);
  Deno.copyFileSync(made.file, file);
  Deno.copyFileSync(`${made.file}-wal`, `${file}-wal`);
  const { code, stderr } = await run({ args: ["--source-type", "stdin"], env: { STATE: `sqlite:${file}` } });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /restored 5 tracked keys/);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["state.db"]);
});

Deno.test("a state file is made for its owner alone, and what is beside it, whatever the umask is", async () => {
  using folder = stateFolder();
  const before = Deno.umask(0);
  try {
    await using store = new SqliteStore(folder.file, context);
    addNotified(store, 1);
    const modes = Object.fromEntries(
      [...Deno.readDirSync(folder.path)].map(({ name }) => [name, modeOf(`${folder.path}/${name}`)]),
    );
    // The index is in memory, since no other process may open the file.
    assert.deepEqual(modes, { "state.db": "600", "state.db-wal": "600" });
  } finally {
    Deno.umask(before);
  }
});

Deno.test("a state file that exists keeps its mode", async () => {
  using folder = stateFolder();
  await makeStateFile(folder.file, 1);
  Deno.chmodSync(folder.file, 0o640);
  await makeStateFile(folder.file, 1);
  assert.equal(modeOf(folder.file), "640");
});

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}
