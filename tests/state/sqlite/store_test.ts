// The store in an SQLite file: what every store does, and what survives a kill.
import assert from "node:assert/strict";
import { SqliteStore } from "../../../src/state/sqlite/store.ts";
import { durableStoreContract } from "../../contracts/durable_store.ts";
import { storeContract, type StoreHome } from "../../contracts/store.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { stateFolder } from "../../helpers/state_files.ts";

function sqliteHome(): StoreHome & { readonly folder: string } {
  const folder = stateFolder();
  return {
    folder: folder.path,
    open: (context) => new SqliteStore(folder.file, context),
    openAsKilled: (context) => new SqliteStore(folder.copy(), context),
    [Symbol.asyncDispose]: async () => await folder[Symbol.dispose](),
  };
}

storeContract("sqlite", sqliteHome);
durableStoreContract("sqlite", sqliteHome);

const context = { sinks: ["stdout"], newerReplaces: true };

Deno.test("wherever its log is cut, the store has what was committed up to there: all or nothing", async () => {
  await using home = sqliteHome();
  const { folder, open } = home;
  const log = `${folder}/state.db-wal`;
  await using store = open(context);
  const sizes = [Deno.statSync(log).size];
  for (let commit = 1; commit <= 20; commit++) {
    for (let index = 0; index < commit; index++) {
      store.counted("a", {
        time: BigInt(index),
        identity: commit,
        leavesAt: 1_000n,
        arrival: 100 * commit + index,
      });
    }
    store.notified("a", {
      notifiedAt: BigInt(commit),
      id: "",
      repeats: 0,
      lastEvent: "x".repeat(commit * 400),
    });
    store.enqueue(alertAbout(`name ${commit}`));
    store.commit(0n);
    sizes.push(Deno.statSync(log).size);
  }
  const whole = Deno.readFileSync(log);
  for (let cut = sizes[0]!; cut <= whole.length; cut += 1_021) {
    const copy = `${folder}/cut.db`;
    Deno.copyFileSync(`${folder}/state.db`, copy);
    Deno.writeFileSync(`${copy}-wal`, whole.subarray(0, cut));
    await using left = new SqliteStore(copy, context);
    const commits = sizes.findLastIndex((size) => size <= cut);
    assert.equal([...left.kept.restarts()].length, commits * (commits + 1) / 2, `cut at ${cut}`);
    assert.deepEqual(
      [...left.kept.notified()].map(([, { notifiedAt }]) => Number(notifiedAt)),
      commits === 0 ? [] : [commits],
    );
    assert.equal(left.outbox("stdout").size, commits);
  }
});

Deno.test("orphans counts the alerts of sinks that are no longer there", async () => {
  await using home = sqliteHome();
  {
    await using store = home.open({ sinks: ["stdout", "amqp"], newerReplaces: true }) as SqliteStore;
    for (const name of ["a", "b", "c"]) store.enqueue(alertAbout(name));
    store.commit(0n);
    assert.equal(store.orphans, 0);
  }
  await using store = home.open({ sinks: ["stdout"], newerReplaces: true }) as SqliteStore;
  assert.equal(store.orphans, 3);
});
