// The command `test-alert`: sends an alert that says it is a test, and its end, through every sink.
import { type Alert, alertId } from "../detection/alert/alert.ts";
import type { AlertDetails } from "../detection/alert/details.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault } from "../lib/errors.ts";
import { plain } from "../lib/escape.ts";
import { formatTime, wallClock } from "../lib/time.ts";
import type { PlannedSink, Sink } from "../sinks/sink.ts";
import { checkTimeout, within } from "./check.ts";
import { type Plan, planSinks } from "./plan.ts";
import type { ProcessContext } from "./process_context.ts";

/** Sends the test alert through every sink, whatever its filters say. Returns the exit code. */
export async function testAlert(
  plan: Plan,
  context: ProcessContext,
  say: (line: string) => Promise<unknown>,
  stop: AbortSignal,
): Promise<number> {
  const now = wallClock();
  const [begin, end] = [testAlertAt(now, "first"), testAlertAt(now, "resolved")];
  const codes = await Promise.all(
    planSinks(plan, context).map(async (planned) => {
      // A sink whose receiver shows no ends gets none.
      const alerts = plan.rule.notifyResolved || planned.needsEnds ? [begin, end] : [begin];
      await using sink = openAlone(planned);
      try {
        for (const alert of alerts) {
          await within(plan.process.connectTimeout ?? checkTimeout, stop, sink.send(alert));
        }
        await say(
          plain(
            `ok      sink ${planned.name}: confirmed the test alert${
              alerts.length > 1 ? " and its end" : ""
            }`,
          ),
        );
        return 0;
      } catch (error) {
        await say(plain(`failed  sink ${planned.name}: ${asFault(error).message}`));
        return 1;
      }
    }),
  );
  return Math.max(0, ...codes);
}

/** Opens a sink that remembers only until it is closed. */
function openAlone({ open }: PlannedSink): Sink {
  const records = new Map<string, unknown>();
  return open({ lost() {}, blocked() {}, part() {} }, {
    entries: <Value>() => [...records] as [string, Value][],
    put: (key, value) => void (value === undefined ? records.delete(key) : records.set(key, value)),
  });
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
