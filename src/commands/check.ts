// The command `check`: verifies what the settings name. It consumes and sends nothing.
import { asFault } from "../lib/errors.ts";
import { plain } from "../lib/escape.ts";
import { openLogOn } from "../lib/log.ts";
import { checkState } from "../state/settings.ts";
import type { HeartbeatSettings } from "../status/heartbeat/settings.ts";
import type { Command } from "commander";
import type { Invocation } from "./invocation.ts";
import { answerTimeout, within } from "./answer.ts";
import { type Plan, plan } from "./plan.ts";
import { alone, sinksOf } from "./alert_plan.ts";
import type { ProcessContext } from "./process_context.ts";

/** Adds the command to the program. */
export function registerCheck(program: Command, invocation: Invocation): void {
  const { process } = invocation;
  program.command("check").argument("[files...]", "files to read, for the source stdin")
    .description("verify settings, state file, source and sinks; consume and send nothing")
    .action((files: string[]) =>
      invocation.run(
        (input) => plan(input, files, process.sinks),
        (made) => check(made, { ...process, files }, (line) => invocation.print(`${line}\n`), process.stop),
      )
    );
}

/** Verifies state file, source and all sinks. Returns the exit code. */
export async function check(
  plan: Plan,
  context: ProcessContext,
  say: (line: string) => Promise<unknown>,
  stop: AbortSignal,
): Promise<number> {
  const log = openLogOn(context.stderr, "error", plan.process.logFormat);
  await using parts = new AsyncDisposableStack();
  const source = parts.use(await plan.openSource({ ...context, log, restartsOnly: plan.rule.restartsOnly }));
  const sinks = sinksOf(plan, context).map(({ name, open }) => ({ name, sink: parts.use(open(...alone())) }));
  const { state: { file }, heartbeat } = plan;
  let code = 0;
  for (
    const { component, check } of [
      ...(file === undefined ? [] : [{ component: "state", check: () => checkState(file) }]),
      { component: "source", check: () => source.check() },
      ...sinks.map(({ name, sink }) => ({ component: `sink ${name}`, check: () => sink.check() })),
      ...(heartbeat.url === undefined
        ? []
        : [{ component: "heartbeat", check: () => tryHeartbeat(heartbeat) }]),
    ]
  ) {
    try {
      const found = await within(plan.process.connectTimeout ?? answerTimeout, stop, check());
      await say(plain(`ok      ${component}: ${found}`));
    } catch (error) {
      code = 1;
      await say(plain(`failed  ${component}: ${asFault(error).message}`));
    }
  }
  return code;
}

async function tryHeartbeat({ url, failUrl }: HeartbeatSettings): Promise<string> {
  const { checkHeartbeat } = await import("../status/heartbeat/heartbeat.ts");
  return await checkHeartbeat({ url: url!, failUrl });
}
