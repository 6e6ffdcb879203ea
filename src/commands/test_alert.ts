// The command `test-alert`: sends an alert that says it is a test, and its end, through every sink.
import { type Alert, alertId } from "../detection/alert/alert.ts";
import type { AlertDetails } from "../detection/alert/details.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault } from "../lib/errors.ts";
import { plain } from "../lib/escape.ts";
import { formatTime, wallClock } from "../lib/time.ts";
import type { Command } from "commander";
import { type AlertPlan, alone, planAlerts, sinksOf } from "./alert_plan.ts";
import { answerTimeout, within } from "./answer.ts";
import { chooseSource } from "./adapters.ts";
import type { Invocation } from "./invocation.ts";
import type { ProcessContext } from "./process_context.ts";

/** Adds the command to the program. It needs no source, but what the rule is by default depends on one that is set. */
export function registerTestAlert(program: Command, invocation: Invocation): void {
  const { process } = invocation;
  program.command("test-alert")
    .description("send an alert that says it is a test, and its end, through every sink; consume nothing")
    .action(() =>
      invocation.run(
        (input) => planAlerts(input, chooseSource({ ...input, problems: [] }, [])?.type, process.sinks),
        (plan) => testAlert(plan, process, (line) => invocation.print(`${line}\n`), process.stop),
      )
    );
}

/** Sends the test alert through every sink, whatever its filters say. Returns the exit code. */
export async function testAlert(
  plan: AlertPlan,
  context: ProcessContext,
  say: (line: string) => Promise<unknown>,
  stop: AbortSignal,
): Promise<number> {
  const now = wallClock();
  const [begin, end] = [testAlertAt(now, "first"), testAlertAt(now, "resolved")];
  const codes = await Promise.all(
    sinksOf(plan, context).map(async ({ name, getsEnds, open }) => {
      await using sink = open(...alone());
      try {
        for (const alert of getsEnds ? [begin, end] : [begin]) {
          await within(plan.process.connectTimeout ?? answerTimeout, stop, sink.send(alert));
        }
        await say(plain(`ok      sink ${name}: confirmed the test alert${getsEnds ? " and its end" : ""}`));
        return 0;
      } catch (error) {
        await say(plain(`failed  sink ${name}: ${asFault(error).message}`));
        return 1;
      }
    }),
  );
  return Math.max(0, ...codes);
}

const job = "nomad-crashloop-detector-test";
const says = "Test alert of nomad-crashloop-detector: nothing is wrong";
const allocation = "00000000-0000-0000-0000-000000000000";

/** The test alert, or its end. */
export function testAlertAt(now: Nanoseconds, reason: "first" | "resolved"): Alert {
  const name = `${job}.test[0]`;
  const loop = alertId("test", String(now));
  const time = formatTime(now);
  const event = { Type: "Restarting", RestartReason: says, DisplayMessage: says, FailsTask: false };
  const update = { Name: name, AllocationID: allocation, JobID: job, GroupName: "test", TaskName: "test" };
  const details: AlertDetails = {
    Status: reason === "resolved" ? "resolved" : "looping",
    Rule: "failures",
    Loop: loop,
    Key: { JobID: job, TaskGroup: "test", Index: 0, Task: "test" },
    Failures: 1,
    Missed: 0,
    Since: time,
    Reason: reason === "resolved" ? "the test is over" : says,
    Node: { ID: allocation, Name: "no-node" },
    Events: [{ Time: time, Type: "Restarting", DisplayMessage: says }],
  };
  return {
    id: reason === "resolved" ? alertId(loop, "resolved") : loop,
    loop,
    name,
    reason,
    lastEvent: JSON.stringify({ ...update, TaskEvent: event }).replace(/\}\}$/, `,"Time":${now}}}`),
    eventLog: [now],
    details,
  };
}
