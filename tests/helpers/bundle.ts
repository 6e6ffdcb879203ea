// What a release is made of: all modules of the program put together, by the command of the task `bundle`.
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };

/** A bundle in a temporary folder, which is gone when it is disposed. */
export class Bundle implements Disposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes one, as releases have it; `readable` with the comments that name the module of each part. */
  static async make(readable = false): Promise<Bundle> {
    const folder = Deno.makeTempDirSync({ prefix: "bundle-" });
    const command = config.tasks.bundle.command.replaceAll("dist/bundle", `${folder}/bundle`)
      .replace(readable ? " --minify" : "", "");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "--eval", command],
      cwd: new URL("../..", import.meta.url),
    }).output();
    if (!success) throw new Error(`the task bundle failed:\n${new TextDecoder().decode(stderr)}`);
    return new Bundle(folder);
  }

  /** The file that is the program. */
  get main(): string {
    return join(this.#folder, "bundle", "main.js");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
