// The heartbeat against a real receiver: when it is called, with what, and what is logged when it fails.
import assert from "node:assert/strict";
import { Visibility } from "../../../src/detection/visibility.ts";
import { second } from "../../../src/lib/duration.ts";
import { Health } from "../../../src/lib/health.ts";
import { wallClock } from "../../../src/lib/time.ts";
import { Troubles } from "../../../src/pipeline/troubles.ts";
import { checkHeartbeat, Heartbeat } from "../../../src/status/heartbeat/heartbeat.ts";
import { HttpReceiver } from "../../helpers/http_receiver.ts";
import { testLog } from "../../helpers/log.ts";
import { waitFor } from "../../helpers/wait_for.ts";

/** A period of calls that a test can wait for. */
const period = second / 4n;

/** The parts that are watched, all well but the source, and a receiver. */
class Watched implements AsyncDisposable {
  readonly health = new Health();
  readonly visibility = new Visibility("blind");
  readonly state = new Health();
  readonly sink = new Health();
  readonly receiver = HttpReceiver.start();
  readonly log = testLog();
  readonly troubles: Troubles;
  #heartbeat: Heartbeat | undefined;

  constructor() {
    this.state.up();
    this.sink.up();
    const source = { type: "nomad", health: this.health };
    const sinks = [{ name: "slack", health: this.sink }];
    this.troubles = new Troubles({ source, visibility: this.visibility, state: this.state, sinks });
  }

  beat(failPath?: string): Heartbeat {
    const base = `http://127.0.0.1:${this.receiver.port}`;
    const settings = {
      url: new URL("/ping/s3cr3tOfTheMonitor", base),
      failUrl: failPath === undefined ? undefined : new URL(failPath, base),
    };
    return this.#heartbeat = new Heartbeat({ settings, troubles: this.troubles, log: this.log.log, period });
  }

  see(): void {
    this.health.up();
    this.visibility.regain(wallClock());
  }

