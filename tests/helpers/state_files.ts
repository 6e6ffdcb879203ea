// Folders for state files, and copies of these as a killed process leaves them.

/** A folder of a test's own. Disposing it removes it. */
export interface StateFolder extends Disposable {
  readonly path: string;
  /** The path of a state file in it. */
  readonly file: string;
  /** Copies the state file as it is, with what belongs to it, as if the process were killed now. Yields the path. */
  copy(): string;
}

/** Makes a folder; in memory where the machine has that, since every commit waits for the disk. */
export function stateFolder(): StateFolder {
  return folderAt(makeFolder("/dev/shm") ?? makeFolder()!);
}

/** Makes a folder on the disk: Deno lets the real program use no files below `/dev`. */
export function stateFolderOnDisk(): StateFolder {
  return folderAt(makeFolder()!);
}

function folderAt(path: string): StateFolder {
  const file = `${path}/state.db`;
  let copies = 0;
  return {
    path,
    file,
    copy() {
      const copy = `${path}/copy-${copies++}.db`;
      for (const { name } of Deno.readDirSync(path)) {
        const [, end] = /^state\.db(|-wal|-journal)$/.exec(name) ?? [];
        if (end !== undefined) Deno.copyFileSync(`${file}${end}`, `${copy}${end}`);
      }
      return copy;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

function makeFolder(dir?: string): string | undefined {
  if (dir !== undefined && !isDirectory(dir)) return undefined;
  return Deno.makeTempDirSync({ prefix: "state-", dir });
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
