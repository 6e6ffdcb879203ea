// Settings: where their texts come from, and the exact line for each that is wrong.
import assert from "node:assert/strict";
import {
  choice,
  duration,
  oneOf,
  optional,
  text,
  toggle,
  url,
  wholeNumber,
} from "../../../src/lib/settings/parsers.ts";
import {
  flagOf,
  isSet,
  readSettings,
  type Setting,
  type Settings,
} from "../../../src/lib/settings/setting.ts";
import { printable, quoted } from "../../../src/lib/settings/redact.ts";

const name = { env: "QUEUE_NAME", help: "queue that is read", example: "in" };

const kinds = {
  text: text(name),
  wholeNumber: wholeNumber({ ...name, example: "3" }, 1, 100),
  duration: duration({ ...name, example: "5m" }),
  toggle: toggle({ env: "QUEUE_NAME", help: "declare it" }),
  choice: choice({ ...name, example: "json" }, ["json", "text", "none"] as const),
  synonym: choice({ ...name, example: "warning" }, ["warning", "error"], { warn: "warning" }),
  url: url({ ...name, example: "amqp://localhost/" }, ["amqp", "amqps"]),
};

/** The settings read from these flags and variables, and what is wrong with them. */
function read<S extends Settings>(
  settings: S,
  { flags = {}, env = {} }: {
    flags?: Record<string, string | undefined>;
    env?: Record<string, string | undefined>;
  },
) {
  const problems: string[] = [];
  return { values: readSettings(settings, { flags, env, problems }), problems };
}

function readOne(setting: Setting<unknown>, given: string) {
  const { values, problems } = read({ setting }, { flags: { [flagOf(setting)]: given } });
  return { value: values?.setting, problems };
}

Deno.test("flagOf() makes the flag from the variable's name", () => {
  assert.equal(flagOf({ ...kinds.text, env: "SINK_AMQP_ROUTING_KEY" }), "--sink-amqp-routing-key");
});

Deno.test("readSettings() takes the flag before the variable before the default", () => {
  const queue = { queue: text({ ...name, default: "by default" }) };
  const flags = { "--queue-name": "by flag" };
  const env = { QUEUE_NAME: "by variable" };
  assert.deepEqual(read(queue, { flags, env }), { values: { queue: "by flag" }, problems: [] });
  assert.deepEqual(read(queue, { flags }), { values: { queue: "by flag" }, problems: [] });
  assert.deepEqual(read(queue, { env }), { values: { queue: "by variable" }, problems: [] });
  assert.deepEqual(read(queue, {}), { values: { queue: "by default" }, problems: [] });
});

Deno.test("readSettings() takes an empty variable for none, and an empty flag for a wrong one", () => {
  const env = { QUEUE_NAME: "" };
  assert.deepEqual(read({ queue: text({ ...name, default: "x" }) }, { env }).values, { queue: "x" });
  assert.deepEqual(read({ queue: text(name) }, { env }).problems, [
    "Missing QUEUE_NAME (--queue-name): queue that is read, such as in",
  ]);
  assert.deepEqual(read({ queue: text({ ...name, default: "x" }) }, { flags: { "--queue-name": "" } }), {
    values: undefined,
    problems: ['QUEUE_NAME (--queue-name): found ""; expected text, such as in'],
  });
});

Deno.test("isSet() says whether a flag, a variable or the file of a secret gives a setting", () => {
  const setting = text({ ...name, default: "x" });
  const of = (flags: Record<string, string>, env: Record<string, string>, secret = false) =>
    isSet({ ...setting, secret }, { flags, env, problems: [] });
  assert.equal(of({}, {}), false);
  assert.equal(of({}, { QUEUE_NAME: "" }), false);
  assert.equal(of({}, { QUEUE_NAME: "in" }), true);
  assert.equal(of({ "--queue-name": "" }, {}), true);
  assert.equal(of({}, { QUEUE_NAME_FILE: "/run/queue" }), false);
  assert.equal(of({}, { QUEUE_NAME_FILE: "/run/queue" }, true), true);
  assert.equal(of({ "--queue-name-file": "/run/queue" }, {}, true), true);
});

