// The setting STATE: which ledger the program has, and its opening. With app.ts it knows all ledgers.
import type { Ledger, LedgerContext } from "./store.ts";
import { MemoryLedger } from "./memory.ts";
import type { SqliteLedger } from "./sqlite.ts";
import { plain } from "../lib/log.ts";
import type { Setting } from "../lib/settings/setting.ts";

/** Where the state is kept: in memory, or in this file. */
export interface State {
  readonly file: string | undefined;
}

/** The setting of it. */
export const state: Setting<State> = {
  env: "STATE",
  help: "where it is kept what was seen, what was told and what sinks have not confirmed",
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

/** Opens the ledger. SQLite is loaded only where it is wanted. @throws {Fault} */
export async function openLedger({ file }: State, context: LedgerContext): Promise<Ledger> {
  return file === undefined ? new MemoryLedger(context) : await openFile(file, context);
}

async function openFile(file: string, context: LedgerContext): Promise<SqliteLedger> {
  const { SqliteLedger } = await import("./sqlite.ts");
  return new SqliteLedger(file, context);
}

/** Tries whether the state file could be used, and leaves none where there was none. Yields what it found, in words.
 * @throws {Fault} */
export async function checkState(file: string): Promise<string> {
  const isNew = !isThere(file);
  const ledger = await openFile(file, { sinks: [], newerReplaces: true });
  const { orphans } = ledger;
  await ledger[Symbol.asyncDispose]();
  if (!isNew) return `${plain(file)}: can be used, ${orphans} alerts in it are not confirmed`;
  Deno.removeSync(file);
  return `${plain(file)}: can be made`;
}

function isThere(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}
