// The alert's exact JSON, its id, and its line for a person. Times are written in UTC where TZ is not set; so the
// expected ones are made by formatTime, which has its own test.
import assert from "node:assert/strict";
import { type Alert, alertId } from "../../../src/detection/alert/alert.ts";
import { alertJson } from "../../../src/detection/alert/json.ts";
import { alertText } from "../../../src/detection/alert/text.ts";
import type { AlertDetails } from "../../../src/detection/alert/details.ts";
import { formatTime } from "../../../src/lib/time.ts";

const time = 1_499_867_775_401_013_209n;
const update = '{"Name":"a.b[0]","TaskEvent":{"Type":"Restarting","Time":1499867775401013209}}';

/** An alert about `a.b[0]` that differs in this. */
function alert(differs: Partial<Alert> = {}): Alert {
  return {
    id: "0",
    loop: "0",
    name: "a.b[0]",
    reason: "first",
    lastEvent: update,
    eventLog: [time],
    ...differs,
  };
}

Deno.test("alertJson() is exactly the original's payload", () => {
  const eventLog = [time, time - 1n, 0n];
  assert.equal(
    alertJson(alert({ eventLog })),
    '{"LastEvent":{"Name":"a.b[0]","TaskEvent":{"Type":"Restarting","Time":1499867775401013209}},' +
      `"EventLog":["${formatTime(time)}","${formatTime(time - 1n)}","${formatTime(0n)}"]}`,
  );
  assert.equal(alertJson(alert({ eventLog: [] })), `{"LastEvent":${update},"EventLog":[]}`);
});

Deno.test("alertJson() keeps the order of times, and says nothing of id, name and reason", () => {
  const eventLog = [5n, 3n, 9n];
  const notified = JSON.parse(alertJson(alert({ eventLog })));
  assert.deepEqual(notified.EventLog, eventLog.map(formatTime));
  assert.deepEqual(Object.keys(notified), ["LastEvent", "EventLog"]);
  assert.equal(
    alertJson(alert({ eventLog, id: "1", name: "x", reason: "repeat" })),
    alertJson(alert({ eventLog })),
  );
});

/** Updates as they come, and how they stand in the alert. */
const updates: readonly (readonly [what: string, came: string, stands: string])[] = [
  ["one line", update, update],
  ["order of keys", '{"b":1,"a":2,"1":3,"0":4}', '{"b":1,"a":2,"1":3,"0":4}'],
  [
    "digits",
    '{"a":9007199254740993,"b":1.10,"c":1e9,"d":-0}',
    '{"a":9007199254740993,"b":1.10,"c":1e9,"d":-0}',
  ],
  ["keys given twice", '{"a":1,"a":2}', '{"a":1,"a":2}'],
  ["letters of HTML", '{"a":"<b> & \\u003c"}', '{"a":"<b> & \\u003c"}'],
  ["letters beyond ASCII", '{"a":"\u00e9\u05d0\u{1f600}"}', '{"a":"\u00e9\u05d0\u{1f600}"}'],
  ["tabs and blanks between tokens", '{\t"a" :\t1 }', '{\t"a" :\t1 }'],
  [
    "raw characters that a terminal obeys",
    '{"\x7f":"\u009b2J\\\\\u2028\u202e"}',
    '{"\\u007f":"\\u009b2J\\\\\\u2028\\u202e"}',
  ],
  ["the same as escapes already", '{"a":"\\u009b\\u2028"}', '{"a":"\\u009b\\u2028"}'],
  ["line feeds", '{\n  "a": 1,\n  "b": [\n    2\n  ]\n}', '{"a": 1,"b": [2]}'],
  ["carriage returns", '{\r\n  "a": 1,\r\n\r\n  "b": 2\r\n}\r\n', '{"a": 1,"b": 2}'],
  ["old line ends", '{\r"a": 1\r}', '{"a": 1}'],
  ["tabs", '{\n\t"a":\t1,\n\t\t"b": 2\n}', '{"a":\t1,"b": 2}'],
  ["a line end at the end", '{"a":1}\n', '{"a":1}'],
  ["blank lines before", '\n\n {"a":1}', '{"a":1}'],
  ["escaped line ends in strings", '{\n"a": "x\\n  y\\r\\n\\tz"\n}', '{"a": "x\\n  y\\r\\n\\tz"}'],
  ["a backslash before n in strings", '{\n"a": "x\\\\n y"\n}', '{"a": "x\\\\n y"}'],
  ["blanks in strings", '{\n"a": "x   y",\n "b": " "\n}', '{"a": "x   y","b": " "}'],
];

Deno.test("alertJson() holds the update as it came, on one line", () => {
  for (const [what, lastEvent, stands] of updates) {
    const json = alertJson(alert({ lastEvent }));
    assert.equal(json, `{"LastEvent":${stands},"EventLog":["${formatTime(time)}"]}`, what);
    assert.doesNotMatch(json, /[\r\n]/, what);
    assert.deepEqual(JSON.parse(json).LastEvent, JSON.parse(lastEvent), what);
  }
});

