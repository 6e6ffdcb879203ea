// Alerts made up for tests.
import { type Alert, alertId } from "../../src/detection/alert/alert.ts";
import { now, update } from "./updates.ts";

/** An alert about a name; each has an id of its own by default. */
export function alertAbout(name = "job.group[0]", differs: Partial<Alert> = {}): Alert {
  const time = now();
  return {
    id: alertId(name, String(time)),
    loop: "0",
    name,
    reason: "first",
    lastEvent: update({ name, time }),
    eventLog: [time - 1n, time],
    ...differs,
  };
}
