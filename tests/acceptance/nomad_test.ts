// The program straight from Nomad: a server plays the recording of a real cluster as if it happened now, and the
// loops in it are notified, each once, through faults and after a kill.
import assert from "node:assert/strict";
import { Authority } from "../helpers/certificates.ts";
import { NomadServer, Recording, type ServerOptions } from "../helpers/nomad.ts";
import { Program, run } from "../helpers/program.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
import { waitFor } from "../helpers/wait_for.ts";

const recorded = Recording.load("event-stream.ndjson.gz");
const node = "ca601765-3a7d-9af1-54b2-ee5a37ccffd8";

/** Every task that loops: `namespace job.group[index]/task`, with the node where the job is a system job. */
const loops = [
  "default batch-once.work[0]/run",
  "default exit0.web[0]/app",
  "default killed.kill9[0]/kill9",
  "default killed.mocksig[0]/mocksig",
  "default killed.segv[0]/segv",
  "default loop-delay.web[0]/app",
  "default loop-fail-nodeploy.web[0]/app",
  "default loop-norestart.web[0]/app",
  "default periodic-fail.work[0]/run",
  "default siblings.pair[0]/crasher",
  "default siblings.pair[1]/crasher",
  "default siblings.pair[2]/crasher",
  `default system-loop.sys[0]/agent@${node}`,
  "team-b loop-delay.web[0]/app",
];
/** Those that somebody stopped before the recording ends. */
const stopped = [
  "default exit0.web[0]/app",
  "default loop-delay.web[0]/app",
  "default loop-fail-nodeploy.web[0]/app",
];

/** The server, its recording begun now. */
function startServer(options: Partial<ServerOptions> = {}): Promise<NomadServer> {
  return NomadServer.start({ recording: recorded.begunAt(new Date()), heartbeat: 1000, ...options });
}

function envOf(server: NomadServer, more: Record<string, string> = {}): Record<string, string> {
  return { NOMAD_ADDR: server.address, RESTART_COUNT: "3", ...more };
}

/** The alerts on stdout, as `id name`, those with this status. */
function notified(stdout: string, status: "looping" | "resolved"): { id: string; name: string }[] {
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line)).filter(({ Status }) =>
    Status === status
  )
    .map(({ Id, Key: { Namespace, JobID, TaskGroup, Index, Task, NodeID } }) => ({
      id: Id,
      name: `${Namespace} ${JobID}.${TaskGroup}[${Index}]/${Task}${NodeID ? `@${NodeID}` : ""}`,
    }));
}

const names = (alerts: readonly { name: string }[]) => alerts.map(({ name }) => name).sort();