Deno.test("alertJson() changes nothing of an update however it is pretty-printed", () => {
  const value = { Name: "a\n b", TaskEvent: { List: [1, [], {}, "\t\r\n", null], Text: "  x  ", Empty: "" } };
  for (const indent of [0, 1, 2, 4, "\t", " \t"]) {
    for (const lineEnd of ["\n", "\r\n", "\r", "\n\n"]) {
      const lastEvent = JSON.stringify(value, null, indent).replaceAll("\n", lineEnd);
      const json = alertJson(alert({ lastEvent }));
      assert.doesNotMatch(json, /[\r\n]/);
      assert.deepEqual(JSON.parse(json).LastEvent, value);
    }
  }
});

Deno.test("alertJson() has every character that a terminal obeys as an escape, for the same value", () => {
  const obeyed = [0x7f, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x202e, 0x2066, 0x2069]
    .concat(Array.from({ length: 0x20 }, (_, code) => 0x80 + code))
    .map((code) => String.fromCharCode(code)).join("x");
  const value = { [obeyed]: [obeyed, `\\${obeyed}`, `\u001b"${obeyed}`] };
  const json = alertJson(alert({ lastEvent: JSON.stringify(value) }));
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  assert.doesNotMatch(json, /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
  assert.deepEqual(JSON.parse(json).LastEvent, value);
});

Deno.test("alertId() is 32 hexadecimal digits, the same for the same identity", () => {
  assert.match(alertId("a", "b"), /^[0-9a-f]{32}$/);
  assert.equal(alertId("a", "b"), alertId("a", "b"));
  // Written down, since ids are compared between processes and releases.
  assert.equal(
    alertId("a.b[0]", "782befc8", "app", "1499867775401013209"),
    "c417240356626b1c3b708c8980e7e96a",
  );
});

Deno.test("alertId() is another one for every other identity", () => {
  const identities = [
    [],
    [""],
    ["", ""],
    ["ab"],
    ["a", "b"],
    ["b", "a"],
    ["a", "b", ""],
    ["", "a", "b"],
    ["a,b"],
    ['a","b'],
    ["a\u0000b"],
    ["a.b[0]", "alloc", "task", "1499867775401013209"],
    ["a.b[0]", "alloc", "task", "1499867775401013210"],
    ["a.b[0]", "alloct", "ask", "1499867775401013209"],
  ];
  assert.equal(new Set(identities.map((identity) => alertId(...identity))).size, identities.length);
});

/** An update of these fields. */
const updateOf = (fields: Record<string, unknown>, event: Record<string, unknown>) =>
  JSON.stringify({ ...fields, TaskEvent: { Type: "Restarting", Time: 5, ...event } });

const at = `${formatTime(time / 1_000_000_000n * 1_000_000_000n)}`;
const lastEvent = updateOf({ JobID: "a", TaskName: "web" }, { RestartReason: "Restart within policy" });

const texts: readonly (readonly [what: string, alert: Alert, text: string])[] = [
  [
    "first",
    alert({ lastEvent, eventLog: [time - 90_500_000_000n, time - 5n, time] }),
    `${at}  crash loop   a.b[0]                        3 restarts in 1m30s   task web: Restart within policy`,
  ],
  [
    "repeat",
    alert({ lastEvent, eventLog: [time - 60_000_000_000n, time], reason: "repeat" }),
    `${at}  still loops  a.b[0]                        2 restarts in 1m      task web: Restart within policy`,
  ],
  [
    "restarts that came late",
    alert({ lastEvent, eventLog: [time, time - 60_000_000_000n, time - 30_000_000_000n] }),
    `${at}  crash loop   a.b[0]                        3 restarts in 1m      task web: Restart within policy`,
  ],
  [
    "less than a second",
    alert({ lastEvent, eventLog: [time - 5n, time] }),
    `${at}  crash loop   a.b[0]                        2 restarts in 0s      task web: Restart within policy`,
  ],
  [
    "no reason: what Nomad displays",
    alert({
      lastEvent: updateOf({ JobID: "a", TaskName: "web" }, {
        RestartReason: "",
        DisplayMessage: "Task restarting in 15s",
      }),
    }),
    `${at}  crash loop   a.b[0]                        1 restart             task web: Task restarting in 15s`,
  ],
  [
    "nothing known",
    alert({ lastEvent: update }),
    `${at}  crash loop   a.b[0]                        1 restart             task -: -`,
  ],
  [
    "fields that are no texts",
    alert({ lastEvent: updateOf({ JobID: 5, TaskName: null }, { RestartReason: { a: 1 } }) }),
    `${at}  crash loop   a.b[0]                        1 restart             task -: -`,
  ],
];

/** The details of the rule `failures`. */
const details = (differs: Partial<AlertDetails> = {}): AlertDetails => ({
  Status: "looping",
  Rule: "failures",
  Loop: "0",
  Key: { JobID: "a", TaskGroup: "b", Index: 0, Task: "web" },
  Failures: 7,
  Missed: 0,
  Since: formatTime(time),
  Reason: "exited with 1 after 2 s, 7 times since 03:42 UTC",
  Node: { ID: "n" },
  Events: [],
  ...differs,
});

const textsOfLoops: typeof texts = [
  [
    "failed runs",
    alert({ name: "a.b[0]/web", eventLog: [time - 90_500_000_000n, time], details: details() }),
    `${at}  crash loop   a.b[0]/web                    7 failed runs in 1m30s  exited with 1 after 2 s, 7 times since 03:42 UTC`,
  ],
  [
    "one failed run",
    alert({ details: details({ Failures: 1, Reason: "failed, once since 03:42 UTC" }) }),
    `${at}  crash loop   a.b[0]                        1 failed run          failed, once since 03:42 UTC`,
  ],
  [
    "a resolution",
    alert({
      reason: "resolved",
      details: details({ Reason: "it was stopped, after 7 failed runs since 03:42 UTC" }),
    }),
    `${at}  resolved     a.b[0]                        7 failed runs         it was stopped, after 7 failed runs since 03:42 UTC`,
  ],
  [
    "a resolution after the last restart left the window",
    alert({ reason: "resolved", eventLog: [] }),
    `${at}  resolved     a.b[0]                        0 restarts            it no longer restarts that often`,
  ],
];

Deno.test("alertText() shows the details' reason of failed runs and of a resolution", () => {
  for (const [what, alert, text] of textsOfLoops) assert.equal(alertText(alert), text, what);
});

Deno.test("alertJson() with the payload full adds the id and the details to the original's fields", () => {
  const notified = alert({ id: "1", limit: 1, details: details() });
  assert.equal(
    alertJson(notified, "full"),
    `${alertJson(notified).slice(0, -1)},"Id":"1",${JSON.stringify(details()).slice(1)}`,
  );
});

Deno.test("alertJson() with the payload full says of restarts what the last one shows", () => {
  const notified = JSON.parse(alertJson(alert(), "full"));
  assert.deepEqual(Object.keys(notified).slice(0, 5), ["LastEvent", "EventLog", "Id", "Status", "Rule"]);
  assert.deepEqual([notified.Rule, notified.Failures, notified.Key.JobID], ["restarts", 1, "a"]);
});

Deno.test("alertText() says when, what, how often and why", () => {
  for (const [what, alert, text] of texts) assert.equal(alertText(alert), text, what);
});

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const obeyed = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

Deno.test("alertText() has no character that moves a terminal's cursor, colours it or turns text round", () => {
  const hostile = "\u001b[31mred\u001b]0;title\u0007\r\nforged \u0000\b\t\u007f\u0085\u009b2J" +
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069end";
  const fields = { JobID: hostile, TaskName: hostile };
  for (const event of [{ RestartReason: hostile }, { DisplayMessage: hostile }]) {
    const notified = alert({ name: hostile, lastEvent: updateOf(fields, event) });
    const text = alertText(notified);
    assert.deepEqual((text.match(obeyed) ?? []).map((character) => character.charCodeAt(0).toString(16)), []);
    assert.equal(text.split("\\u001b[31mred").length, 4, "the name, task and reason are all shown");
    const loop = alertText({ ...notified, details: details({ Reason: hostile }) });
    assert.doesNotMatch(loop, obeyed);
    assert.equal(loop.split("\\u001b[31mred").length, 3, "the name and the reason are shown");
  }
});

Deno.test("alertText() says that a loop flaps until it is resolved", () => {
  const flapping = details({ FlappingSince: formatTime(time) });
  for (
    const [reason, heading] of [["first", "flapping"], ["repeat", "flapping"], [
      "resolved",
      "resolved",
    ]] as const
  ) {
    const text = alertText(alert({ reason, details: flapping }));
    assert.equal(/(?<=^\S+ {2})\S+( \S+)?/.exec(text)![0], heading);
  }
});

Deno.test("alertText() in colours differs in nothing else: red, yellow and green headings", () => {
  for (const [reason, color] of [["first", 31], ["repeat", 33], ["resolved", 32]] as const) {
    const plain = alertText(alert({ reason }));
    const heading = /(?<=^\S+ {2})(crash loop|still loops|resolved)/.exec(plain)![0];
    const colored = plain.replace(heading, `\x1b[${color}m${heading}\x1b[39m`);
    assert.equal(alertText(alert({ reason }), true), colored);
    assert.equal(alertText(alert({ reason }), false), plain);
  }
});
