// Restarts as update.ts decodes them, made up for tests of the rule.
import { identityOf } from "../../src/detection/decode/update.ts";
import type { Restart } from "../../src/detection/event.ts";

/** A restart whose update says what it is: `a/alloc/task at 5`. */
export function restart(
  { time, name = "a", allocation = "alloc", task = "task", ...differs }: Partial<Restart> & { time: bigint },
): Restart {
  return {
    kind: "restart",
    name,
    allocation,
    task,
    identity: identityOf(allocation, task),
    time,
    requested: false,
    missed: 0,
    update: `${name}/${allocation}/${task} at ${time}`,
    ...differs,
  };
}