Deno.test("readSettings() takes a flag although the variable is wrong", () => {
  const given = { flags: { "--queue-name": "7" }, env: { QUEUE_NAME: "many" } };
  assert.deepEqual(read({ count: kinds.wholeNumber }, given), { values: { count: 7 }, problems: [] });
});

Deno.test("readSettings() leaves an optional setting undefined, and still refuses a wrong one", () => {
  const count = optional(kinds.wholeNumber);
  assert.deepEqual(read({ count }, {}), { values: { count: undefined }, problems: [] });
  assert.deepEqual(read({ count }, { env: { QUEUE_NAME: "3" } }).values, { count: 3 });
  assert.deepEqual(read({ count }, { env: { QUEUE_NAME: "x" } }).problems.length, 1);
});

Deno.test("readSettings() names every wrong setting, in the order of declaration, and yields no values", () => {
  const settings = {
    first: text({ ...name, env: "FIRST" }),
    second: text({ ...name, env: "SECOND" }),
    third: wholeNumber({ ...name, env: "THIRD" }, 1, 2),
  };
  assert.deepEqual(read(settings, { env: { SECOND: "fine", THIRD: "3" } }), {
    values: undefined,
    problems: [
      "Missing FIRST (--first): queue that is read, such as in",
      'THIRD (--third): found "3"; expected a whole number from 1 to 2, such as in',
    ],
  });
});

Deno.test("readSettings() yields values where only another group is wrong", () => {
  const problems = ["of another group"];
  assert.deepEqual(readSettings({ queue: text(name) }, { flags: {}, env: { QUEUE_NAME: "q" }, problems }), {
    queue: "q",
  });
  assert.deepEqual(problems, ["of another group"]);
});

Deno.test("readSettings() never shows a secret", () => {
  for (const [kind, setting] of Object.entries(kinds)) {
    if (kind === "text") continue; // which refuses only the empty text
    const { problems } = readOne({ ...setting, secret: true } as Setting<unknown>, "guest:hunter2@host");
    assert.match(problems.join(), /^QUEUE_NAME \(--queue-name\): found a value that is not shown here[,;]/);
    assert.doesNotMatch(problems.join(), /hunter2/, kind);
  }
});

const secretUrls: readonly (readonly [text: string, reason: string])[] = [
  ["http://guest:hunter2@localhost/", ", a URL of http:"],
  ["guest:hunter2@localhost", ", not a URL"],
  ["hunter2:", ", not a URL"],
  ["hunter2:/guest", ", not a URL"],
  ["HTTP://guest:hunter2@localhost/", ", a URL of http:"],
  ...[
    "amqp://guest:/hunter2@localhost/",
    "amqp://guest:12/hunter2@localhost/",
    "amqp://guest:?hunter2@rabbit",
  ]
    .map((given) =>
      [given, ', with "/", "?" or "#" before "@"; in a password these are %2F, %3F and %23'] as const
    ),
  [
    "amqp://guest:hun#ter2@rabbit",
    ', with "/", "?" or "#" before "@"; in a password these are %2F, %3F and %23',
  ],
  ["//guest:hunter2@localhost", ", not a URL"],
  ["amqp://guest:hunter2@", ", not a URL"],
  ["amqp://guest:hunter2@local host/", ", not a URL"],
];

Deno.test("url() says what is wrong with a secret URL without showing it", () => {
  const setting = { ...kinds.url, secret: true };
  for (const [given, reason] of secretUrls) {
    assert.deepEqual(readOne(setting, given).problems, [
      `QUEUE_NAME (--queue-name): found a value that is not shown here${reason}; ` +
      "expected a URL that begins with amqp:// or amqps://, such as amqp://localhost/",
    ]);
  }
});

