// What a person types and reads: exit codes, exact errors, help. In this process, with the streams of a fake one;
// completions are written past them and so are tried in a process of their own.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { words } from "../../src/lib/settings/adapter.ts";
import { loadSinks, sinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { run } from "../../src/commands/run.ts";
import { recordSettings } from "../../src/commands/record/settings.ts";
import { fileOf, flagOf } from "../../src/lib/settings/setting.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

const url = (scheme: string) => `${scheme}://guest:hunter2@rabbit/`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the program does with these arguments, this environment and nothing on standard input. */
async function ran(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await run({
    args,
    env,
    sinks: await loadSinks(args, env.SINK_TYPE),
    stop: new AbortController().signal,
    files: [],
    stdin: new Blob([]).stream(),
    stdout: {
      write(bytes) {
        stdout += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    },
    stdoutIsTerminal: false,
    stderr: { write: (line) => void (stderr += line) },
  });
  return { code, stdout, stderr };
}

/** The lines without the times of the log. */
function withoutTimes(stderr: string): string {
  return stderr.replaceAll(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/gm, "<time>");
}

const waysToStart = `No source. Choose where updates come from:
  NOMAD_ADDR=http://localhost:4646 nomad-crashloop-detector
  AMQP_CONNECTION=amqp://guest:guest@localhost:5672/ AMQP_QUEUE=nomad.crash-loop-in nomad-crashloop-detector
  SINK_TYPE=stdout nomad-firehose allocations | nomad-crashloop-detector --source-type stdin
  nomad-crashloop-detector recording.ndjson.gz
`;

Deno.test("run() says the ways to start where no source is given", async () => {
  for (const args of [[], ["check"]]) {
    for (const env of [{}, { AMQP_QUEUE: "", AMQP_CONNECTION: "", SOURCE_TYPE: "" }]) {
      assert.deepEqual(await ran(args, env as Record<string, string>), {
        code: 1,
        stdout: "",
        stderr: waysToStart,
      });
    }
  }
});

const wrongCommands: readonly (readonly [args: readonly string[], stderr: string])[] = [
  [["--amqp-que", "x"], "error: unknown option '--amqp-que'\n(Did you mean --amqp-queue?)\n"],
  [["check", "--sink-typ", "x"], "error: unknown option '--sink-typ'\n(Did you mean --sink-type?)\n"],
  [["--zzzzzzzzzz"], "error: unknown option '--zzzzzzzzzz'\n"],
  [["-x"], "error: unknown option '-x'\n"],
  [["--no-log-level"], "error: unknown option '--no-log-level'\n(Did you mean --log-level?)\n"],
  [["--amqp-queue"], "error: option '--amqp-queue <value>' argument missing\n"],
  [["check", "--restart-count"], "error: option '--restart-count <value>' argument missing\n"],
  [["completions"], "error: missing required argument 'shell'\n"],
  [
    ["completions", "nosuch"],
    "error: invalid shell. " +
    "Allowed choices are zsh, bash, fish, powershell.\n",
  ],
];

Deno.test("run() exits with 2 and says what is wrong with the command", async () => {
  for (const [args, stderr] of wrongCommands) {
    assert.deepEqual(await ran(args), { code: 2, stdout: "", stderr }, args.join(" "));
  }
});

Deno.test("run() says that a flag which turns something on takes no value", async () => {
  for (const args of [["--amqp-declare=true"], ["check", "--amqp-declare=true"]]) {
    assert.deepEqual(await ran(args), {
      code: 2,
      stdout: "",
      stderr: "error: option '--amqp-declare' takes no value\n",
    });
  }
});

Deno.test("run() names an unknown flag without the value that was joined to it", async () => {
  assert.deepEqual(await ran(["--restart-cuont=3"]), {
    code: 2,
    stdout: "",
    stderr: "error: unknown option '--restart-cuont'\n(Did you mean --restart-count?)\n",
  });
  assert.equal(
    (await ran([`--amqp-conection=${url("amqp")}`])).stderr,
    "error: unknown option '--amqp-conection'\n(Did you mean --amqp-connection?)\n",
  );
});

const everythingWrong = {
  AMQP_CONNECTION: url("http"),
  AMQP_PREFETCH: "0",
  AMQP_DECLARE: "maybe",
  RESTART_COUNT: "-1",
  RESTART_INTERVAL: "5",
  NOTIFICATION_INTERVAL: "-5m",
  IGNORE_REQUESTED_RESTARTS: "yes",
  SINK_TYPE: "amqp,kinesis",
  SINK_AMQP_CONNECTION: "guest:hunter2@rabbit",
  SINK_AMQP_WORKERS: "101",
  SINK_KINESIS_STREAM_NAME: "",
  LOG_LEVEL: "trace",
  LOG_FORMAT: "xml",
  SHUTDOWN_TIMEOUT: "1d",
};

const sinkLines = [
  "SINK_AMQP_CONNECTION (--sink-amqp-connection): found a value that is not shown here, not a URL; " +
  "expected a URL that begins with amqp:// or amqps://, such as amqp://guest:guest@localhost:5672/",
  "Missing SINK_AMQP_EXCHANGE (--sink-amqp-exchange): exchange that alerts are published to; it must exist, such as nomad",
  "Missing SINK_AMQP_ROUTING_KEY (--sink-amqp-routing-key): routing key of alerts; a queue must be bound with it, " +
  "such as crash-loop",
  'SINK_AMQP_WORKERS (--sink-amqp-workers): found "101"; expected a whole number from 1 to 100, such as 4',
  "Missing SINK_KINESIS_STREAM_NAME (--sink-kinesis-stream-name): Kinesis stream that alerts are put into; " +
  "region, credentials and endpoint are the AWS SDK's own settings, such as crash-loops",
  "Missing SINK_KINESIS_PARTITION_KEY (--sink-kinesis-partition-key): partition key of alerts, such as nomad",
];

Deno.test("run() says all that is wrong with the settings at once, a line each", async () => {
  const lines = [
    "AMQP_CONNECTION (--amqp-connection): found a value that is not shown here, a URL of http:; " +
    "expected a URL that begins with amqp:// or amqps://, such as amqp://guest:guest@localhost:5672/",
    "Missing AMQP_QUEUE (--amqp-queue): queue that holds nomad-firehose's allocation updates, such as nomad.crash-loop-in",
    'AMQP_PREFETCH (--amqp-prefetch): found "0"; expected a whole number from 1 to 65535, such as 5000',
    'AMQP_DECLARE (--amqp-declare): found "maybe"; expected true or false, such as true',
    'RESTART_COUNT (--restart-count): found "-1"; expected a whole number from 1 to 1000000, such as 3',
    'RESTART_INTERVAL (--restart-interval): found "5", missing unit in duration; ' +
    "expected a Go duration above zero, such as 1h30m",
    'NOTIFICATION_INTERVAL (--notification-interval): found "-5m", which is -5m; ' +
    "expected a Go duration above zero, such as 30m",
    'IGNORE_REQUESTED_RESTARTS (--ignore-requested-restarts): found "yes"; expected true or false, such as true',
    ...sinkLines,
    'LOG_LEVEL (--log-level): found "trace"; expected debug, info, warning or error, such as debug',
    'LOG_FORMAT (--log-format): found "xml"; expected text or json, such as json',
    'SHUTDOWN_TIMEOUT (--shutdown-timeout): found "1d", unknown unit "d" in duration; ' +
    "expected a Go duration above zero, such as 30s",
  ];
  const expected = { code: 1, stdout: "", stderr: lines.join("\n") + "\n" };
  assert.deepEqual(await ran([], everythingWrong), expected);
  assert.deepEqual(await ran(["check"], everythingWrong), expected);
});

Deno.test("run() says what is wrong with a sink's settings although OUTPUT is wrong", async () => {
  const { stderr, code } = await ran([], { ...everythingWrong, OUTPUT: "xml" });
  assert.equal(code, 1);
  const lines = stderr.trimEnd().split("\n");
  for (
    const line of [
      'OUTPUT (--output): found "xml"; expected json or text, such as json',
      ...sinkLines,
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("run() names the kinds of sources and of sinks where the word for one is wrong", async () => {
  const { stderr, code } = await ran([], { SOURCE_TYPE: "kafka", SINK_TYPE: "stdout,pigeon" });
  assert.equal(code, 1);
  const [source, sink, ...rest] = stderr.trimEnd().split("\n");
  assert.match(
    source!,
    /^SOURCE_TYPE \(--source-type\): found "kafka"; expected (\w+, )*\w+ or \w+, such as /,
  );
  assert.match(
    sink!,
    /^SINK_TYPE \(--sink-type\): found "stdout,pigeon"; expected one or more, separated by commas, of .*stdout/,
  );
  assert.deepEqual(rest, []);
});

/** Commands that go wrong with a password somewhere in them. */
const withPassword: readonly (readonly [args: readonly string[], env: Record<string, string>])[] = [
  [[], everythingWrong],
  [["check"], everythingWrong],
  [["--amqp-connection", url("http")], {}],
  [[`--amqp-connection=${url("http")}`], {}],
  [["--amqp-connection", "guest:hunter2@rabbit", "--amqp-queue", "q"], {}],
  [["--amqp-connection", "amqp://guest:hunter2@:x/"], {}],
  [["--amqp-connection", url("amqp")], {}],
  [["--amqp-connection", url("amqp"), "--amqp-queue"], {}],
  [["--amqp-connection", url("amqp"), "--nosuch"], {}],
  [["--sink-amqp-connection", url("http"), "--sink-type", "amqp"], {}],
  [["--amqp-connection", url("amqp"), "--amqp-queue", "q", "recording.ndjson"], { SOURCE_TYPE: "amqp" }],
  [["--help"], { AMQP_CONNECTION: url("amqp") }],
];

Deno.test("run() never prints a password", async () => {
  for (const [args, env] of withPassword) {
    const { stdout, stderr } = await ran(args, env);
    assert.doesNotMatch(stdout + stderr, /hunter2/, args.join(" "));
  }
});

Deno.test("run() never prints a password that stands where none belongs", async () => {
  for (
    const args of [
      [`--amqp-conection=${url("amqp")}`],
      [`--amqp-declare=${url("amqp")}`],
      [`--no-amqp-declare=${url("amqp")}`],
      ["check", `--sink-amqp-conection=${url("amqp")}`],
      [url("amqp")],
      ["check", url("amqp")],
      ["completions", url("amqp")],
      ["--restart-count", url("amqp"), "a.ndjson"],
      ["--restart-count", "guest:hunter2@rabbit", "a.ndjson"],
      ["--sink-type", url("amqp"), "a.ndjson"],
    ]
  ) {
    const { code, stdout, stderr } = await ran(args);
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout + stderr, /hunter2/, args.join(" "));
  }
});

Deno.test("run() prints the version", async () => {
  assert.deepEqual(await ran(["--version"]), {
    code: 0,
    stdout: `nomad-crashloop-detector ${config.version}\n`,
    stderr: "",
  });
});

Deno.test("run() prints help with the flag, the variable and the purpose of every setting", async () => {
  const { code, stdout, stderr } = await ran(["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const help = stdout.replaceAll(/\s+/g, " ");
  assert.match(help, /^Usage: nomad-crashloop-detector \[flags\] \[command\] \[files\.\.\.\] /);
  for (const { title, settings } of settingsGroups) {
    assert.ok(stdout.includes(`\n${title}:\n`), title);
    for (const setting of Object.values(settings)) {
      const { env, help: purpose, toggle, choices } = setting;
      assert.ok(help.includes(` ${flagOf(setting)}${toggle ? "" : " <value>"} ${purpose}`), env);
      assert.ok(help.includes(`(env ${env};`), env);
      const file = `or the path of a file that holds it: ${flagOf(fileOf(setting))}, env ${env}_FILE)`;
      assert.equal(help.split(file).length - 1, setting.secret ? 1 : 0, env);
      assert.ok(!help.includes(`${flagOf(fileOf(setting))} <path>`), env);
      for (const word of choices ?? []) assert.ok(help.includes(word), `${env} ${word}`);
    }
  }
  for (
    const command of [
      "check [files...]",
      "replay [options] [files...]",
      "record [options] [files...]",
      "completions <shell>",
    ]
  ) {
    assert.ok(help.includes(command), command);
  }
});

Deno.test("run() prints the same help for -h, help and --help, and that of a command", async () => {
  const expected = await ran(["--help"]);
  for (const args of [["-h"], ["help"], ["-h", "--restart-count", "0"]]) {
    assert.deepEqual(await ran(args), expected, args.join(" "));
  }
  for (const command of ["check", "replay", "record"]) {
    const { code, stdout, stderr } = await ran([command, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      new RegExp(`^Usage: nomad-crashloop-detector ${command} \\[options\\] \\[files\\.\\.\\.\\]\n`),
    );
    for (const args of [["help", command], [command, "-h"]]) assert.equal((await ran(args)).stdout, stdout);
  }
});

Deno.test("run() prints help of record with the flag and the variable of each of its settings", async () => {
  const help = (await ran(["record", "--help"])).stdout.replaceAll(/\s+/g, " ");
  for (const setting of Object.values(recordSettings)) {
    assert.ok(
      help.includes(` ${flagOf(setting)} <value> ${setting.help} (env ${setting.env}; `),
      setting.env,
    );
  }
});

Deno.test("run() takes a word that is no file for a mistyped command", async () => {
  const cases = [
    [["chek"], "error: no such file or command 'chek'\n(Did you mean check?)\n"],
    [["repaly", "a.ndjson"], "error: no such file or command 'repaly'\n(Did you mean replay?)\n"],
    [["recrod", "--to", "a"], "error: unknown option '--to'\n"],
    [["halp"], "error: no such file or command 'halp'\n(Did you mean help?)\n"],
    [["xyzxyzxyz"], "error: no such file or command 'xyzxyzxyz'\n"],
  ] as const;
  for (const [args, stderr] of cases) {
    assert.deepEqual(
      await ran(args, { SOURCE_TYPE: "nomad" }),
      { code: 2, stdout: "", stderr },
      args.join(" "),
    );
  }
  // A word that is a file is read.
  const folder = await Deno.makeTempDir();
  const before = Deno.cwd();
  try {
    Deno.chdir(folder);
    await Deno.writeTextFile("chek", "");
    assert.equal((await ran(["chek"])).code, 0);
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("run() says which file is missing, and reads none of the others", async () => {
  const there = await Deno.makeTempFile();
  try {
    for (const files of [["nosuch.ndjson"], [there, "nosuch.ndjson"], ["nosuch.ndjson", there]]) {
      const { code, stdout, stderr } = await ran(files);
      assert.deepEqual([code, stdout, withoutTimes(stderr)], [
        1,
        "",
        '<time> error cannot read "nosuch.ndjson": there is no such file; name files of updates, one a line\n',
      ]);
    }
  } finally {
    await Deno.remove(there);
  }
});

Deno.test("run() says at the start what is in force, and which settings the rule ignores", async () => {
  const memory = await ran(["/dev/null"]);
  assert.equal(
    withoutTimes(memory.stderr).split("\n")[0],
    "<time> info Rule restarts: 5 restarts in 5m; repeats every 5m. Source stdin, sink stdout, state memory",
  );
  const folder = await Deno.makeTempDir();
  try {
    const state = `sqlite:${folder}/state.db`;
    const flags = ["--rule", "failures", "--restart-interval", "3m", "--state", state];
    const { stderr } = await ran([...flags, "/dev/null"]);
    assert.deepEqual(withoutTimes(stderr).split("\n").slice(0, 3), [
      `<time> info State ${state.slice(7)}: restored 0 tracked keys and 0 pending alerts`,
      "<time> warning RESTART_INTERVAL is ignored by the rule failures",
      "<time> info Rule failures: 5 consecutive failed runs, none as long as 10m; repeats every 1h. " +
      `Source stdin, sink stdout, state ${state}`,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("run() says that a directory is no file", async () => {
  const { code, stderr } = await ran(["tests/.."]);
  assert.deepEqual([code, withoutTimes(stderr)], [
    1,
    '<time> error cannot read "tests/..": it is not a file; name files of updates, one a line\n',
  ]);
});

Deno.test("run() refuses files where another source is chosen", async () => {
  const env = { AMQP_CONNECTION: url("amqp"), AMQP_QUEUE: "q" };
  const expected = {
    code: 1,
    stdout: "",
    stderr:
      'SOURCE_TYPE (--source-type): found "amqp" and files to read; files are read by the source "stdin"\n',
  };
  assert.deepEqual(await ran(["a.ndjson"], { ...env, SOURCE_TYPE: "amqp" }), expected);
  assert.deepEqual(await ran(["a.ndjson", "--source-type", "amqp"], env), expected);
  assert.deepEqual(await ran(["check", "a.ndjson", "--source-type", "amqp"], env), expected);
});

Deno.test("run() reads files where AMQP_CONNECTION is set too, and no other source is chosen", async () => {
  const { code, stderr } = await ran(["nosuch.ndjson"], { AMQP_CONNECTION: url("amqp"), AMQP_QUEUE: "q" });
  assert.equal(code, 1);
  assert.match(stderr, /cannot read "nosuch\.ndjson"/);
});

const checked =
  "ok      source: reads standard input\nok      sink stdout: writes one alert a line to stdout\n";

Deno.test("run() tries source and sinks with check, wherever the flags stand", async () => {
  for (
    const args of [
      ["check", "--source-type", "stdin"],
      ["--source-type", "stdin", "check"],
      ["check", "--source-type=stdin"],
    ]
  ) assert.deepEqual(await ran(args), { code: 0, stdout: checked, stderr: "" });
  assert.deepEqual(await ran(["check", "nosuch.ndjson"]), {
    code: 1,
    stdout:
      'failed  source: cannot read "nosuch.ndjson": there is no such file; name files of updates, one a line\n' +
      "ok      sink stdout: writes one alert a line to stdout\n",
    stderr: "",
  });
});

Deno.test("run() takes the flag before the environment", async () => {
  const args = ["check", "--source-type", "stdin"];
  const wrong = {
    SOURCE_TYPE: "kafka",
    RESTART_COUNT: "0",
    LOG_LEVEL: "trace",
    SINK_TYPE: "kafka",
    AMQP_DECLARE: "maybe",
  };
  const flags = ["--restart-count", "3", "--log-level=error", "--sink-type", "stdout"];
  assert.deepEqual(await ran([...args, ...flags], wrong), { code: 0, stdout: checked, stderr: "" });
  assert.deepEqual(await ran([...args, "--restart-count", "0"], { RESTART_COUNT: "3" }), {
    code: 1,
    stdout: "",
    stderr:
      'RESTART_COUNT (--restart-count): found "0"; expected a whole number from 1 to 1000000, such as 3\n',
  });
  assert.deepEqual(await ran([...args, "--sink-type", ""], {}), {
    code: 1,
    stdout: "",
    stderr: 'SINK_TYPE (--sink-type): found ""; expected one or more, separated by commas, of ' +
      `${words(sinks).join(", ")}, such as stdout,amqp\n`,
  });
});

Deno.test("run() takes the level warn for warning", async () => {
  const args = ["check", "--source-type", "stdin"];
  const expected = { code: 0, stdout: checked, stderr: "" };
  assert.deepEqual(await ran(args, { LOG_LEVEL: "warn" }), expected);
  assert.deepEqual(await ran([...args, "--log-level", "WARN"], {}), expected);
});

Deno.test("run() takes a secret from a file, by flag or by variable, and the source that it is for", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `${url("http")}\n`);
    const wrong = {
      code: 1,
      stdout: "",
      stderr:
        `AMQP_CONNECTION_FILE (--amqp-connection-file): found a value in "${file}" that is not shown here, ` +
        "a URL of http:; expected a URL that begins with amqp:// or amqps://, " +
        "such as amqp://guest:guest@localhost:5672/\n" +
        "Missing AMQP_QUEUE (--amqp-queue): queue that holds nomad-firehose's allocation updates, " +
        "such as nomad.crash-loop-in\n",
    };
    assert.deepEqual(await ran(["--amqp-connection-file", file]), wrong);
    assert.deepEqual(await ran(["check", `--amqp-connection-file=${file}`]), wrong);
    assert.deepEqual(await ran([], { AMQP_CONNECTION_FILE: file }), wrong);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("run() takes the last of a flag that is given twice", async () => {
  const args = ["check", "--source-type", "stdin", "--restart-count", "0", "--restart-count", "3"];
  assert.equal((await ran(args)).code, 0);
});

/** One restart that somebody asked for. */
const requested =
  '{"Name":"a.b[0]","TaskEvent":{"Type":"Restarting","Time":1499867775401013209,"RestartReason":""}}';

const toggles: readonly (readonly [args: readonly string[], variable: string, counted: boolean])[] = [
  [[], "", true],
  [[], "true", false],
  [[], "false", true],
  [["--ignore-requested-restarts"], "", false],
  [["--ignore-requested-restarts"], "false", false],
  [["--ignore-requested-restarts"], "maybe", false],
  [["--no-ignore-requested-restarts"], "", true],
  [["--no-ignore-requested-restarts"], "true", true],
  [["--no-ignore-requested-restarts"], "maybe", true],
  [["--ignore-requested-restarts", "--no-ignore-requested-restarts"], "true", true],
  [["--no-ignore-requested-restarts", "--ignore-requested-restarts"], "false", false],
];

Deno.test("run() turns a toggle on with its flag and off with --no-, whatever the variable says", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ndjson" });
  try {
    await Deno.writeTextFile(file, `${requested}\n`);
    for (const [args, variable, counted] of toggles) {
      const { code, stdout } = await ran([file, "--restart-count", "1", ...args], {
        IGNORE_REQUESTED_RESTARTS: variable,
      });
      assert.equal(code, 0);
      assert.equal(
        stdout.startsWith(`{"LastEvent":${requested},"EventLog":["`),
        counted,
        `${args} ${variable}`,
      );
      assert.equal(stdout.split("\n").length, counted ? 2 : 1);
    }
  } finally {
    await Deno.remove(file);
  }
});

/** The output of the real program. */
async function spawned(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      fileURLToPath(new URL("../../src/main.ts", import.meta.url)),
      ...args,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`run() prints a script of completions for ${shell}`, async () => {
    const { code, stdout, stderr } = await spawned("completions", shell);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.startsWith("#"), stdout.slice(0, 200));
    assert.ok(/^(complete|compdef) .*nomad-crashloop-detector/m.test(stdout), stdout.slice(0, 200));
  });
}

Deno.test("run() prints completions that bash can read", async () => {
  const { stdout } = await spawned("completions", "bash");
  const script = await Deno.makeTempFile({ suffix: ".bash" });
  try {
    await Deno.writeTextFile(script, stdout);
    const { code, stderr } = await new Deno.Command("bash", { args: ["-n", script] }).output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  } finally {
    await Deno.remove(script);
  }
});

Deno.test("run() completes flags", async () => {
  const { code, stdout } = await spawned("complete", "--", "--restart");
  assert.equal(code, 0);
  assert.match(stdout, /^--restart-count\t/m);
  assert.match(stdout, /^--restart-interval\t/m);
});

Deno.test("run() completes commands and their own flags", async () => {
  const { stdout: commands } = await spawned("complete", "--", "re");
  for (const command of ["replay", "record"]) assert.match(commands, new RegExp(`^${command}\t`, "m"));
  const { stdout: flags } = await spawned("complete", "--", "record", "--rotate");
  assert.match(flags, /^--rotate-at\t/m);
  const { stdout: json } = await spawned("complete", "--", "replay", "--js");
  assert.match(json, /^--json\t/m);
  for (const command of ["check", "replay", "record"]) {
    assert.match((await spawned("complete", "--", command, "--restart-c")).stdout, /^--restart-count\t/m);
  }
});

Deno.test("run() refuses completions for an unknown shell", async () => {
  const { code, stdout, stderr } = await spawned("completions", "nosuch");
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^error: invalid shell\. .*zsh, bash, fish/);
});

/** What `run` prints where each write takes a moment and only a part. */
async function slowly(args: readonly string[], broken = false): Promise<{ code: number; stdout: string }> {
  let stdout = "";
  const code = await run({
    args,
    env: {},
    sinks: await loadSinks(args, undefined),
    stop: new AbortController().signal,
    files: [],
    stdin: new Blob([]).stream(),
    stdout: {
      async write(bytes) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (broken) throw new Deno.errors.BrokenPipe();
        stdout += new TextDecoder().decode(bytes.subarray(0, 4096));
        return Math.min(bytes.length, 4096);
      },
    },
    stdoutIsTerminal: false,
    stderr: { write: (line) => assert.fail(line) },
  });
  return { code, stdout };
}

Deno.test("run() has printed everything when it ends", async () => {
  for (const args of [["--help"], ["--version"], ["check", "--source-type", "stdin"]]) {
    const { code, stdout } = await ran(args);
    assert.ok(stdout.length > 0);
    assert.deepEqual(await slowly(args), { code, stdout });
  }
});

Deno.test("run() ends quietly when the reader of its output goes away", async () => {
  for (const args of [["--help"], ["--version"], ["check", "--source-type", "stdin"]]) {
    assert.deepEqual(await slowly(args, true), { code: 0, stdout: "" });
  }
});

Deno.test("run() repeats no argument that can be the value of a forgotten flag", async () => {
  const secret = "https://hooks.slack.com/services/T00/B00/SECRET";
  assert.deepEqual(await ran(["test-alert", secret]), {
    code: 2,
    stdout: "",
    stderr: "error: too many arguments for 'test-alert'. Expected 0 arguments but got 1\n",
  });
  assert.deepEqual(await ran(["completions", "xoxb-SECRET"]), {
    code: 2,
    stdout: "",
    stderr: "error: invalid shell. Allowed choices are zsh, bash, fish, powershell.\n",
  });
  for (
    const [url, shown] of [[secret, "https://hooks.slack.com…"], ["amqp://u:SECRET@h/x", "amqp://…"]] as const
  ) {
    const { code, stderr } = await ran(["--source-type", "stdin", url]);
    assert.equal(code, 1);
    assert.equal(
      withoutTimes(stderr),
      `<time> error cannot read "${shown}": it is a URL; name files of updates, or the flag that it belongs to\n`,
    );
  }
});

Deno.test("run() takes a mistyped command with a hyphen for one", async () => {
  assert.deepEqual(await ran(["test-allert"]), {
    code: 2,
    stdout: "",
    stderr: "error: no such file or command 'test-allert'\n(Did you mean test-alert?)\n",
  });
});
