// What the source `nomad` finds out of the meta of jobs: whom it asks, when, and how often.
import assert from "node:assert/strict";
import { nomadSettings } from "../../../../src/clients/nomad/settings.ts";
import { Fault } from "../../../../src/lib/errors.ts";
import { readSettings } from "../../../../src/lib/settings/setting.ts";
import { Background } from "../../../../src/sources/nomad/jobs/background.ts";
import { type JobDefinition, jobDefinitionOf } from "../../../../src/sources/nomad/jobs/job_definition.ts";
import { SettingsWatch } from "../../../../src/sources/nomad/jobs/settings_watch.ts";
import { openNomad } from "../../../../src/sources/nomad/source.ts";
import type { NewEvent } from "../../../../src/sources/nomad/tracking/new_event.ts";
import { testLog } from "../../../helpers/log.ts";
import { NomadServer, Recording, type ServerOptions } from "../../../helpers/nomad.ts";
import { type TestJob, wholeJob } from "../../../helpers/nomad_jobs.ts";
import { fastTimeouts } from "../../../helpers/nomad_timeouts.ts";
import { waitFor } from "../../../helpers/wait_for.ts";

const recording = Recording.load("event-stream.ndjson.gz");
const timeouts = { ...fastTimeouts, settle: 0, deadJob: 100_000, audit: 100_000 };

/** `loop-delay` of the recording with a meta. */
function loopDelay(meta: Readonly<Record<string, string>>, job: Partial<TestJob> = {}): unknown {
  return wholeJob({
    ID: "loop-delay",
    groups: [{ Name: "web", Tasks: [{ Name: "app", Meta: meta }] }],
    ...job,
  });
}

interface Followed {
  readonly bodies: string[];
  readonly lines: string[];
  readonly requests: string[];
}

/** Follows a server until `done`, and what came then. */
async function follow(
  options: Partial<ServerOptions> & { readonly restartsOnly?: boolean },
  done: (found: Followed, server: NomadServer) => boolean,
  act: (server: NomadServer) => unknown = () => {},
): Promise<Followed> {
  const { restartsOnly = false, ...rest } = options;
  await using server = await NomadServer.start({ recording, ...rest });
  const { log, lines } = testLog();
  const env = { NOMAD_ADDR: server.address };
  const settings = readSettings(nomadSettings, { flags: {}, env, problems: [] })!;
  const source = openNomad(
    settings,
    { log, files: [], restartsOnly, stdin: new Blob([]).stream(), failing: () => [] },
    timeouts,
  );
  const stop = new AbortController();
  const found: Followed = { bodies: [], lines, requests: server.requests };
  const following = (async () => {
    for await (const batch of source.batches(stop.signal)) {
      found.bodies.push(...batch.bodies.map((body) => new TextDecoder().decode(body as Uint8Array)));
      batch.acknowledge();
    }
  })();
  try {
    await waitFor("the list", () => lines.some((line) => line.includes("allocations found")), {
      timeoutMs: 20_000,
    });
    await act(server);
    await waitFor("what is expected", () => done(found, server), { timeoutMs: 20_000 });
  } finally {
    stop.abort();
    await following;
  }
  return { ...found, lines: lines.map((line) => line.replace(server.address, "http://server")) };
}

/** How often each job was asked for. */
function asked(requests: readonly string[]): Map<string, number> {
  const jobs = requests.flatMap((request) => /^GET \/v1\/job\/([^?]+)\?namespace=(.*)/.exec(request) ?? []);
  const counts = new Map<string, number>();
  for (let at = 0; at < jobs.length; at += 3) {
    const job = `${jobs[at + 2]}/${decodeURIComponent(jobs[at + 1]!)}`;
    counts.set(job, (counts.get(job) ?? 0) + 1);
  }
  return counts;
}

const isSettings = (body: string) => body.includes('"Type":"Job Settings"');
const saysAll = ({ bodies }: Followed) => bodies.length > 500;

Deno.test("the source nomad asks each failing job once for what it asks for, and passes on no other keys of its meta", async () => {
  const meta = { crashloop_owner: "web", password: "secret" };
  const lines = recording.lines.length;
  const { bodies, requests } = await follow(
    { lines, definitions: { "default/loop-delay": loopDelay(meta) } },
    saysAll,
  );
  const jobs = asked(requests);
  // Once for its type, which the stream lacks, and once for what it asks for.
  assert.equal(jobs.get("default/loop-delay"), 2);
  assert.equal(jobs.get("default/healthy"), 1);
  assert.deepEqual([...jobs].filter(([, count]) => count > 2), []);
  const ofJob = bodies.filter((body) => {
    const { JobID, Namespace } = JSON.parse(body);
    return JobID === "loop-delay" && Namespace === "default";
  });
  const { Settings, TaskEvent } = JSON.parse(ofJob.find(isSettings)!);
  assert.deepEqual(Settings, {
    Version: 0,
    Tasks: [{ Group: "web", Task: "app", Meta: { crashloop_owner: "web" } }],
  });
  assert.equal(TaskEvent.Type, "Job Settings");
  assert.equal(bodies.some((body) => body.includes("secret")), false);
  assert.equal(bodies.filter(isSettings).length, 1);
});

