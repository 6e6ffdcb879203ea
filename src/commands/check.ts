// The command `check`: tries what the settings name. It consumes and sends nothing.
import { delay } from "../lib/delay.ts";
import { formatDuration, type Nanoseconds } from "../lib/duration.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { plain } from "../lib/escape.ts";
import { openLogOn } from "../lib/log.ts";
import { checkState } from "../state/settings.ts";
import { type Plan, planSinks } from "./plan.ts";
import type { ProcessContext } from "./process_context.ts";

/** Tries the state file, the source and all sinks; consumes and sends nothing. Yields the exit code. */
export async function check(
  plan: Plan,
  context: ProcessContext,
  say: (line: string) => Promise<unknown>,
  stop: AbortSignal,
): Promise<number> {
  const log = openLogOn(context.stderr, "error", plan.process.logFormat);
  await using parts = new AsyncDisposableStack();
  const source = parts.use(await plan.openSource({ ...context, log, restartsOnly: plan.rule.restartsOnly }));
  const sinks = planSinks(plan, context).map(({ name, open }) => ({
    name,
    sink: parts.use(open({ lost() {}, blocked() {}, part() {} }, { entries: () => [], put() {} })),
  }));
  const { file } = plan.state;
  let code = 0;
  for (
    const { what, check } of [
      ...(file === undefined ? [] : [{ what: "state", check: () => checkState(file) }]),
      { what: "source", check: () => source.check() },
      ...sinks.map(({ name, sink }) => ({ what: `sink ${name}`, check: () => sink.check() })),
    ]
  ) {
    try {
      const found = await within(plan.process.connectTimeout ?? checkTimeout, stop, check());
      await say(plain(`ok      ${what}: ${found}`));
    } catch (error) {
      code = 1;
      await say(plain(`failed  ${what}: ${asFault(error).message}`));
    }
  }
  return code;
}

/** How long to wait for each answer if `CONNECT_TIMEOUT` does not say it. */
export const checkTimeout = 10_000_000_000n;

/** The answer, unless there is none in time or before `stop`. @throws {Fault} */
export async function within<T>(time: Nanoseconds, stop: AbortSignal, answer: Promise<T>): Promise<T> {
  const done = new AbortController();
  const over = delay(Number(time / 1_000_000n), AbortSignal.any([stop, done.signal])).then(() => {
    throw new Fault(stop.aborted ? "interrupted" : `no answer within ${formatDuration(time)}`);
  });
  over.catch(() => {});
  try {
    return await Promise.race([answer, over]);
  } finally {
    done.abort();
  }
}
