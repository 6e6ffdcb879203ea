// What the meta of a job asks for: which texts are accepted, and what is said of others.
import assert from "node:assert/strict";
import { ownMeta, readMeta } from "../../../src/detection/jobs/meta.ts";

const accepted: readonly (readonly [key: string, text: string, name: string, value: unknown])[] = [
  ["enabled", "false", "enabled", false],
  ["enabled", "on", "enabled", true],
  ["restart_count", "3", "restartCount", 3],
  ["restart_count", "10000", "restartCount", 10_000],
  ["stable_after", "1h30m", "stableAfter", 5_400_000_000_000n],
  ["notification_interval", "90s", "notificationInterval", 90_000_000_000n],
  ["mute_until", "2026-12-01T08:00:00Z", "muteUntil", 1_796_112_000_000_000_000n],
  ["mute_until", "2026-12-01T10:00:00+02:00", "muteUntil", 1_796_112_000_000_000_000n],
  ["sinks", "slack", "sinks", ["slack"]],
  ["sinks", " Slack:ops , pagerduty,slack:ops", "sinks", ["slack:ops", "pagerduty"]],
  ["owner", " team-web ", "owner", "team-web"],
  ["runbook", "https://wiki.example.com/web?a=b#c", "runbook", "https://wiki.example.com/web?a=b#c"],
  ["severity", "Critical", "severity", "critical"],
];

for (const [key, text, name, value] of accepted) {
  Deno.test(`readMeta() takes crashloop_${key} = ${JSON.stringify(text)}`, () => {
    assert.deepEqual(readMeta({ [`crashloop_${key}`]: text }), { settings: { [name]: value }, problems: [] });
  });
}

const refused: readonly (readonly [key: string, text: string, problem: string])[] = [
  ["enabled", "no", 'found "no"; expected true or false, such as false'],
  ["restart_count", "0", 'found "0"; expected a whole number from 1 to 10000, such as 3'],
  ["restart_count", "many", 'found "many"; expected a whole number from 1 to 10000, such as 3'],
  ["stable_after", "0s", 'found "0s", which is 0s; expected a Go duration above zero, such as 30m'],
  [
    "notification_interval",
    "5",
    'found "5", missing unit in duration; expected a Go duration above zero, such as 4h',
  ],
  [
    "mute_until",
    "tomorrow",
    'found "tomorrow"; expected a time as RFC 3339 writes it, such as 2026-12-01T08:00:00Z',
  ],
  [
    "sinks",
    "slack,,x",
    'found "slack,,x"; expected sinks as SINK_TYPE names them, separated by commas, such as slack,pagerduty',
  ],
  ["owner", "a\nb", 'found "a\\nb"; expected a name of at most 200 characters, such as team-web'],
  [
    "runbook",
    "javascript:alert(1)",
    'found "javascript:alert(1)"; expected a URL that begins with http:// or https://, such as ' +
    "https://wiki.example.com/web",
  ],
  ["severity", "high", 'found "high"; expected warning or critical, such as critical'],
  [
    "ownr",
    "team-web",
    "found no such key; expected one of crashloop_enabled, crashloop_restart_count, crashloop_stable_after, " +
    "crashloop_notification_interval, crashloop_mute_until, crashloop_sinks, crashloop_owner, crashloop_runbook, " +
    "crashloop_severity",
  ],
];

for (const [key, value, text] of refused) {
  Deno.test(`readMeta() refuses crashloop_${key} = ${JSON.stringify(value)}, and says what it expected`, () => {
    const { settings, problems } = readMeta({ [`crashloop_${key}`]: value });
    assert.deepEqual([settings, problems], [{}, [{ key: `crashloop_${key}`, text }]]);
  });
}

Deno.test("readMeta() takes an empty text for none, and other keys for somebody else's", () => {
  assert.deepEqual(readMeta({ crashloop_owner: "", owner: "x" }), { settings: {}, problems: [] });
});

Deno.test("ownMeta() leaves out all keys of others; undefined if nothing is left", () => {
  assert.deepEqual(ownMeta({ crashloop_owner: "x", secret: "y" }), { crashloop_owner: "x" });
  assert.equal(ownMeta({ secret: "y" }), undefined);
});
