// A small disk of a test's own, which can be filled and made read-only. It needs the right to mount.

/** A mounted tmpfs. Disposing it unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Fills it to the last byte. */
  fill(): void;
  /** Makes the room again that `fill` took. */
  free(): void;
  /** Mounts it again as read-only. */
  makeReadOnly(): Promise<void>;
}

/** Mounts a disk of so many bytes. Throws with what to do where that is not allowed. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const path = Deno.makeTempDirSync({ prefix: "disk-" });
  await asRoot("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=777`, "tmpfs", path);
  const filler = `${path}/filler`;
  return {
    path,
    fill() {
      using file = Deno.openSync(filler, { write: true, create: true, append: true });
      for (let block = new Uint8Array(65_536); block.length > 0;) {
        try {
          block = block.subarray(0, file.writeSync(block));
        } catch (error) {
          if (!/No space left/.test(String(error))) throw error;
          block = block.subarray(0, block.length >> 1);
        }
      }
    },
    free: () => Deno.removeSync(filler),
    makeReadOnly: () => asRoot("mount", "-o", "remount,ro", path),
    async [Symbol.asyncDispose]() {
      await asRoot("umount", "--lazy", path);
      Deno.removeSync(path);
    },
  };
}

/** Runs a command as root: as the one who is it, or by sudo without a password. */
async function asRoot(...command: string[]): Promise<void> {
  const [program, ...args] = Deno.uid() === 0 ? command : ["sudo", "-n", ...command];
  const { success, stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
  if (success) return;
  throw new Error(
    `this test has to ${command.join(" ")}: run it as root, or where sudo asks for no password ` +
      `(${new TextDecoder().decode(stderr).trim()})`,
  );
}

/** What makes a command obey the permissions of files: root does not, so it is started without that right. */
export const obeyingPermissions: readonly string[] = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
  : [];