/** Runs the program until it notified all loops and their ends; yields its output. */
async function follow(server: NomadServer): Promise<string> {
  const count = loops.length + stopped.length;
  await using program = new Program({ env: envOf(server) });
  await program.logged("source nomad: following");
  server.allow(Infinity);
  await waitFor(`${count} alerts`, () => program.lines.length >= count, { timeoutMs: 60_000 });
  program.signal("SIGTERM");
  const { code, stderr, stdout } = await program.ended;
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test("NOMAD_ADDR alone: the loops of a real cluster are notified, each once, and nothing healthy or wanted", async () => {
  await using server = await startServer({ lines: 0 });
  const stdout = await follow(server);
  assert.deepEqual(names(notified(stdout, "looping")), loops);
  assert.deepEqual(names(notified(stdout, "resolved")), stopped);
});

Deno.test("the same where the stream is cut, drops events, is silent and refused on the way", async () => {
  await using server = await startServer({
    lines: 0,
    troubles: {
      40: "cut",
      120: { lost: 30 },
      200: "event dropped from buffer",
      300: { refused: [{ status: 500, text: "No cluster leader" }, { status: 200, text: "" }] },
      420: "garbage",
      500: { listRefused: [{ status: 403, text: "Permission denied" }] },
    },
  });
  const stdout = await follow(server);
  assert.deepEqual(names(notified(stdout, "looping")), loops);
  assert.deepEqual(names(notified(stdout, "resolved")), stopped);
});

Deno.test("killed with SIGKILL in the middle, again and again, with a state file: the same, nothing twice", async () => {
  using folder = stateFolderOnDisk();
  await using server = await startServer({ lines: 0 });
  const env = envOf(server, { STATE: `sqlite:${folder.file}` });
  let stdout = "";
  for (const lines of [60, 150, 290, 430, 600]) {
    await using program = new Program({ env });
    await program.logged("source nomad: following");
    server.allow(lines);
    // It is killed somewhere in what it makes of these lines.
    await new Promise((resolve) => setTimeout(resolve, 150 + lines));
    program.signal("SIGKILL");
    stdout += (await program.ended).stdout;
  }
  server.allow(Infinity);
  await using program = new Program({ env });
  const all =
    () => [...notified(stdout + program.stdout, "looping"), ...notified(stdout + program.stdout, "resolved")];
  const ids = () => new Set(all().map(({ id }) => id));
  await waitFor("all alerts", () => ids().size >= loops.length + stopped.length, { timeoutMs: 60_000 });
  program.signal("SIGTERM");
  stdout += (await program.ended).stdout;
  for (const [status, expected] of [["looping", loops], ["resolved", stopped]] as const) {
    const alerts = notified(stdout, status);
    const once = alerts.filter(({ id }, index) => alerts.findIndex((other) => other.id === id) === index);
    assert.deepEqual(names(once), expected, status);
  }
});

Deno.test("a refused token: one clear line, exit 1, and check says it too", async () => {
  await using server = await startServer({ token: "right" });
  const env = envOf(server, { NOMAD_TOKEN: "wr0ng" });
  const { code, stdout, stderr } = await run({ env });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /error source nomad: http:\/\/127\.0\.0\.1:\d+ refused the token: ACL token not found; set NOMAD_TOKEN \(--nomad-token\)/,
  );
  const checked = await run({ env, args: ["check"] });
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^failed +source: http:\/\/127\.0\.0\.1:\d+ refused the token: /m);
  for (const text of [stderr, checked.stdout, checked.stderr]) assert.ok(!text.includes("wr0ng"));
  const right = await run({ env: { ...env, NOMAD_TOKEN: "right" }, args: ["check"] });
  assert.equal(right.code, 0, right.stdout);
});

Deno.test("with the program's own permissions: TLS with a client certificate, skipped verification, a Unix socket", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const authority = await Authority.create(directory, "Nomad CA");
    const own = await authority.sign({ name: "server", hosts: ["DNS:server.global.nomad"] });
    const client = await authority.sign({ name: "client", hosts: ["DNS:client.global.nomad"] });
    const [cert, key, ca] = [own.cert, own.key, authority.cert].map((path) => Deno.readTextFileSync(path));
    const recording = new Recording([]);
    await using secure = await NomadServer.start({
      recording,
      list: "[]",
      tls: { cert: cert!, key: key!, ca: ca! },
    });
    await using socket = await NomadServer.start({ recording, list: "[]", socket: `${directory}/api.sock` });
    const shown = { NOMAD_CLIENT_CERT: client.cert, NOMAD_CLIENT_KEY: client.key };
    const named = { NOMAD_CACERT: authority.cert, NOMAD_TLS_SERVER_NAME: "server.global.nomad" };
    const environments: Record<string, string>[] = [
      { NOMAD_ADDR: secure.address, ...shown, ...named },
      { NOMAD_ADDR: secure.address, ...shown, NOMAD_SKIP_VERIFY: "true" },
      { NOMAD_ADDR: socket.address },
      { NOMAD_SECRETS_DIR: directory },
    ];
    for (const env of environments) {
      const { code, stdout } = await run({ args: ["check"], env });
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^ok +source: \S+: connected, 0 allocations in 0 namespaces\n/);
    }
    const stranger = await run({ args: ["check"], env: { NOMAD_ADDR: secure.address, ...shown } });
    assert.equal(stranger.code, 1);
    assert.match(stranger.stdout, /^failed +source: the certificate of https:\S+ is not signed by /);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
