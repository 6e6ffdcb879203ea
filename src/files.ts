// Small files that settings name: their text, or in words why there is none.

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
