// What a command shows on a terminal, which `script` plays.

/** How it ended, and what stood on the terminal: standard output and error in one. */
export interface Shown {
  readonly code: number;
  readonly shown: string;
}

/** Runs a command line of the shell on a terminal of its own, in the root of the project. */
export async function onTerminal(command: string): Promise<Shown> {
  const args = Deno.build.os === "linux"
    ? ["--quiet", "--return", "--command", command, "/dev/null"]
    : ["-q", "/dev/null", "sh", "-c", command];
  const { code, stdout } = await new Deno.Command("script", {
    args,
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
  }).output();
  return { code, shown: new TextDecoder().decode(stdout).replaceAll("\r\n", "\n") };
}
