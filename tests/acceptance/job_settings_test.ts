// What jobs ask for in their meta, with the real program: what is muted stays silent over a start, a kill and a replay.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { wholeJob } from "../helpers/nomad_jobs.ts";
import { Program, run } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/ran.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
import { waitFor } from "../helpers/wait_for.ts";

const recorded = Recording.load("event-stream.ndjson.gz");
const name = "default/loop-delay.web[0]/app";

/** The job that loops, in a version. */
function loopDelay(meta: Readonly<Record<string, string>>, index: number): unknown {
  const groups = [{ Name: "web", Tasks: [{ Name: "app" }] }];
  return wholeJob({ ID: "loop-delay", Meta: meta, Version: index, JobModifyIndex: index, groups });
}

/** A cluster whose tasks fail, and of which so many lines have come. */
function startServer(meta: Readonly<Record<string, string>>, lines: number): Promise<NomadServer> {
  // Its times are past, as those of a cluster are.
  const recording = recorded.begunAt(new Date(Date.now() - 250_000));
  const definitions = { "default/loop-delay": loopDelay(meta, 10) };
  return NomadServer.start({ recording, lines, definitions, heartbeat: 1000 });
}

const alertsOf = ({ lines }: Program) => lines.map((line) => JSON.parse(line));
const isOurs = ({ Key }: { Key: Record<string, string> }) =>
  Key.Namespace === "default" && Key.JobID === "loop-delay";

Deno.test("a muted job does not notify because the detector starts, nor after kill -9; a new version lifts it", async () => {
  await using folder = await stateFolderOnDisk();
  await using server = await startServer({ crashloop_enabled: "false", crashloop_owner: "web" }, 450);
  const env = { NOMAD_ADDR: server.address, RESTART_COUNT: "3", STATE: `sqlite:${folder.path}/state.db` };
  {
    await using program = new Program({ env });
    // What happened before the start is given half a minute to arrive.
    await program.logged(`${name}: crash loop`, 60_000);
    await program.logged("muted as crashloop_enabled says");
    await waitFor("the alerts of others", () => program.lines.length > 5, { timeoutMs: 30_000 });
    assert.deepEqual(alertsOf(program).filter(isOurs), []);
    program.signal("SIGKILL");
    await program.ended;
  }
  server.definitions.set("default/loop-delay", loopDelay({ crashloop_owner: "new" }, 11));
  await using program = new Program({ env });
  await program.logged("restored");
  await program.logged("source nomad: following");
  // Its failures go on; later it is stopped.
  server.allow(670);
  await waitFor("its alert", () => alertsOf(program).some(isOurs), { timeoutMs: 90_000 });
  const [{ Owner, Muted, Status, Id, Loop }] = alertsOf(program).filter(isOurs);
  assert.deepEqual([Owner, Muted, Status, Id === Loop], ["new", undefined, "looping", true]);
});

Deno.test("what jobs ask for is recorded, and a replay mutes what was muted", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/updates.ndjson.gz`;
  await using server = await startServer({ crashloop_enabled: "false" }, 0);
  await using recorder = new Program({ args: ["record", "--to", path], env: { NOMAD_ADDR: server.address } });
  await recorder.logged("allocations found");
  server.allow(Infinity);
  const written = () => gunzipSync(Deno.readFileSync(path), { finishFlush: 2 }).toString();
  const events = recorded.events().size;
  await waitFor("every event on disk", () => written().split("\n").length > events + 1, {
    timeoutMs: 60_000,
  });
  recorder.signal("SIGTERM");
  assert.equal((await recorder.ended).code, 0);
  const text = gunzipSync(Deno.readFileSync(path)).toString();
  const silent = text.split("\n").filter((line) => line.includes("Job Settings"));
  assert.equal(silent.length, 1);
  const notified = async (file: string, rule: string) => {
    const args = ["replay", "--json", "--rule", rule, "--restart-count", "3", file];
    const { stdout, stderr } = await run({ args });
    assert.match(stdout, /^\{/, stderr);
    return JSON.parse(stdout).notified.map(({ name }: { name: string }) => name) as string[];
  };
  const without = `${folder.path}/without.ndjson`;
  await Deno.writeTextFile(
    without,
    text.split("\n").filter((line) => !line.includes("Job Settings")).join("\n"),
  );
  for (const [rule, key] of [["failures", name], ["restarts", "default/loop-delay.web[0]"]] as const) {
    const [muted, loud] = [await notified(path, rule), await notified(without, rule)];
    assert.deepEqual(loud.filter((one) => !muted.includes(one)), [key], rule);
  }
});
