// The source `nomad` against a server that replays a recorded cluster and fails on the way: nothing is lost.
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { NomadClient } from "../../../src/clients/nomad/client.ts";
import type { NomadSettings } from "../../../src/clients/nomad/settings.ts";
import { nomadSettings } from "../../../src/clients/nomad/settings.ts";
import { Fault } from "../../../src/lib/errors.ts";
import { SqliteStore } from "../../../src/state/sqlite/store.ts";
import { readSettings } from "../../../src/lib/settings/setting.ts";
import type { Batch, Source } from "../../../src/sources/source.ts";
import { JobTypes } from "../../../src/sources/nomad/jobs/job_types.ts";
import { openNomad } from "../../../src/sources/nomad/source.ts";
import type { Timeouts } from "../../../src/sources/nomad/timeouts.ts";
import { testLog } from "../../helpers/log.ts";
import {
  NomadServer,
  Recording,
  type ServerOptions,
  type Trouble,
  unpacked,
  type WrongAnswer,
} from "../../helpers/nomad.ts";
import { fastTimeouts } from "../../helpers/nomad_timeouts.ts";
import { waitFor } from "../../helpers/wait_for.ts";

const recording = Recording.load("event-stream.ndjson.gz");
/** An update, with the exact text of its time. */
interface Update {
  // deno-lint-ignore no-explicit-any
  readonly [field: string]: any;
  /** `allocation task Type Time` */
  readonly event: string;
  readonly text: string;
}

function read(body: Uint8Array): Update {
  const text = new TextDecoder().decode(body);
  const update = JSON.parse(text);
  const [, time] = /"TaskEvent":{"Type":"[^"]*","Time":(-?[0-9]+)/.exec(text)!;
  return {
    ...update,
    text,
    event: `${update.AllocationID} ${update.TaskName} ${update.TaskEvent.Type} ${time}`,
  };
}

/** A source that follows, and what it has found so far. */
class RunningSource implements AsyncDisposable {
  readonly updates: Update[] = [];
  readonly lines: string[];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #source: Source;

  constructor(
    server: { readonly address: string },
    { env = {}, checkpoint, timeouts = {}, take = (batch) => batch.acknowledge() }: {
      env?: Readonly<Record<string, string>>;
      checkpoint?: ReadonlyMap<string, string>;
      timeouts?: Partial<Timeouts>;
      take?: (batch: Batch) => void;
    } = {},
  ) {
    const { log, lines } = testLog();
    this.lines = lines;
    const settings = settingsOf({ NOMAD_ADDR: server.address, ...env });
    const context = { log, files: [], restartsOnly: false, stdin: new Blob([]).stream() };
    this.#source = openNomad(settings, context, { ...fastTimeouts, ...timeouts });
    this.ended = this.#follow(take, checkpoint);
    this.ended.catch(() => {});
  }