Deno.test("at a start, what failing jobs ask for comes first, also with the rule restarts", async () => {
  for (const restartsOnly of [false, true]) {
    const definitions = { "default/loop-delay": loopDelay({ crashloop_enabled: "false" }) };
    const server = { lines: 0, restartsOnly, definitions, list: recording.listAfter(recording.lines.length) };
    const { bodies, requests } = await follow(server, ({ bodies }) => bodies.some(isSettings));
    const first = bodies.findIndex((body) => JSON.parse(body).JobID === "loop-delay");
    assert.ok(isSettings(bodies[first]!), `${restartsOnly}: ${bodies[first]}`);
    assert.equal(asked(requests).get("default/healthy"), undefined);
    const topics = restartsOnly ? ["Allocation", "Job", "Node"] : ["Allocation", "Job", "Evaluation", "Node"];
    assert.deepEqual(
      new URL(requests[0]!.split(" ")[1]!, "http://nomad").searchParams.getAll("topic"),
      topics,
    );
  }
});

Deno.test("what a job asks for comes before the first failure of it that the stream shows", async () => {
  for (const restartsOnly of [false, true]) {
    const definitions = { "default/loop-delay": loopDelay({ crashloop_enabled: "false" }) };
    const server = { lines: 0, restartsOnly, definitions, list: "[]" };
    const { bodies } = await follow(
      server,
      ({ bodies }) => bodies.some(isSettings) && saysAll({ bodies, lines: [], requests: [] }),
      (server) => server.allow(Infinity),
    );
    const types = bodies.map((body) => JSON.parse(body)).filter(({ JobID }) => JobID === "loop-delay")
      .map(({ TaskEvent: { Type } }) => Type);
    const first = types.findIndex((type) => type === "Terminated" || type === "Restarting");
    assert.ok(first > 0 && types.indexOf("Job Settings") < first, `${restartsOnly}: ${types}`);
  }
});

Deno.test("the source nomad takes a new version from the topic Job without asking for it, and an older one not", async () => {
  const last = recording.lines.at(-1)!.index;
  const line = (at: number, index: number, owner: string | undefined) => {
    const meta: Readonly<Record<string, string>> = owner === undefined ? {} : { crashloop_owner: owner };
    const Job = loopDelay(meta, { Version: index, JobModifyIndex: index });
    return JSON.stringify({
      Index: last + at,
      Events: [{ Topic: "Job", Type: "JobRegistered", Payload: { Job } }],
    });
  };
  const texts = [line(1, 60, "new"), line(2, 55, "old"), line(3, 70, undefined)];
  const extended = new Recording([...recording.lines, ...Recording.of(texts).lines]);
  // The topic Job makes the helper take its jobs for all that there are.
  Object.defineProperty(extended.jobs, "known", { value: false });
  const definitions = {
    "default/loop-delay": loopDelay({ crashloop_owner: "first" }, { JobModifyIndex: 50 }),
  };
  const { bodies, requests } = await follow(
    { recording: extended, lines: recording.lines.length, definitions },
    ({ bodies }) => bodies.filter(isSettings).length === 3,
    async (server) => {
      await waitFor("the list", () => server.sent >= recording.lines.length, { timeoutMs: 20_000 });
      server.allow(Infinity);
    },
  );
  const said = bodies.filter(isSettings).map((body) => JSON.parse(body).Settings);
  assert.deepEqual(said.map(({ Version, Tasks }) => [Version, Tasks[0]?.Meta.crashloop_owner]), [
    [0, "first"],
    [60, "new"],
    [70, undefined],
  ]);
  // Once for its type, and once when it failed.
  assert.equal(asked(requests).get("default/loop-delay"), 2);
});