/** A secret text, and a folder with files for it. */
const secret = text({ env: "TOKEN", help: "token that is sent", example: "abc", secret: true });
let directory: string;
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir();
});
Deno.test.afterAll(async () => {
  await Deno.remove(directory, { recursive: true });
});

function file(text: string): string {
  const path = `${directory}/token`;
  Deno.writeTextFileSync(path, text);
  return path;
}

const contents: readonly (readonly [content: string, value: string])[] = [
  ["hunter2", "hunter2"],
  ["hunter2\n", "hunter2"],
  ["hunter2\r\n", "hunter2"],
  ["hunter2\n\n", "hunter2"],
  [" hunter2 \t\n", " hunter2 \t"],
  ["one\ntwo\n", "one\ntwo"],
];

Deno.test("readSettings() takes a secret from a file, without the line feeds at its end", () => {
  for (const [content, value] of contents) {
    const path = file(content);
    const expected = { values: { secret: value }, problems: [] };
    assert.deepEqual(read({ secret }, { flags: { "--token-file": path } }), expected, content);
    assert.deepEqual(read({ secret }, { env: { TOKEN_FILE: path } }), expected, content);
  }
});

Deno.test("readSettings() takes the flag and its file before the variable and its file", () => {
  const path = file("from file");
  const flag = { "--token": "from flag" };
  const flagFile = { "--token-file": path };
  const variable = { TOKEN: "from variable" };
  const variableFile = { TOKEN_FILE: path };
  for (
    const [flags, env, value] of [
      [flag, variable, "from flag"],
      [flag, variableFile, "from flag"],
      [flagFile, variable, "from file"],
      [flagFile, { TOKEN_FILE: "/nosuch" }, "from file"],
      [{}, { ...variable, TOKEN_FILE: "" }, "from variable"],
      [{}, { ...variableFile, TOKEN: "" }, "from file"],
      [flag, { ...variable, ...variableFile }, "from flag"],
    ] as const
  ) assert.deepEqual(read({ secret }, { flags, env }), { values: { secret: value }, problems: [] });
});

Deno.test("readSettings() refuses a secret and a file for it at the same time", () => {
  const path = file("hunter2");
  assert.deepEqual(read({ secret }, { env: { TOKEN: "hunter2", TOKEN_FILE: path } }).problems, [
    "TOKEN and TOKEN_FILE: found both; give one of them",
  ]);
  assert.deepEqual(read({ secret }, { flags: { "--token": "hunter2", "--token-file": path } }).problems, [
    "--token and --token-file: found both; give one of them",
  ]);
});

Deno.test("readSettings() says what is wrong with the file of a secret", () => {
  const empty = file("\n");
  const names = "TOKEN_FILE (--token-file)";
  const wrong: readonly (readonly [path: string, problem: string])[] = [
    [empty, `"${empty}" is empty; let it hold the value of TOKEN`],
    ["/nosuch", 'cannot read "/nosuch": there is no such file; name a file that holds the value of TOKEN'],
    [
      directory,
      `cannot read "${directory}": it is a directory; name a file that holds the value of TOKEN`,
    ],
    [
      "amqp://guest:hunter2@rabbit/",
      'cannot read "amqp://guest:***@rabbit/": there is no such file; name a file that holds the value of TOKEN',
    ],
  ];
  for (const [path, problem] of wrong) {
    const expected = { values: undefined, problems: [`${names}: ${problem}`] };
    assert.deepEqual(read({ secret }, { flags: { "--token-file": path } }), expected);
    assert.deepEqual(read({ secret }, { env: { TOKEN_FILE: path } }), expected);
  }
  assert.deepEqual(read({ secret }, { flags: { "--token-file": "" } }).problems, [
    `${names}: cannot read "": there is no such file; name a file that holds the value of TOKEN`,
  ]);
});