  async #follow(
    take: (batch: Batch) => void,
    checkpoint: ReadonlyMap<string, string> | undefined,
  ): Promise<void> {
    for await (const batch of this.#source.batches(this.#stop.signal, checkpoint)) {
      this.updates.push(...batch.bodies.map((body) => read(body as Uint8Array)));
      take(batch);
    }
  }

  get events(): Set<string> {
    return new Set(this.updates.map(({ event }) => event));
  }

  /** The outages and their ends. */
  get outages(): string[] {
    return this.lines.filter((line) => /retrying|still failing|recovered|went back/.test(line))
      .map((line) => line.replace(/ after \S+$/, "").replace(/127\.0\.0\.1:\d+/g, "server"))
      .map((line) => line.replace(/^(?:info|debug) (?=.*still failing)/, ""));
  }

  /** Resolves when the log contains the text. */
  async logged(text: string): Promise<void> {
    await waitFor(`${text} in the log`, () => this.lines.some((line) => line.includes(text)));
  }

  /** Resolves when the updates of all these events are there; says which are missing where they do not come. */
  async found(events: ReadonlySet<string>): Promise<void> {
    try {
      await waitFor("all events", () => events.isSubsetOf(this.events), { timeoutMs: 20_000, everyMs: 50 });
    } catch (error) {
      const missing = [...events.difference(this.events)];
      throw new Error(
        `${(error as Error).message}; ${missing.length} missing: ${missing.slice(0, 3)}; ${this.lines}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended.catch(() => {});
    await this.#source[Symbol.asyncDispose]();
  }
}

function settingsOf(env: Record<string, string>): NomadSettings {
  const input = { flags: {}, env, problems: [] };
  const settings = readSettings(nomadSettings, input);
  assert.deepEqual(input.problems, []);
  return settings!;
}

const begins = (reason: string) => `warning source nomad: ${reason}; retrying`;
const ends = "info source nomad: recovered";

const at = (trouble: Trouble) => ({ troubles: { 300: trouble } });
const html = { "Content-Type": "text/html" };
const advice = "set NOMAD_TOKEN (--nomad-token) to one that has read-job in every namespace of " +
  "NOMAD_NAMESPACE (--nomad-namespace)";
const broke = begins("http://server: connection lost");
const still = (reason: string) => `source nomad: still failing: ${reason}`;

/** What happens at line 300, and what the source says about it. */
const faults: readonly (readonly [
  name: string,
  options: Partial<ServerOptions>,
  outages: readonly string[],
  timeouts?: Partial<Timeouts>,
])[] = [
  ["nothing is wrong", {}, []],
  ["the stream comes slowly, in pieces", { piece: 9_999 }, []],
  ["the connection is cut in a line", at("cut"), [broke, ends]],
  ["the answer ends in a line", at("half line"), [
    begins("http://server sent a line that breaks off"),
    ends,
  ]],
  ["the answer ends", at("end"), [begins("http://server ended the event stream"), ends]],
  ["garbage comes", at("garbage"), [
    begins("http://server sent a line that is no event: <<<garbage>>>"),
    ends,
  ]],
  ["a slow reader is cut", at("event dropped from buffer"), [
    begins("http://server ended the event stream: it was read more slowly than events came"),
    ends,
  ]],
  ["the subscription is closed", at("subscription closed by server, client should resubscribe"), [
    begins("http://server ended the event stream: the token or its policies changed"),
    ends,
  ]],
  ["nothing comes any more", at("stall"), [begins("http://server: silent for 1.5 s"), ends], { idle: 1_500 }],
  ["the index has left the buffer", at({ lost: 12 }), [broke, ends]],
  [
    "the server continues with lower indexes, soon higher than before",
    at({ recording: recording.lowered(2) }),
    [
      broke,
      ends,
    ],
  ],
  ["the stream is empty", at({ refused: [{ status: 200, text: "" }] }), [
    broke,
    still(`http://server refused the token: the event stream is empty; ${advice}`),
    ends,
  ]],
  ["the token is refused", at({ refused: [{ status: 403, text: "Permission denied" }] }), [
    broke,
    still(`http://server refused the token: Permission denied; ${advice}`),
    ends,
  ]],
  ["the token is refused with 500", at({ refused: [{ status: 500, text: "ACL token not found" }] }), [
    broke,
    still(`http://server refused the token: ACL token not found; ${advice}`),
    ends,
  ]],
  ["there is no leader", at({ refused: [{ status: 500, text: "No cluster leader" }] }), [
    broke,
    still("http://server answered 500: No cluster leader"),
    ends,
  ]],
  ["a proxy has no server", at({ refused: [{ status: 502, headers: html, text: "<html>Bad Gateway" }] }), [
    broke,
    still("http://server answered 502: an HTML page"),
    ends,
  ]],
  ["a proxy shows a page", at({ refused: [{ status: 200, headers: html, text: "<html>Log in" }] }), [
    broke,
    still(
      "http://server answered 200 with an HTML page, as a proxy does; set NOMAD_ADDR (--nomad-addr) to Nomad itself",
    ),
    ends,
  ]],
  [
    "it is sent elsewhere",
    at({
      refused: [{
        status: 307,
        headers: { Location: "https://user:secret@nomad.example/ui/?token=x" },
        text: "",
      }],
    }),
    [
      broke,
      still(
        "http://server answered 307, go to https://nomad.example/ui/; " +
          "set NOMAD_ADDR (--nomad-addr) to that address",
      ),
      ends,
    ],
  ],
  ["the address is not Nomad's", at({ refused: [{ status: 404, text: "404 page not found" }] }), [
    broke,
    still(
      "http://server answered 404 (404 page not found), so it is not Nomad, or older than Nomad 1.0; " +
        "set NOMAD_ADDR (--nomad-addr) to another server",
    ),
    ends,
  ]],
  [
    "there are too many connections",
    at({ refused: [{ status: 429, text: "Your IP is issuing too many requests" }] }),
    [
      broke,
      still("http://server answered 429: Your IP is issuing too many requests"),
      ends,
    ],
  ],
  ["the list is refused", at({ listRefused: [{ status: 403, text: "ACL token not found" }] }), [
    broke,
    still(`http://server refused the token: ACL token not found; ${advice}`),
    ends,
  ]],
  ["the list breaks off", at({ listRefused: [{ status: 200, text: '[{"ID":"x"},{"ID' }] }), [
    broke,
    ends,
    begins("http://server sent a list of allocations that breaks off"),
    ends,
  ]],
  ["the list is none", at({ listRefused: [{ status: 200, text: '{"error":"no"}' }] }), [
    broke,
    ends,
    begins('http://server sent no list of allocations but {"error":"no"}'),
    ends,
  ]],
];

