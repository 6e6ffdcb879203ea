// Files that settings name: the text of small ones, or in words why there is none; and that what the program makes is
// its owner's alone.

/** The text of a file. @throws {Error} whose message is why it cannot be read, without the file's name. */
export function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(whyUnreadable(error));
  }
}

/** Why a file cannot be read, in words that do not repeat its name. */
export function whyUnreadable(error: unknown): string {
  const { NotFound, IsADirectory, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "there is no such file";
  if (error instanceof IsADirectory) return "it is a directory";
  if (error instanceof PermissionDenied || error instanceof NotCapable) return "reading it is not permitted";
  return error instanceof Error ? error.message.replace(/: \w+ '.*/s, "") : String(error);
}

/** The mode of what the program makes. Windows knows none. */
export const ownersAlone = 0o600;

/** Makes an empty file for its owner alone. @throws where there is one. */
export function makeFile(path: string): void {
  Deno.openSync(path, { write: true, createNew: true, mode: ownersAlone }).close();
}

/** Keeps everybody but the owner from a file or a socket that was made just now. */
export function keepToOwner(path: string): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, ownersAlone);
}
