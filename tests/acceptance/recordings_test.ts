// The program over what is known to the last digit: the original README's example, and recordings of a real cluster
// of which it is known what the original's rule counts.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { run } from "../helpers/program.ts";

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname;

/** The update of the original's README, as the nomad-firehose of 2017 sent it. */
const example = (time: string) =>
  `{"Name":"job.task[0]","AllocationID":"1ef2eba2-00e4-3828-96d4-8e58b1447aaf","DesiredStatus":"run",` +
  `"DesiredDescription":"","ClientStatus":"running","ClientDescription":"","JobID":"logrotate",` +
  `"GroupName":"cron","TaskName":"logrotate","EvalID":"bf926150-ed30-6c13-c597-34d7a3165fdc",` +
  `"TaskState":"running","TaskFailed":false,"TaskStartedAt":"2017-06-30T19:58:28.325895579Z",` +
  `"TaskFinishedAt":"0001-01-01T00:00:00Z","TaskEvent":{"Type":"Restarting","Time":${time},"FailsTask":false,` +
  `"RestartReason":"Restart within policy","SetupError":"","DriverError":"","DriverMessage":"","ExitCode":0,` +
  `"Signal":0,"Message":"","KillReason":"","KillTimeout":0,"KillError":"","StartDelay":15000000000,` +
  `"DownloadError":"","ValidationError":"","DiskLimit":0,"DiskSize":0,"FailedSibling":"","VaultError":"",` +
  `"TaskSignalReason":"","TaskSignal":""}}`;

Deno.test("the original README's example on stdin gives exactly one line, to the last digit", async () => {
  const second = example("1499867806677608921");
  const { code, stdout, stderr } = await run({
    env: { SOURCE_TYPE: "stdin", RESTART_COUNT: "2", TZ: "Europe/Copenhagen" },
    stdin: `${example("1499867775401013209")}\n${second}\n`,
  });
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    `{"LastEvent":${second},"EventLog":` +
      `["2017-07-12T15:56:15.401013209+02:00","2017-07-12T15:56:46.677608921+02:00"]}\n`,
  );
});

/** How often each name restarts in a recording: as the original counts, and of that intended. */
interface Counted {
  readonly maxIn5Minutes: number;
  readonly requested: number;
}

/** The section of original-rule-counts.txt about a recording. */
function countsOf(section: string): Map<string, Counted> {
  const text = Deno.readTextFileSync(fixture("original-rule-counts.txt"));
  const [, lines] = new RegExp(`^## ${section}\\.ndjson\\n((?:(?!##).*\\n?)*)`, "m").exec(text)!;
  const rows = lines!.trim().split("\n").map((line) => {
    const [, most, name, reasons] = /^ *(\d+) max\/5m .* NotRestarting +\d+ +(\S+) \{(.*)\}$/.exec(line)!;
    const requested = /'\(empty\)': (\d+)/.exec(reasons!)?.[1];
    return [name!, { maxIn5Minutes: Number(most), requested: Number(requested ?? 0) }] as const;
  });
  return new Map(rows);
}

/** The alert about each name at its n-th restart, in order: recordings are no longer than the window. */
function alertsOf(recording: string, count: number): string[] {
  const seen = new Map<string, string[]>();
  const alerts: string[] = [];
  for (const line of new TextDecoder().decode(gunzipSync(Deno.readFileSync(recording))).split("\n")) {
    if (!line.includes('"Type":"Restarting"')) continue;
    const { Name } = JSON.parse(line);
    const times = seen.get(Name) ?? [];
    seen.set(Name, times);
    times.push(/"Time":(\d+)/.exec(line)![1]!);
    if (times.length !== count) continue;
    alerts.push(`{"LastEvent":${line},"EventLog":[${times.map((time) => `"${utc(time)}"`).join(",")}]}`);
  }
  return alerts;
}

/** RFC 3339 of nanoseconds, without trailing zeros. */
function utc(time: string): string {
  const seconds = new Date(Number(time.slice(0, -9)) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${time.slice(-9)}`.replace(/\.?0*$/, "") + "Z";
}

const namesIn = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).LastEvent.Name as string);

const recordings = [
  { file: "firehose.ndjson.gz", section: "firehose" },
  { file: "firehose-all-namespaces.ndjson.gz", section: "firehose-allns" },
] as const;

for (const { file, section } of recordings) {
  const counts = countsOf(section);
  const looping = (count: number, of: (counted: Counted) => number) =>
    [...counts].filter(([, counted]) => of(counted) >= count).map(([name]) => name).toSorted();

  Deno.test(`${file}: exactly the names that restart 5 times in 5 minutes are notified, each once, byte for byte`, async () => {
    const { code, stdout, stderr } = await run({
      args: [fixture(file), "--restart-count", "5", "--restart-interval", "5m"],
    });
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n");
    const expected = looping(5, ({ maxIn5Minutes }) => maxIn5Minutes);
    assert.ok(expected.length >= 11);
    assert.deepEqual(namesIn(lines).toSorted(), expected);
    assert.deepEqual(lines, alertsOf(fixture(file), 5));
  });

  Deno.test(`${file}: restarts that were asked for are notified, and not with IGNORE_REQUESTED_RESTARTS`, async () => {
    const notified = async (ignore: string) => {
      const env = { IGNORE_REQUESTED_RESTARTS: ignore, RESTART_COUNT: "3" };
      const { code, stdout, stderr } = await run({ args: [fixture(file)], env });
      assert.equal(code, 0, stderr);
      return namesIn(stdout.trimEnd().split("\n")).toSorted();
    };
    const wanted = (name: string) => name.startsWith("wanted-restarts.");
    const all = await notified("false");
    assert.deepEqual(all, looping(3, ({ maxIn5Minutes }) => maxIn5Minutes));
    assert.equal(all.filter(wanted).length, 2);
    const without = await notified("true");
    assert.deepEqual(without, looping(3, ({ maxIn5Minutes, requested }) => maxIn5Minutes - requested));
    assert.deepEqual(without.filter(wanted), []);
  });

  Deno.test(`${file}: the same alerts come however often and however it is read`, async () => {
    const expected = alertsOf(fixture(file), 5).map((line) => `${line}\n`).join("");
    const text = new TextDecoder().decode(gunzipSync(Deno.readFileSync(fixture(file))));
    const twice = `${text}${text}`;
    for (const stdin of [text, text.replaceAll("\n", "\r\n"), twice]) {
      const { stdout } = await run({ env: { SOURCE_TYPE: "stdin" }, stdin });
      assert.equal(stdout, expected);
    }
  });
}