Deno.test("a wrong value is warned of once, with job, version, key, what was found and expected", async () => {
  const meta = { crashloop_restart_count: "many", crashloop_ownr: "web" };
  const tasks = [{ Name: "app", Meta: meta }, { Name: "side", Meta: meta }];
  const job = loopDelay({}, { Version: 7, groups: [{ Name: "web", Tasks: tasks }] });
  const { lines } = await follow({ definitions: { "default/loop-delay": job } }, saysAll);
  assert.deepEqual(lines.filter((line) => line.startsWith("warning")), [
    "warning source nomad: job default/loop-delay, version 7: meta crashloop_restart_count: found " +
    '"many"; expected a whole number from 1 to 10000, such as 3; the detector\'s own setting holds',
    "warning source nomad: job default/loop-delay, version 7: meta crashloop_ownr: found no such key; expected one " +
    "of crashloop_enabled, crashloop_restart_count, crashloop_stable_after, crashloop_notification_interval, " +
    "crashloop_mute_until, crashloop_sinks, crashloop_owner, crashloop_runbook, crashloop_severity; the " +
    "detector's own setting holds",
  ]);
});

Deno.test("a token that may not read jobs is warned of once, and everything else goes on", async () => {
  const jobRefused = { status: 403, text: "Permission denied" };
  const { lines, bodies } = await follow({ jobRefused }, saysAll);
  assert.deepEqual(lines.filter((line) => line.startsWith("warning")), [
    "warning source nomad: cannot read a job, so what jobs ask for in their meta is not known: http://server " +
    "refused the token: Permission denied; set NOMAD_TOKEN (--nomad-token) to one that has read-job in every " +
    "namespace of NOMAD_NAMESPACE (--nomad-namespace)",
  ]);
  assert.equal(bodies.some(isSettings), false);
});

/** A watch whose Nomad answers when and what the test says. */
class Watched implements AsyncDisposable {
  readonly watch: SettingsWatch;
  readonly lines: string[];
  readonly asked: string[] = [];
  readonly background = new Background();
  /** Requests that are not answered. */
  open = 0;
  most = 0;
  answer: (job: string) => Promise<JobDefinition | undefined> = () => Promise.resolve(undefined);
  readonly #session: AsyncDisposable;

  constructor(limit?: number) {
    const { log, lines } = testLog();
    this.lines = lines;
    const define = async (namespace: string, job: string) => {
      this.asked.push(`${namespace}/${job}`);
      this.most = Math.max(this.most, ++this.open);
      try {
        return await this.answer(job);
      } finally {
        this.open--;
      }
    };
    this.watch = new SettingsWatch({
      client: { define },
      log,
      retryAfter: 0,
      ...(limit === undefined ? {} : { limit }),
    });
    this.#session = this.watch.begin(this.background);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
    await this.background[Symbol.asyncDispose]();
  }
}

const defined = (job: string, meta: Readonly<Record<string, string>> = { crashloop_owner: job }, index = 5) =>
  jobDefinitionOf(
    wholeJob({ ID: job, JobModifyIndex: index, groups: [{ Name: "g", Tasks: [{ Name: "t", Meta: meta }] }] }),
  )!;
/** The jobs of updates, with `-` before those that ask for nothing any more. */
const jobsOf = (events: readonly NewEvent[]) =>
  events.map(({ text }) => {
    const { JobID, Settings } = JSON.parse(text);
    return `${Settings.Tasks.length === 0 ? "-" : ""}${JobID}`;
  });

Deno.test("a storm of failing jobs is asked for four at a time, each once, and the first failure counts for the time", async () => {
  await using watched = new Watched();
  watched.answer = async (job) => {
    await new Promise((resolve) => setTimeout(resolve));
    return defined(job);
  };
  for (let round = 0; round < 3; round++) {
    for (let job = 0; job < 1_000; job++) watched.watch.noteFailure("default", `j${job}`, 1e18 - round * 1e9);
  }
  const events: NewEvent[] = [];
  watched.watch.endListing();
  await waitFor("all of them", async () => {
    events.push(...await watched.background.next());
    return events.length >= 1_000;
  }, { timeoutMs: 30_000, everyMs: 0 });
  assert.deepEqual([watched.asked.length, new Set(watched.asked).size, watched.most], [1_000, 1_000, 4]);
  const times = events.map(({ time }) => time);
  assert.equal(Math.max(...times) < 1e18, true);
  assert.equal(times.filter((time) => time < 1e18 - 2e9).length > 900, true);
});

Deno.test("settled() waits for the answers, and no longer than is held back for one that does not come", async () => {
  await using watched = new Watched();
  const never = Promise.withResolvers<undefined>();
  watched.answer = (job) => job === "slow" ? never.promise : Promise.resolve(defined(job));
  watched.watch.noteFailure("default", "a", 1e18);
  watched.watch.noteFailure("default", "b", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["a", "b"]);
  watched.watch.noteFailure("default", "slow", 1e18);
  watched.watch.noteFailure("default", "c", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["c"]);
  never.resolve(undefined);
});