  /** Calls that succeeded, without the time of day. */
  get calls(): string[] {
    return this.receiver.received.map(({ method, path, body }) =>
      `${method} ${path}${body && ` ${body.replace(/since .*? UTC/, "since 03:12 UTC")}`}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    this.troubles[Symbol.dispose]();
    await this.receiver[Symbol.asyncDispose]();
  }
}

const ping = "GET /ping/s3cr3tOfTheMonitor";

Deno.test("the first call comes once the source is connected and sees, the next after the period", async () => {
  await using watched = new Watched();
  watched.beat();
  watched.health.up();
  const begin = wallClock();
  await waitFor("two periods", () => wallClock() - begin > 2n * period);
  assert.deepEqual(watched.calls, []);
  watched.visibility.regain(wallClock());
  await waitFor("a call", () => watched.calls.length === 1);
  const first = wallClock();
  await waitFor("the next", () => watched.calls.length === 2);
  assert.ok(wallClock() - first > period / 2n);
  assert.deepEqual(watched.calls, [ping, ping]);
});

for (
  const [what, worsen, better] of [
    ["the source is down", ({ health }) => health.down("connection refused"), ({ health }) => health.up()],
    ["the source is blind", ({ visibility }) => visibility.lose(), (watched) => watched.see()],
    ["the state cannot be saved", ({ state }) => state.down("disk full"), ({ state }) => state.up()],
    ["a sink fails for longer than a period", ({ sink }) => sink.down("refused"), ({ sink }) => sink.up()],
  ] as const satisfies readonly [string, (watched: Watched) => void, (watched: Watched) => void][]
) {
  Deno.test(`no call comes while ${what}; one as soon as it is over`, async () => {
    await using watched = new Watched();
    watched.beat();
    watched.see();
    await waitFor("a call", () => watched.calls.length === 1);
    worsen(watched);
    const begin = wallClock();
    await waitFor("the grace of a sink", () => wallClock() - begin > 2n * period);
    const { length } = watched.calls;
    assert.ok(length <= 3, `${length} calls`);
    await waitFor("four periods", () => wallClock() - begin > 6n * period);
    assert.equal(watched.calls.length, length);
    better(watched);
    await waitFor("a call", () => watched.calls.length > length);
  });
}

Deno.test("a sink that fails for a moment stops no call", async () => {
  await using watched = new Watched();
  watched.beat();
  watched.see();
  await waitFor("a call", () => watched.calls.length === 1);
  watched.sink.down("refused");
  watched.sink.up();
  await waitFor("the next", () => watched.calls.length === 2);
  assert.deepEqual(watched.calls, [ping, ping]);
});

Deno.test("the URL of failures gets the reasons, each period, and nothing once all is well", async () => {
  await using watched = new Watched();
  watched.health.down("http://nomad:4646 refused the token: Permission denied");
  watched.beat("/ping/s3cr3tOfTheMonitor/fail");
  await waitFor("two calls", () => watched.calls.length === 2);
  const fail = "POST /ping/s3cr3tOfTheMonitor/fail source nomad: has not worked since 03:12 UTC: " +
    "http://nomad:4646 refused the token: Permission denied\n";
  assert.deepEqual(watched.calls, [fail, fail]);
  watched.see();
  await waitFor("all to be well", () => watched.calls.length >= 4);
  assert.deepEqual(watched.calls.slice(-2), [ping, ping]);
});

Deno.test("a receiver that fails is logged once, when it begins and when it is over, and is called once a period", async () => {
  await using watched = new Watched();
  watched.receiver.answering = ({ path }) => ({ status: 404, body: `no check at ${path}` });
  watched.beat();
  watched.see();
  await waitFor("three calls", () => watched.receiver.paths.length === 3);
  assert.ok(watched.troubles.now().length === 0);
  const where = `http://127.0.0.1:${watched.receiver.port}`;
  await waitFor("the log", () => watched.log.lines.length > 0);
  assert.deepEqual(watched.log.lines, [
    `warning heartbeat: ${where} answered 404: no check at ***; trying again each minute`,
  ]);
  watched.receiver.answering = () => ({});
  await waitFor("a call that succeeds", () => watched.log.lines.length === 2);
  assert.match(watched.log.lines[1]!, /^info heartbeat: recovered after \S+s$/);
});

Deno.test("one call at a time: while one is not answered there is no other", async () => {
  await using watched = new Watched();
  const answer = Promise.withResolvers<Record<string, never>>();
  watched.receiver.answering = () => answer.promise;
  watched.beat();
  watched.see();
  await waitFor("a call", () => watched.receiver.paths.length === 1);
  const begin = wallClock();
  await waitFor("three periods", () => wallClock() - begin > 3n * period);
  assert.equal(watched.receiver.paths.length, 1);
  answer.resolve({});
  await waitFor("the next", () => watched.receiver.paths.length === 2);
});

Deno.test("once it is disposed there is no call, whatever happens", async () => {
  await using watched = new Watched();
  const heartbeat = watched.beat("/fail");
  watched.see();
  await waitFor("a call", () => watched.calls.length === 1);
  heartbeat[Symbol.dispose]();
  const { length } = watched.receiver.paths;
  watched.health.down("the end");
  const begin = wallClock();
  await waitFor("three periods", () => wallClock() - begin > 3n * period);
  assert.equal(watched.receiver.paths.length, length);
});

Deno.test("checkHeartbeat() asks for the server's root, and makes no call", async () => {
  await using watched = new Watched();
  const url = new URL(`http://127.0.0.1:${watched.receiver.port}/ping/s3cr3tOfTheMonitor`);
  assert.equal(
    await checkHeartbeat({ url, failUrl: new URL("/fail", url) }),
    `${url.origin}: the server answers; whether it takes heartbeats cannot be tried without one`,
  );
  assert.deepEqual(watched.receiver.paths, ["HEAD /"]);
});

Deno.test("checkHeartbeat() says that nothing answers", async () => {
  const receiver = HttpReceiver.start();
  const url = new URL(`http://127.0.0.1:${receiver.port}/ping/s3cr3tOfTheMonitor`);
  await receiver[Symbol.asyncDispose]();
  await assert.rejects(checkHeartbeat({ url, failUrl: undefined }), {
    message: `${url.origin}: connection refused`,
  });
});
