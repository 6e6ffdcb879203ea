// The command line. Without arguments, as services are started, there is nothing to read and it detects; what reads
// them and the other commands are loaded only when there are some, since that is a good part of the start.
import { detect } from "./detect.ts";
import { plan } from "./plan.ts";
import { planned, type ProcessContext } from "./process_context.ts";

/** Does what arguments and environment say. Returns the exit code. */
export async function run(process: ProcessContext): Promise<number> {
  if (process.args.length > 0) {
    const { command } = await import("./program.ts");
    return await command(process);
  }
  const planOfAll = planned(process, {}, (input) => plan(input, []));
  return planOfAll === undefined ? 1 : await detect(planOfAll, { ...process, files: [] }, process.stop);
}