Deno.test("readSettings() says that the value in a file is wrong without showing it", () => {
  const setting = url({ env: "TOKEN", help: "broker", example: "amqp://localhost/", secret: true }, ["amqp"]);
  const path = file("http://guest:hunter2@rabbit/\n");
  assert.deepEqual(read({ setting }, { env: { TOKEN_FILE: path } }).problems, [
    `TOKEN_FILE (--token-file): found a value in "${path}" that is not shown here, a URL of http:; ` +
    "expected a URL that begins with amqp://, such as amqp://localhost/",
  ]);
});

Deno.test("readSettings() takes no file for a setting that is no secret", () => {
  const path = file("from file");
  assert.deepEqual(read({ queue: text(name) }, { env: { QUEUE_NAME_FILE: path } }).problems, [
    "Missing QUEUE_NAME (--queue-name): queue that is read, such as in",
  ]);
});

const accepted: readonly (readonly [kind: keyof typeof kinds, text: string, value: unknown])[] = [
  ["text", "nomad.crash-loop-in", "nomad.crash-loop-in"],
  ["text", " ", " "],
  ["wholeNumber", "1", 1],
  ["wholeNumber", "100", 100],
  ["wholeNumber", "+7", 7],
  ["wholeNumber", "007", 7],
  ["duration", "1h30m", 5_400_000_000_000n],
  ["duration", "1ns", 1n],
  ["toggle", "true", true],
  ["toggle", "1", true],
  ["toggle", "ON", true],
  ["toggle", "False", false],
  ["toggle", "0", false],
  ["toggle", "off", false],
  ["choice", "json", "json"],
  ["choice", "TEXT", "text"],
  ["synonym", "warn", "warning"],
  ["synonym", "WARN", "warning"],
  ["synonym", "warning", "warning"],
];

Deno.test("parse() of every kind accepts what it is for", () => {
  for (const [kind, given, value] of accepted) {
    assert.deepEqual(readOne(kinds[kind], given), { value, problems: [] }, `${kind} ${given}`);
  }
  assert.equal((readOne(kinds.url, "amqps://u:p@h:5671/v").value as URL).href, "amqps://u:p@h:5671/v");
});

const refused: readonly (readonly [kind: keyof typeof kinds, text: string, line: string])[] = [
  ["text", "", 'found ""; expected text, such as in'],
  ...["", "0", "101", "-1", "1.5", "1e1", "0x1", " 1", "1 ", "x", "\uff11", "9".repeat(400)].map((given) =>
    [
      "wholeNumber",
      given,
      `found ${JSON.stringify(given)}; expected a whole number from 1 to 100, such as 3`,
    ] as const
  ),
  ["duration", "", 'found "", not a duration; expected a Go duration above zero, such as 5m'],
  ["duration", "5", 'found "5", missing unit in duration; expected a Go duration above zero, such as 5m'],
  [
    "duration",
    "1d",
    'found "1d", unknown unit "d" in duration; expected a Go duration above zero, such as 5m',
  ],
  ["duration", "0", 'found "0", which is 0s; expected a Go duration above zero, such as 5m'],
  ["duration", "0.5ns", 'found "0.5ns", which is 0s; expected a Go duration above zero, such as 5m'],
  ["duration", "-5m", 'found "-5m", which is -5m; expected a Go duration above zero, such as 5m'],
  ["toggle", "", 'found ""; expected true or false, such as true'],
  ["toggle", "yes", 'found "yes"; expected true or false, such as true'],
  ["synonym", "toString", 'found "toString"; expected warning or error, such as warning'],
  ["choice", "", 'found ""; expected json, text or none, such as json'],
  ["choice", "json,text", 'found "json,text"; expected json, text or none, such as json'],
  [
    "url",
    "localhost",
    'found "localhost", not a URL; expected a URL that begins with amqp:// or amqps://, such as amqp://localhost/',
  ],
  [
    "url",
    "amqp:localhost",
    'found "amqp:localhost", without a host; expected a URL that begins with amqp:// or amqps://, such as amqp://localhost/',
  ],
  [
    "url",
    "https://localhost/",
    'found "https://localhost/", a URL of https:; expected a URL that begins with amqp:// or amqps://, such as amqp://localhost/',
  ],
];

