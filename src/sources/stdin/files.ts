// Opens the files of updates that a command names, or explains why it cannot.
import { Fault } from "../../lib/errors.ts";
import { whyUnreadable } from "../../lib/files.ts";
import { quoted } from "../../lib/settings/redact.ts";

/** @throws {Fault} if the file cannot be read; a pipe is not tried. */
export async function requireFile(name: string): Promise<void> {
  let found;
  try {
    found = await Deno.stat(name);
  } catch (error) {
    throw unreadable(name, error);
  }
  if (found.isDirectory) throw unreadable(name, new Error("it is not a file"));
  // Opening a pipe would wait for its writer, and closing it would end the writer.
  if (found.isFile) (await openFile(name)).close();
}

/** Opens a file. @throws {Fault} */
export async function openFile(name: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(name);
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** The title of an input in messages; the name of standard input is empty. */
export function titleOf(name: string): string {
  return name === "" ? "standard input" : quoted(name);
}

function unreadable(name: string, error: unknown): Fault {
  // The value of a flag that was forgotten can be a secret as a whole.
  const [url, origin] = /^(\w+:\/\/[^/?#@]*)[/?#@]/.exec(name) ?? [];
  if (url !== undefined) {
    const shown = /@$/.test(url) ? origin!.replace(/:\/\/.*/, "://") : origin!;
    return new Fault(
      `cannot read "${shown}…": it is a URL; name files of updates, or the flag that it belongs to`,
      "config",
    );
  }
  return new Fault(
    `cannot read ${quoted(name)}: ${whyUnreadable(error)}; name files of updates, one a line`,
    "config",
  );
}
