// The entry of all commands. Without arguments, as services are started, it detects at once. Commander and the other
// commands are loaded only for arguments, since that takes a good part of the start.
import { detect } from "./detect.ts";
import { plan } from "./plan.ts";
import { planned, type ProcessContext } from "./process_context.ts";

/** Executes the command that the arguments name. Returns the exit code. */
export async function run(process: ProcessContext): Promise<number> {
  if (process.args.length > 0) {
    const { command } = await import("./program.ts");
    return await command(process);
  }
  const planOfAll = planned(process, {}, (input) => plan(input, [], process.sinks));
  return planOfAll === undefined ? 1 : await detect(planOfAll, { ...process, files: [] }, process.stop);
}
