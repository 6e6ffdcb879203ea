// Alerts about the detector itself, for sinks.
import type { Alert } from "../../src/detection/alert/alert.ts";
import { noticeAlert } from "../../src/detection/alert/notice_alert.ts";

/** That the source is blind, or sees again. */
export function blindAlert(
  reason: "first" | "resolved",
  problem = "http://nomad:4646 refused the token",
): Alert {
  const since = 1_795_491_774_562_822_483n;
  return noticeAlert({
    kind: "source",
    component: "source nomad",
    since,
    problem,
    sent: reason === "first" ? 0 : 1,
    rule: "failures",
    ...(reason === "resolved" ? { until: since + 1_980_000_000_000n } : {}),
  });
}
