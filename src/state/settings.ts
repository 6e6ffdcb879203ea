// The setting STATE: chooses the store and opens it. The only file that knows all stores.
import type { StateStore, StoreContext } from "./store.ts";
import { MemoryStore } from "./memory.ts";
import type { SqliteStore } from "./sqlite/store.ts";
import { plain } from "../lib/escape.ts";
import type { Setting } from "../lib/settings/setting.ts";

/** Where to keep the state: in memory, or in this file. */
export interface State {
  readonly file: string | undefined;
}

/** The setting of it. */
export const state: Setting<State> = {
  env: "STATE",
  help: "where to keep counted restarts, sent notifications and pending alerts",
  accepts: "memory or sqlite:PATH",
  default: "memory",
  example: "sqlite:/var/lib/nomad-crashloop-detector/state.db",
  parse(text) {
    if (text.toLowerCase() === "memory") return { file: undefined };
    const file = /^sqlite:(.+)$/i.exec(text)?.[1];
    if (file === undefined) throw new Error("");
    return { file };
  },
};

/** Opens the store. SQLite is loaded only if it is used. @throws {Fault} */
export async function openStore({ file }: State, context: StoreContext): Promise<StateStore> {
  return file === undefined ? new MemoryStore(context) : await openFile(file, context);
}

async function openFile(file: string, context: StoreContext): Promise<SqliteStore> {
  const { SqliteStore } = await import("./sqlite/store.ts");
  return new SqliteStore(file, context);
}

/** Checks that the state file can be used; leaves no new file behind. Returns what it found, in words. @throws {Fault} */
export async function checkState(file: string): Promise<string> {
  const isNew = !isThere(file);
  const store = await openFile(file, { sinks: [], newerReplaces: true });
  const { orphans } = store;
  await store[Symbol.asyncDispose]();
  if (!isNew) return `${plain(file)}: can be used, ${orphans} pending alerts in it`;
  Deno.removeSync(file);
  return `${plain(file)}: can be created`;
}

function isThere(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}