for (const [name, options, outages, timeouts] of faults) {
  Deno.test(`the source nomad finds every task event once where ${name}`, async () => {
    await using server = await NomadServer.start({ recording, lines: 300, ...options });
    await using following = new RunningSource(server, { timeouts });
    await following.logged("allocations found");
    await following.found(recording.events(300));
    server.allow(Infinity);
    await following.found(recording.events());
    assert.deepEqual(following.events, recording.events());
    const again = following.updates.length - following.events.size;
    const ended = following.updates.filter(({ DesiredStatus }) => DesiredStatus !== "run").length;
    assert.ok(again <= ended, `${again} updates repeat an event, and only ${ended} say that one is to end`);
    await waitFor("the last word", () => following.outages.length >= outages.length);
    assert.deepEqual(following.outages, outages);
  });
}

Deno.test("the source nomad continues when the server starts over with low indexes, and takes all that it has", async () => {
  const lowered = recording.lowered(200);
  const fresh: Trouble = { recording: lowered, allowed: 310 };
  await using server = await NomadServer.start({ recording, lines: 300, troubles: { 300: fresh } });
  await using following = new RunningSource(server);
  await following.found(recording.events(300));
  server.allow(301);
  await following.logged("went back");
  server.allow(Infinity);
  await following.found(recording.events());
  assert.deepEqual(following.events, recording.events());
  const { index } = recording.lines[299]!;
  const shown = Number(/went back from \d+ to (\d+)/.exec(following.outages.join())![1]);
  assert.ok(shown < index, String(shown));
  assert.deepEqual(following.outages, [
    broke,
    ends,
    `warning source nomad: the index of http://server went back from ${index} to ${shown}: ` +
    "it was set up again or restored",
  ]);
  const streams = server.requests.filter((request) => request.includes("stream"));
  assert.deepEqual(streams.map((request) => request.split("&index=")[1]), [
    undefined,
    String(index),
    undefined,
  ]);
});

Deno.test("the source nomad reads all of a fresh server's stream when the checkpoint is ahead of its index", async () => {
  const { index } = recording.lines[299]!;
  const checkpoint = new Map([["nomad/position", `${index} 1 ${index}`]]);
  const fresh = recording.lowered(200);
  // So few that the list still shows every event of each task: it can be read before the stream.
  await using server = await NomadServer.start({ recording: fresh, lines: 20 });
  await using following = new RunningSource(server, { checkpoint });
  await following.logged("went back");
  // What happens before the second list, only the list shows: the last events of each task.
  const isStream = (request: string) => request.includes("stream");
  const lists = () => server.requests.filter((request) => /allocations/.test(request) && !isStream(request));
  await waitFor("the second list", () => lists().length === 2);
  server.allow(Infinity);
  await following.found(fresh.events());
  assert.deepEqual(following.events, fresh.events());
  const [warning = "", ...others] = following.outages;
  const [, before, now] =
    /^warning source nomad: the index of \S+ went back from (\d+) to (\d+): it was set up again /
      .exec(warning) ?? [];
  assert.deepEqual([before, others], [String(index), []]);
  assert.ok(Number(now) <= fresh.lines[19]!.index, now);
  const streams = server.requests.filter(isStream);
  assert.deepEqual(streams.map((request) => request.split("&index=")[1]), [before, undefined]);
});