Deno.test("after the list, only the first failure of a job is held back, and none while an answer does not come", async () => {
  await using watched = new Watched();
  const late = Promise.withResolvers<JobDefinition | undefined>();
  watched.answer = (job) => job === "slow" ? late.promise : Promise.resolve(defined(job));
  watched.watch.restore("default/known", "4");
  watched.watch.endListing();
  watched.watch.noteFailure("default", "known", 1e18);
  assert.equal(watched.watch.holds, false);
  assert.deepEqual(jobsOf(await watched.background.next()), ["known"]);
  watched.watch.noteFailure("default", "a", 1e18);
  watched.watch.noteFailure("default", "slow", 1e18);
  assert.equal(watched.watch.holds, true);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["a"]);
  assert.equal(watched.watch.holds, false);
  watched.watch.noteFailure("default", "b", 1e18);
  assert.equal(watched.watch.holds, false);
  assert.deepEqual(jobsOf(await watched.background.next()), ["b"]);
  late.resolve(defined("slow"));
  assert.deepEqual(jobsOf(await watched.background.next()), ["slow"]);
  watched.watch.noteFailure("default", "c", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["c"]);
});

Deno.test("a job that Nomad does not answer for is asked for again when it fails again", async () => {
  await using watched = new Watched();
  watched.answer = () => Promise.reject(new Fault("Nomad answered 500"));
  watched.watch.noteFailure("default", "a", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), []);
  watched.answer = (job) => Promise.resolve(defined(job));
  watched.watch.noteFailure("default", "a", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["a"]);
  assert.deepEqual(watched.lines, [
    "warning source nomad: cannot read a job, so what jobs ask for in their meta is not known: Nomad answered 500",
  ]);
});

Deno.test("after a start, a job whose settings are known is asked for when it fails, and passed on only if they changed", async () => {
  await using watched = new Watched();
  watched.watch.restore("default/a", "5");
  watched.watch.restore("default/b", "5");
  watched.watch.restore("default/c", "5");
  watched.answer = (job) => Promise.resolve(defined(job, job === "b" ? {} : undefined, job === "a" ? 5 : 6));
  for (const job of ["a", "b", "c"]) watched.watch.noteFailure("default", job, 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["-b", "c"]);
  assert.deepEqual([...watched.watch.takeChanges()], [["default/b", undefined], ["default/c", "6"]]);
  for (const job of ["a", "b", "c"]) watched.watch.noteFailure("default", job, 1e18);
  assert.deepEqual(watched.asked, ["default/a", "default/b", "default/c"]);
});

Deno.test("a job of another version in the list of all jobs is asked for again", async () => {
  await using watched = new Watched();
  watched.answer = (job) => Promise.resolve(defined(job));
  for (const job of ["a", "b"]) watched.watch.noteFailure("default", job, 1e18);
  await watched.watch.settled();
  watched.answer = (job) => Promise.resolve(defined(job, {}, 9));
  const state = { status: "running", stopped: false, type: "service", createIndex: 1, modifyIndex: 9 };
  watched.watch.compare({ get: (_, job) => ({ ...state, jobModifyIndex: job === "a" ? 9 : 5 }) });
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["-a"]);
  assert.deepEqual(watched.asked, ["default/a", "default/b", "default/a"]);
});

Deno.test("after a restore of the cluster, lower indexes are new", async () => {
  await using watched = new Watched();
  watched.watch.restore("default/a", "500");
  watched.watch.reset();
  watched.answer = (job) => Promise.resolve(defined(job));
  watched.watch.noteFailure("default", "a", 1e18);
  assert.deepEqual(jobsOf(await watched.watch.settled()), ["a"]);
});

Deno.test("the settings of jobs are bounded: those read longest ago are given up", async () => {
  await using watched = new Watched(2);
  watched.answer = (job) => Promise.resolve(defined(job));
  const events: string[] = [];
  for (const job of ["a", "b", "c", "b", "d"]) {
    watched.watch.noteFailure("default", job, 1e18);
    events.push(...jobsOf(await watched.watch.settled()));
  }
  assert.deepEqual(events, ["a", "b", "-a", "c", "-b", "d"]);
});

Deno.test("the children of a periodic job ask as their parent, dispatched ones for themselves", async () => {
  await using watched = new Watched();
  watched.answer = (job) => Promise.resolve(defined(job));
  for (const job of ["p/periodic-1", "p/periodic-2", "d/dispatch-1"]) {
    watched.watch.noteFailure("n", job, 1e18);
  }
  await watched.watch.settled();
  assert.deepEqual(watched.asked, ["n/p", "n/d/dispatch-1"]);
});
