// The command `replay` over recordings of a real cluster, as a person starts it: it reports the alerts that detection sends.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { run } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/ran.ts";
import { onTerminal } from "../helpers/terminal.ts";

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname;

/** The keys that detection and replay notify, each with its number of alerts. */
async function both(args: string[], env: Record<string, string>) {
  const detected = await run({ args: ["--log-level", "warning", ...args], env });
  const replayed = await run({ args: ["replay", "--json", ...args], env });
  assert.deepEqual([detected.code, detected.stderr, replayed.code, replayed.stderr], [0, "", 0, ""]);
  const notified = new Map<string, number>();
  for (const line of detected.stdout.trimEnd().split("\n")) {
    const { LastEvent, Key } = JSON.parse(line);
    const name = env.RULE === "failures"
      ? `${Key.JobID}.${Key.TaskGroup}[${Key.Index}]/${Key.Task}`
      : LastEvent.Name;
    notified.set(name, (notified.get(name) ?? 0) + 1);
  }
  const { notified: rows, notifications } = JSON.parse(replayed.stdout);
  return {
    detected: [...notified].sort(),
    replayed: rows.map((row: { name: string; notifications: number }) => [row.name, row.notifications])
      .sort(),
    notifications,
  };
}

const settings: readonly Record<string, string>[] = [
  {},
  { RESTART_COUNT: "2", RESTART_INTERVAL: "20s", NOTIFICATION_INTERVAL: "15s" },
  { RESTART_COUNT: "3", IGNORE_REQUESTED_RESTARTS: "true", PAYLOAD: "full", NOTIFY_RESOLVED: "true" },
  { RULE: "failures", RESTART_COUNT: "3", NOTIFICATION_INTERVAL: "30s", STABLE_AFTER: "20s" },
];

for (const file of ["firehose.ndjson.gz", "firehose-all-namespaces.ndjson.gz"]) {
  for (const env of settings) {
    Deno.test(`replay of ${file} says what the source stdin detects: ${JSON.stringify(env)}`, async () => {
      const { detected, replayed, notifications } = await both([fixture(file)], env);
      assert.ok(detected.length >= 11);
      assert.deepEqual(replayed, detected);
      assert.equal(notifications, detected.reduce((sum, [, count]) => sum + count, 0));
    });
  }
}

/** The loops that the source `nomad` finds in the recording; the event stream does not say that a job is a system job. */
const loops: readonly (readonly [name: string, resolved: boolean])[] = [
  ["default/batch-once.work[0]/run", false],
  ["default/exit0.web[0]/app", true],
  ["default/killed.kill9[0]/kill9", false],
  ["default/killed.mocksig[0]/mocksig", false],
  ["default/killed.segv[0]/segv", false],
  ["default/loop-delay.web[0]/app", true],
  ["default/loop-fail-nodeploy.web[0]/app", true],
  ["default/loop-norestart.web[0]/app", false],
  ["default/periodic-fail.work[0]/run", false],
  ["default/siblings.pair[0]/crasher", false],
  ["default/siblings.pair[1]/crasher", false],
  ["default/siblings.pair[2]/crasher", false],
  ["default/system-loop.sys[0]/agent", false],
  ["team-b/loop-delay.web[0]/app", false],
];

Deno.test("replay of Nomad's event stream reports the loops that the source nomad finds, each once and when it resolves", async () => {
  const args = ["replay", "--json", "--restart-count", "3", fixture("event-stream.ndjson.gz")];
  const { code, stdout, stderr } = await run({ args });
  assert.deepEqual([code, stderr], [0, ""]);
  const { notified, notifications } = JSON.parse(stdout);
  const found = notified.map((
    { name, resolved, notifications }: Record<string, unknown>,
  ) => [name, resolved, notifications]);
  assert.deepEqual(found.sort(), loops.map(([name, resolved]) => [name, resolved, resolved ? 2 : 1]));
  assert.equal(notifications, 17);
});

Deno.test("replay draws a bar on a terminal, and none where it is dumb, short or a pipe; nothing of it stays", async () => {
  using folder = temporaryFolder();
  const long = `${folder.path}/long.ndjson`;
  const recording = gunzipSync(Deno.readFileSync(fixture("firehose.ndjson.gz")));
  Deno.writeFileSync(long, Buffer.concat(Array(6).fill(recording)));
  const erase = "\x1b[K";
  const deno = `'${Deno.execPath()}' task --quiet start replay`;
  const table = (shown: string) => shown.slice(shown.indexOf("allocation  "));
  const plain = await onTerminal(`${deno} '${long}' 2>&1 | cat`);
  assert.match(plain.shown, /^allocation {2}.*\nbatch-once\.work\[0\] /);
  const drawn = await onTerminal(`env TERM=xterm ${deno} '${long}'`);
  const [before, ...after] = drawn.shown.split("allocation  ");
  assert.equal(after.length, 1);
  assert.ok(before!.endsWith(erase + "\r" + erase), before);
  for (const bar of before!.split(erase)) {
    assert.match(bar, /^(?:\r[█░]{24} {2}\d+ % {2}[\d.]+ MB of 10\.7 MB(?: {2}[\d.]+ [MG]B\/s)?|\r)?$/);
  }
  assert.equal(table(drawn.shown), plain.shown);
  assert.equal(table((await onTerminal(`env TERM=xterm NO_COLOR=1 ${deno} '${long}'`)).shown), plain.shown);
  assert.equal((await onTerminal(`env TERM=dumb ${deno} '${long}'`)).shown, plain.shown);
  assert.equal((await onTerminal(`env TERM=xterm ${deno} < '${long}'`)).shown, plain.shown);
  const short = await onTerminal(`env TERM=xterm ${deno} '${fixture("firehose.ndjson.gz")}'`);
  assert.ok(!short.shown.includes(erase), short.shown);
});

Deno.test("replay ends quietly where the reader of its output goes away", async () => {
  const command = `set -o pipefail; deno() { '${Deno.execPath()}' task --quiet start "$@"; }; ` +
    `deno replay '${fixture("firehose.ndjson.gz")}' | head -1`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", command],
    cwd: new URL("../..", import.meta.url),
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  assert.match(new TextDecoder().decode(stdout), /^allocation {2}[^\n]*\n$/);
});