Deno.test("parse() of every kind refuses what it is not for, and says what was found and what to do", () => {
  for (const [kind, given, line] of refused) {
    assert.deepEqual(readOne(kinds[kind], given), {
      value: undefined,
      problems: [`QUEUE_NAME (--queue-name): ${line}`],
    }, `${kind} ${given}`);
  }
});

Deno.test("toggle() takes no property that every JavaScript object has for a word", () => {
  for (const word of ["constructor", "__proto__"]) {
    assert.deepEqual(readOne(kinds.toggle, word), {
      value: undefined,
      problems: [`QUEUE_NAME (--queue-name): found "${word}"; expected true or false, such as true`],
    });
  }
});

Deno.test("readSettings() shows what was found without raw control characters", () => {
  const { problems } = readOne(kinds.wholeNumber, "\u001b[31m\n\u007f\u009b\u202e\u2066");
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  assert.doesNotMatch(problems.join(), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
});

Deno.test("toggle() is off unless turned on, and its flag takes no value", () => {
  assert.deepEqual(read({ declare: kinds.toggle }, {}).values, { declare: false });
  assert.equal(kinds.toggle.toggle, true);
});

const printed: readonly (readonly [url: string, printed: string])[] = [
  ["amqp://guest:hunter2@localhost:5672/vhost", "amqp://guest:***@localhost:5672/vhost"],
  ["amqp://:hunter2@localhost/", "amqp://:***@localhost/"],
  ["amqp://guest@localhost/", "amqp://guest@localhost/"],
  ["amqp://localhost", "amqp://localhost"],
  ["amqps://u:hunter2@h/%2f?password=hunter2&heartbeat=5", "amqps://u:***@h/%2f"],
  ["amqp://u:p%40hunter2%3A@h/", "amqp://u:***@h/"],
  ["https://u:hunter2@h/p?token=hunter2", "https://u:***@h/p"],
  ["https://h/p#hunter2", "https://h/p"],
];

Deno.test("printable() leaves out the password and the query, and leaves the URL alone", () => {
  for (const [given, shown] of printed) {
    const url = new URL(given);
    const href = url.href;
    assert.equal(printable(url), shown);
    assert.equal(url.href, href);
  }
});

const quotes: readonly (readonly [found: string, quoted: string])[] = [
  ["nomad.crash-loop-in", '"nomad.crash-loop-in"'],
  ['a"b\n\u009b', '"a\\"b\\n\\u009b"'],
  ["C:\\a.ndjson", '"C:\\\\a.ndjson"'],
  ["amqp://localhost:5672/", '"amqp://localhost:5672/"'],
  ["amqp://guest@localhost:5672/", '"amqp://guest@localhost:5672/"'],
  ["amqp://guest:hunter2@localhost:5672/", '"amqp://guest:***@localhost:5672/"'],
  ["amqp://guest:hun@ter2/:@localhost/", '"amqp://guest:***@localhost/"'],
  ["guest:hunter2@localhost", '"guest:***@localhost"'],
  ["queue amqp://guest:hunter2@localhost", '"queue amqp://guest:***@localhost"'],
];

Deno.test("quoted() leaves out passwords, and shows control characters as escapes", () => {
  for (const [found, shown] of quotes) assert.equal(quoted(found), shown);
});

Deno.test("oneOf() lists words as a sentence does", () => {
  assert.equal(oneOf([]), "");
  assert.equal(oneOf(["a"]), "a");
  assert.equal(oneOf(["a", "b"]), "a or b");
  assert.equal(oneOf(["a", "b", "c"]), "a, b or c");
});
