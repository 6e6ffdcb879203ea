// Reads the files that settings name, explains why one cannot be read, and creates files that only their owner can read.

/** The text of a file. @throws {Error} whose message says why it cannot be read, without the file's name. */
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

/** The mode of files that the program creates. Windows has no modes. */
export const ownersAlone = 0o600;

/** Creates an empty file that only its owner can read. @throws {Deno.errors.AlreadyExists} */
export function makeFile(path: string): void {
  Deno.openSync(path, { write: true, createNew: true, mode: ownersAlone }).close();
}

/** Restricts a new file or socket to its owner. */
export function keepToOwner(path: string): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, ownersAlone);
}
