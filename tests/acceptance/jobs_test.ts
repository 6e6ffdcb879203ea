// The program straight from Nomad, with what became of jobs: a recording with the topics Job and Evaluation is played
// as if it happened now, and the server is frozen in the middle of it. Every stop and purge ends its loops, what Nomad
// gave up is notified so, and nothing is notified as over that is not.
import assert from "node:assert/strict";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { Program } from "../helpers/program.ts";
import { waitFor } from "../helpers/wait_for.ts";

const recorded = Recording.load("all-topics.ndjson.br");
/** The line at which the server freezes: most loops go on, and nothing was stopped but the jobs `waiting…`. */
const frozenAt = recorded.lines.findIndex(({ index }) => index >= 2300);
const stableAfter = 30_000;

/** The jobs that somebody stopped or purged, and those that were collected when they were dead. */
const ended = new Set([
  ..."loop-fail-nodeploy loop-norestart loop-delay loop-fail exit0 killed setup siblings".split(" "),
  "param-fail/dispatch-1795602870-19e75aee",
  "param-fail/dispatch-1795602870-cddd52f4",
]);
/** What Nomad had given up at that line. */
const givenUp = [
  "param-fail/dispatch-1795602870-19e75aee run",
  "param-fail/dispatch-1795602870-cddd52f4 run",
  "system-fail agent",
  "system-fail agent",
];
/** A loop of this name goes on in another namespace. */
const otherNamespace = "team-b";

interface Alert {
  readonly Loop: string;
  readonly Status: "looping" | "resolved" | "gave-up";
  readonly Reason: string;
  readonly NextAttempt?: string;
  readonly Key: { readonly Namespace: string; readonly JobID: string; readonly Task: string };
}

const alertsOf = ({ lines }: Program): Alert[] => lines.map((line) => JSON.parse(line));
const taskOf = ({ Key: { JobID, Task } }: Alert) => `${JobID} ${Task}`;

/** The loops that were notified and of which no end was, of jobs that were stopped or purged. */
function left(program: Program): string[] {
  const going = new Map<string, Alert>();
  for (const alert of alertsOf(program)) {
    if (alert.Status === "looping") going.set(alert.Loop, alert);
    else going.delete(alert.Loop);
  }
  return [...going.values()]
    .filter(({ Key }) => ended.has(Key.JobID) && Key.Namespace !== otherNamespace).map(taskOf);
}

/** The recording, shifted so that the line at which it freezes is of now. */
function playedNow(): Recording {
  const timeOf = ({ lines }: Recording, line: number) =>
    Math.max(...lines[line]!.allocations.map(({ ModifyTime }) => Number(JSON.stringify(ModifyTime)) / 1e6));
  const first = recorded.begunAt(new Date());
  let line = frozenAt;
  while (first.lines[line]!.allocations.length === 0) line--;
  return recorded.begunAt(new Date(2 * Date.now() - timeOf(first, line)));
}

/** Tasks of which a run lasted as long as a stable one, `job task`, by the task events of the whole recording. */
function stableTasks(): Set<string> {
  const stable = new Set<string>();
  for (const { JobID, TaskStates } of recorded.lines.flatMap(({ allocations }) => allocations)) {
    // deno-lint-ignore no-explicit-any -- Nomad's
    for (const [task, { Events }] of Object.entries<any>(TaskStates ?? {})) {
      let since = Infinity;
      for (const { Type, Time } of Events ?? []) {
        const at = Number(JSON.stringify(Time)) / 1e6;
        if (at - since >= stableAfter) stable.add(`${JobID} ${task}`);
        since = Type === "Started" ? at : Infinity;
      }
    }
  }
  return stable;
}

const stable = stableTasks();

/** Whether the loop was over, by what was recorded. */
function isTrue({ Reason, Key: { JobID, Task } }: Alert): boolean {
  return /^it ran for /.test(Reason) ? stable.has(`${JobID} ${Task}`) : ended.has(JobID);
}

/** Plays the recording up to its middle, does what is to be done there, and plays the rest. */
async function play(middle: (server: NomadServer, program: Program) => Promise<void>): Promise<void> {
  await using server = await NomadServer.start({ recording: playedNow(), heartbeat: 1000, lines: 0 });
  await using program = new Program({
    env: { NOMAD_ADDR: server.address, RESTART_COUNT: "2", STABLE_AFTER: "30s" },
  });
  await program.logged("source nomad: following");
  server.allow(frozenAt);
  const gaveUp = () => alertsOf(program).filter(({ Status }) => Status === "gave-up").map(taskOf).sort();
  await waitFor("what was given up", () => gaveUp().length >= givenUp.length, { timeoutMs: 30_000 });
  assert.deepEqual(gaveUp(), givenUp);
  assert.deepEqual(left(program).filter((task) => /^waiting/.test(task)), []);
  await middle(server, program);
  server.allow(Infinity);
  await waitFor(
    "the ends of what was stopped",
    () => server.sent === recorded.lines.length && left(program).length === 0,
    { timeoutMs: 30_000 },
  )
    .catch((error) => {
      throw new Error(`${error.message}: ${left(program)}`);
    });
  const over = alertsOf(program).filter(({ Status }) => Status === "resolved");
  assert.deepEqual(
    over.filter((alert) => !isTrue(alert)).map((alert) => `${taskOf(alert)}: ${alert.Reason}`),
    [],
  );
  assert.ok(over.some(({ Reason }) => /^it was stopped, /.test(Reason)));
  // Those that wait to be placed again say until when.
  const waits = alertsOf(program).filter(({ NextAttempt }) => NextAttempt !== undefined);
  assert.ok(waits.length > 0);
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 0);
}

Deno.test("every stop and purge of a recorded cluster ends its loops, and what Nomad gave up is notified so", async () => {
  await play(() => Promise.resolve());
});

Deno.test("a server that is frozen for longer than STABLE_AFTER: nothing resolves meanwhile, nor wrongly after it", async () => {
  await play(async (server, program) => {
    const before = alertsOf(program).length;
    server.freeze();
    const thawAt = performance.now() + stableAfter + 8_000;
    await waitFor("the freeze to be over", () => performance.now() > thawAt, { timeoutMs: 60_000 });
    const meanwhile = alertsOf(program).slice(before).filter(({ Status }) => Status === "resolved");
    server.thaw();
    assert.deepEqual(meanwhile.map((alert) => `${taskOf(alert)}: ${alert.Reason}`), []);
  });
});