Deno.test("the source nomad counts restarts without an event when they come faster than events", async () => {
  const fastRestarts = Recording.load("fast-restarts.ndjson.gz");
  await using server = await NomadServer.start({ recording: fastRestarts });
  await using following = new RunningSource(server);
  await following.found(fastRestarts.events());
  const restarts = following.updates.filter(({ TaskEvent }) => TaskEvent.Type === "Restarting");
  const missed = restarts.map(({ MissedRestarts = 0 }) => MissedRestarts);
  assert.equal(restarts.length, 18);
  assert.equal(restarts.length + missed.reduce((sum, count) => sum + count), 401);
  assert.deepEqual(
    restarts.map(({ Restarts }) => Restarts),
    [29, 30, 31, 124, 125, 126, 223, 224, 225, 226, 349, 350, 351, 352, 398, 399, 400, 401],
  );
});

Deno.test("the source nomad takes what the list shows at the first start, by time, and no restarts without event", async () => {
  const list = unpacked("allocations-310s.json.gz");
  const everything: Trouble = { lost: recording.lines.length };
  await using server = await NomadServer.start({ recording, list, troubles: { 0: everything } });
  await using following = new RunningSource(server);
  await following.logged("124 allocations found");
  const shown = new Set<string>();
  for (const { ID, TaskStates } of JSON.parse(list.replace(/"Time":([0-9]+)/g, '"Time":"$1"'))) {
    for (const [task, { Events }] of Object.entries<Notified>(TaskStates ?? {})) {
      for (const { Type, Time } of Events) shown.add(`${ID} ${task} ${Type} ${Time}`);
    }
  }
  await following.found(shown);
  assert.deepEqual(following.events, shown);
  assert.equal(following.updates.length, shown.size);
  assert.ok(following.updates.every(({ MissedRestarts }) => MissedRestarts === undefined));
  const times = following.updates.map(({ TaskEvent }) => TaskEvent.Time);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

interface Notified {
  readonly Events: readonly { readonly Type: string; readonly Time: string }[];
}

Deno.test("the source nomad repeats the last event of an allocation that is to stop", async () => {
  await using server = await NomadServer.start({ recording });
  await using following = new RunningSource(server);
  await following.found(recording.events());
  const allocations = recording.lines.flatMap(({ allocations }) => allocations);
  const stopped = allocations.filter(({ DesiredStatus, TaskStates }) =>
    DesiredStatus === "stop" && TaskStates
  );
  assert.equal(stopped.length, 274);
  for (const { ID } of stopped) {
    const updates = following.updates.filter(({ AllocationID }) => AllocationID === ID);
    assert.ok(updates.some(({ DesiredStatus }) => DesiredStatus === "stop"), ID);
  }
});

Deno.test("the source nomad writes updates as nomad-firehose does, and Nomad's other fields behind them", async () => {
  await using server = await NomadServer.start({ recording });
  await using following = new RunningSource(server);
  await following.found(recording.events());
  const written = new Map(following.updates.map((update) => [update.event, update]));
  let compared = 0;
  for (const text of unpacked("firehose-all-namespaces.ndjson.gz").trimEnd().split("\n")) {
    const theirs = read(new TextEncoder().encode(text));
    const ours = written.get(theirs.event);
    if (ours === undefined) continue;
    compared++;
    assert.ok(ours.text.includes(text.slice(text.indexOf('"TaskEvent":'), -1)), ours.text);
    const fields = Object.keys(JSON.parse(text));
    assert.deepEqual(Object.keys(JSON.parse(ours.text)).slice(0, fields.length), fields);
    for (const same of ["Name", "NodeID", "JobID", "GroupName", "TaskName"]) {
      assert.equal(ours[same], theirs[same]);
    }
  }
  assert.ok(compared > 1800, String(compared));
  const { text } = following.updates.find(({ PreviousAllocation }) => PreviousAllocation)!;
  const behind = Object.keys(JSON.parse(text)).slice(Object.keys(JSON.parse(text)).indexOf("TaskEvent") + 1);
  assert.deepEqual(behind, [
    "Namespace",
    "NodeName",
    "JobType",
    "Restarts",
    "PreviousAllocation",
    "CreateIndex",
  ]);
});

Deno.test("the source nomad knows the type of every job, and asks only for those that no list has shown", async () => {
  await using server = await NomadServer.start({ recording, lines: 300 });
  await using following = new RunningSource(server);
  await following.logged("allocations found");
  await following.found(recording.events(300));
  const asked = () => server.requests.filter((request) => request.includes("/v1/job/"));
  const before = asked().length;
  server.allow(Infinity);
  await following.found(recording.events());
  // Once for its type; its children, which fail, once each for what they ask for.
  assert.deepEqual(asked().slice(before).map((request) => request.replace(/dispatch-.*/, "dispatch")), [
    "GET /v1/job/param-fail?namespace=default",
    "GET /v1/job/param-fail%2Fdispatch",
    "GET /v1/job/param-fail%2Fdispatch",
  ]);
  const types = new Set(following.updates.map(({ JobID, JobType }) => `${JobID.split("/")[0]} ${JobType}`));
  assert.deepEqual([...types].sort(), [
    "batch-once batch",
    "exit0 service",
    "healthy service",
    "killed service",
    "loop-delay service",
    "loop-fail service",
    "loop-fail-nodeploy service",
    "loop-norestart service",
    "param-fail batch",
    "periodic-fail batch",
    "siblings service",
    "system-loop system",
    "wanted-restarts service",
  ]);
});

Deno.test("the source nomad reads no further than is acknowledged", async () => {
  const batches: Batch[] = [];
  const open = () => batches.reduce((sum, { bodies }) => sum + Math.max(1, bodies.length), 0);
  await using server = await NomadServer.start({ recording, lines: 100, piece: 20_000 });
  await using following = new RunningSource(server, { take: (batch) => batches.push(batch) });
  await following.found(recording.events(100));
  server.allow(Infinity);
  await waitFor("a thousand open updates", () => open() >= 1000);
  batches.shift()!.acknowledge();
  await waitFor("a thousand again", () => open() >= 1000);
  assert.ok(open() - batches.at(-1)!.bodies.length < 1000, String(open()));
  assert.ok(following.events.size < recording.events().size);
  await waitFor("all events", () => {
    for (const batch of batches.splice(0)) batch.acknowledge();
    return following.events.size === recording.events().size;
  });
});

Deno.test("the source nomad renews its connection periodically, at its index", async () => {
  await using server = await NomadServer.start({ recording, lines: 300 });
  await using following = new RunningSource(server, { timeouts: { renewal: 100 } });
  const streams = () => server.requests.filter((request) => request.includes("/v1/event/stream"));
  await waitFor("three connections", () => streams().length >= 3);
  const { index } = recording.lines[299]!;
  assert.equal(
    streams()[2],
    `GET /v1/event/stream?topic=Allocation&topic=Job&topic=Evaluation&namespace=*&index=${index}`,
  );
  server.allow(Infinity);
  await following.found(recording.events());
  assert.deepEqual(following.outages, []);
  await waitFor("one stream", () => server.streams === 1);
});

Deno.test("the source nomad warns when allocations change without events, as with Nomad before 1.1.6", async () => {
  await using server = await NomadServer.start({ recording, lines: 0 });
  await using following = new RunningSource(server, { timeouts: { renewal: 100 } });
  await following.logged("0 allocations found");
  server.pass(10);
  await following.found(recording.events(10));
  server.pass(20);
  await following.found(recording.events(20));
  const warnings = following.lines.filter((line) => line.startsWith("warning"));
  const warning =
    `warning source nomad: ${server.address} sent no events, though allocations changed: Nomad before ` +
    "1.1.6 sends those of one namespace only; set NOMAD_NAMESPACE (--nomad-namespace)";
  assert.deepEqual(warnings, [warning, warning]);
});

Deno.test("the source nomad warns of an unusable allocation once in a session", async () => {
  const list = '[{"ID":"a"},{"ID":"b"}]';
  await using server = await NomadServer.start({ recording, lines: 0, list });
  await using following = new RunningSource(server);
  await following.logged("0 allocations found");
  assert.deepEqual(following.lines.filter((line) => line.startsWith("warning")), [
    `warning source nomad: ${server.address} sent an allocation that is not understood: {"ID":"a"}`,
  ]);
});

Deno.test("the source nomad reads the file of the token again when the server refused it", async () => {
  const NOMAD_TOKEN_FILE = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(NOMAD_TOKEN_FILE, "first\n");
    await using server = await NomadServer.start({
      recording,
      lines: 300,
      token: "first",
      troubles: { 300: "cut" },
    });
    await using following = new RunningSource(server, { env: { NOMAD_TOKEN_FILE } });
    await following.found(recording.events(300));
    server.token = "second";
    server.allow(Infinity);
    await following.logged("refused the token: ACL token not found");
    await Deno.writeTextFile(NOMAD_TOKEN_FILE, "second\n");
    await following.found(recording.events());
  } finally {
    await Deno.remove(NOMAD_TOKEN_FILE);
  }
});

Deno.test("the source nomad resumes where a killed one stopped: nothing is lost, nothing stored comes again", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const kept of [1, 7, 30]) {
      const committed: Update[] = [];
      const open = () => new SqliteStore(`${directory}/${kept}.db`, { sinks: [], newerReplaces: true });
      {
        await using server = await NomadServer.start({ recording, piece: 50_000, lines: 300 });
        await using store = open();
        let batches = 0;
        await using first = new RunningSource(server, {
          take(batch) {
            batch.acknowledge();
            if (batches++ >= kept) return; // the process is killed before it commits these
            for (const [key, value] of batch.checkpoint ?? []) store.saveCheckpoint(key, value);
            store.commit(0n);
            committed.push(...batch.bodies.map((body) => read(body as Uint8Array)));
          },
        });
        await first.found(recording.events(300));
        server.allow(600);
        await first.found(recording.events(600));
        assert.ok(batches > kept, String(batches));
      }
      await using server = await NomadServer.start({ recording });
      await using store = open();
      await using second = new RunningSource(server, { checkpoint: store.kept.checkpoint() });
      const before = new Set(committed.map(({ event }) => event));
      await second.found(recording.events().difference(before));
      const again = second.updates.filter(({ event, DesiredStatus }) =>
        before.has(event) && DesiredStatus === "run"
      );
      assert.deepEqual(again.map(({ event }) => event), []);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

for (
  const [name, refused, reason] of [
    [
      "an empty stream",
      { status: 200, text: "" },
      `http://server refused the token: the event stream is empty; ${advice}`,
    ],
    [
      "403",
      { status: 403, text: "ACL token not found" },
      `http://server refused the token: ACL token not found; ${advice}`,
    ],
    [
      "a token that is none",
      { status: 500, text: "acl token lookup failed: index error: UUID must be 36 characters" },
      `http://server refused the token: acl token lookup failed: index error: UUID must be 36 characters; ${advice}`,
    ],
    [
      "a region that it does not know",
      { status: 500, text: "No path to region" },
      "http://server knows no such region; set NOMAD_REGION (--nomad-region) to one that it knows",
    ],
    [
      "a proxy that asks for a password",
      { status: 401, headers: { "WWW-Authenticate": 'Basic realm="nomad"' }, text: "" },
      "http://server refused user and password; set NOMAD_HTTP_AUTH (--nomad-http-auth)",
    ],
    [
      "http where TLS is spoken",
      { status: 400, text: "Client sent an HTTP request to an HTTPS server.\n" },
      "http://server speaks TLS; use https:// in NOMAD_ADDR (--nomad-addr)",
    ],
  ] as const
) {
  Deno.test(`the source nomad gives up at the start because of ${name}`, async () => {
    await using server = await NomadServer.start({ recording, refused: [refused] });
    await using following = new RunningSource(server);
    await assert.rejects(following.ended, (error) => {
      assert.ok(error instanceof Fault);
      assert.equal(error.message.replace(/127\.0\.0\.1:\d+/g, "server"), `source nomad: ${reason}`);
      assert.equal(error.recovery, "config");
      return true;
    });
  });
}

const setAddress = "set NOMAD_ADDR (--nomad-addr) to";

Deno.test("the source nomad retries at the start unless Nomad itself refuses token or settings", async () => {
  const answers: readonly (readonly [answer: WrongAnswer, found: string])[] = [
    [{ status: 500, text: "No cluster leader" }, "answered 500: No cluster leader"],
    [{ status: 503, headers: html, text: "<html>" }, "answered 503: an HTML page"],
    [
      {
        status: 302,
        headers: { ...html, Location: "https://proxy.example/maintenance" },
        text: "<html>Moved",
      },
      `answered 302, go to https://proxy.example/maintenance; ${setAddress} that address`,
    ],
    [
      { status: 200, headers: html, text: "<html>We are back soon" },
      `answered 200 with an HTML page, as a proxy does; ${setAddress} Nomad itself`,
    ],
    [{ status: 200, headers: { "Content-Type": "text/plain" }, text: "OK" }, "answered 200: OK"],
    [
      { status: 403, headers: html, text: "<html>Permission denied: your token is not accepted" },
      `answered 403 with an HTML page, as a proxy does; ${setAddress} Nomad itself`,
    ],
    [{ status: 403, text: "RBAC: access denied" }, "answered 403: RBAC: access denied"],
    [{ status: 403, text: "invalid CSRF token" }, "answered 403: invalid CSRF token"],
    [
      { status: 404, text: "404 page not found" },
      "answered 404 (404 page not found), so it is not Nomad, or older than Nomad 1.0; " +
      `${setAddress} another server`,
    ],
    [{ status: 401, headers: { "WWW-Authenticate": "Bearer" }, text: "" }, "answered 401: nothing said"],
    [{ status: 407, text: "" }, "answered 407: nothing said"],
    [{ status: 400, text: "Bad Request" }, "answered 400: Bad Request"],
    [{ status: 500, text: "upstream: no path to region eu" }, "answered 500: upstream: no path to region eu"],
  ];
  for (const [answer, found] of answers) {
    await using server = await NomadServer.start({ recording, lines: 1, refused: [answer] });
    await using following = new RunningSource(server);
    await Promise.race([
      following.ended, // rejects where the answer ends the start
      waitFor(`an end of "${found}"`, () => following.outages.length > 1),
    ]);
    assert.deepEqual(following.outages, [begins(`http://server ${found}`), ends]);
  }
});

/** A server of HTTP that takes everything for a question about a job, and answers it so. */
async function serveJob(answer: (response: ServerResponse) => void) {
  const server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    client: new NomadClient(settingsOf({ NOMAD_ADDR: `http://127.0.0.1:${port}` })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The type of a job, and what was logged of it. */
async function typeOf(client: NomadClient, idleTimeout: number): Promise<[string | undefined, string[]]> {
  const { log, lines } = testLog();
  const jobs = new JobTypes(client, log, idleTimeout);
  const allocation = recording.lines[0]!.allocations[0];
  const type = await jobs.ask({ ...allocation, JobID: "job" }, new AbortController().signal);
  return [type, lines.map((line) => line.replace(/127\.0\.0\.1:\d+/, "server"))];
}

const unknown = (reason: string) =>
  `debug source nomad: the type of job job is not known: http://server: ${reason}`;

const tooLong = [undefined, [unknown("the answer is longer than the maximum of 16 MB")]];

Deno.test("the answer about a job is read up to 16 MB, however long it is", async () => {
  const piece = "x".repeat(1 << 20);
  let written = 0;
  const closed = Promise.withResolvers<void>();
  await using server = await serveJob((response) => {
    response.once("close", closed.resolve);
    response.writeHead(200, { "Content-Type": "application/json" }).write('{"Type":"service","Filling":"');
    const write = () => {
      while (!response.destroyed && ++written < 4096 && response.write(piece));
    };
    response.on("drain", write);
    write();
  });
  assert.deepEqual(await typeOf(server.client, 60_000), tooLong);
  await closed.promise;
  assert.ok(written < 1024, `${written} MB were taken`);
});

Deno.test("the answer about a job is read up to 16 MB decompressed, however small it is compressed", async () => {
  const packed = gzipSync(`{"Type":"service","Filling":"${"x".repeat(64 << 20)}"}`);
  assert.ok(packed.length < 100_000);
  await using server = await serveJob((response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" }).end(packed);
  });
  assert.deepEqual(await typeOf(server.client, 60_000), tooLong);
});

Deno.test("the answer about a job has a time in all, and one of that size may be large", async () => {
  const large = JSON.stringify({ Filling: "x".repeat(15 << 20), Type: "batch" });
  await using whole = await serveJob((response) => response.end(large));
  assert.deepEqual(await typeOf(whole.client, 60_000), ["batch", []]);
  let timer: ReturnType<typeof setInterval> | undefined;
  await using drop = await serveJob((response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    timer = setInterval(() => response.write(" "), 20);
    response.once("close", () => clearInterval(timer));
  });
  assert.deepEqual(await typeOf(drop.client, 300), [
    undefined,
    [unknown("the answer takes longer than 0.3 s")],
  ]);
});

Deno.test("check() of the source nomad counts the allocations and their namespaces", async () => {
  await using server = await NomadServer.start({ recording, list: unpacked("allocations-310s.json.gz") });
  const context = { log: testLog().log, files: [], restartsOnly: false, stdin: new Blob([]).stream() };
  await using source = openNomad(settingsOf({ NOMAD_ADDR: server.address }), context, fastTimeouts);
  assert.equal(await source.check(), `${server.address}: connected, 124 allocations in 2 namespaces`);
});
