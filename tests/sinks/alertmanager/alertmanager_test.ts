// The sink `alertmanager` at real Alertmanagers: what they show, that alerts never flap, and what it says of each thing
// that can be wrong.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import type { AlertDetails } from "../../../src/detection/alert/details.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import { Fault } from "../../../src/lib/errors.ts";
import { alertmanager, AlertmanagerSink, type Times } from "../../../src/sinks/alertmanager/alertmanager.ts";
import type { Sink, SinkContext } from "../../../src/sinks/sink.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { type Alertmanager, startAlertmanager } from "../../helpers/alertmanager.ts";
import { startProxy } from "../../helpers/proxy.ts";
import { freePort } from "../../helpers/rabbitmq.ts";
import { sinkContext, TestRecords } from "../../helpers/sink.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";
import { findServer } from "../../tools/setup.ts";

let server: Alertmanager;
Deno.test.beforeAll(async () => {
  server = await startAlertmanager();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** A minute of the sink is 0.3 s. */
const fast: Times = { repeatEvery: 300, endsAfter: 1200, repeatEndsFor: 1500, now: Date.now };

interface Opened {
  readonly urls: string | readonly string[];
  readonly labels?: Record<string, string>;
  readonly times?: Times;
  readonly context?: Partial<SinkContext>;
  readonly basicAuth?: string;
}

function open({ urls, labels, times, context, basicAuth }: Opened): Sink {
  const values = {
    urls: [urls].flat().map((url) => new URL(url)),
    labels,
    bearerToken: undefined,
    basicAuth,
    tlsCaFile: undefined,
    tlsCertFile: undefined,
    tlsKeyFile: undefined,
  };
  return new AlertmanagerSink(values, sinkContext(context), "SINK_ALERTMANAGER", times);
}

/** An alert of the rule `failures` about the task app of a job. */
function alertOf(
  job: string,
  reason: Alert["reason"] = "first",
  differs: Partial<AlertDetails> = {},
  loop = `loop of ${job}`,
): Alert {
  const details: AlertDetails = {
    Status: reason === "resolved" ? "resolved" : reason === "gave-up" ? "gave-up" : "looping",
    Rule: "failures",
    Loop: loop,
    Key: { Namespace: "shop", JobID: job, TaskGroup: "web", Index: 2, Task: "app" },
    Failures: 5,
    Missed: 0,
    Since: "2026-11-25T03:42:00.123456789Z",
    LastExit: { Time: "2026-11-25T03:47:00Z", ExitCode: 137, After: "52s" },
    Reason: "exited with 1 after 52 s, 5 times since 03:42 UTC",
    Node: { ID: "3c0af5d1-0000", Name: "client-1" },
    Events: [{ Time: "2026-11-25T03:47:00Z", Type: "Terminated", DisplayMessage: "Exit Code: 1" }],
    ...differs,
  };
  return alertAbout(`shop/${job}.web[2]/app`, { reason, loop, details });
}

const surroundings = {
  cluster: "prod-eu",
  page: new URL("https://detector/"),
  nomadUi: new URL("https://nomad/"),
};
const inCluster = {
  cluster: "prod-eu",
  message: (alert: Alert) => messageOf(alert, surroundings),
};

async function shown(job: string, of = server) {
  const found = (await of.active()).find(({ labels }) => labels.job === job);
  assert.ok(found, `${job} is not active`);
  return found;
}

Deno.test("an alert has labels that identify it, annotations of the rest, its start, its end ahead, and a link", async () => {
  await using sink = open({ urls: server.url, labels: { team: "platform" }, context: inCluster });
  await sink.send(alertOf("labels"));
  const { labels, annotations, startsAt, endsAt, generatorURL } = await shown("labels");
  assert.deepEqual(labels, {
    alertname: "NomadCrashLoop",
    cluster: "prod-eu",
    name: "shop/labels.web[2]/app",
    namespace: "shop",
    job: "labels",
    group: "web",
    index: "2",
    task: "app",
    severity: "warning",
    team: "platform",
  });
  const { allocation, allocation_in_nomad, ...rest } = annotations;
  assert.match(allocation_in_nomad!, new RegExp(`^https://nomad/ui/allocations/${allocation}`));
  assert.deepEqual(rest, {
    summary: "[prod-eu] shop/labels.web[2]/app is crash-looping: 5 failed runs since 03:42 UTC",
    description: "Exited with 1 after 52 s",
    state: "active",
    count: "5",
    loop: "loop of labels",
    task: "app",
    node: "client-1 (3c0af5d1)",
    last_exit: "exit code 137 (SIGKILL), after 52s, at 03:47:00 UTC",
    job_in_nomad: "https://nomad/ui/jobs/labels%40shop",
  });
  assert.equal(startsAt, "2026-11-25T03:42:00.123Z");
  assert.equal(generatorURL, "https://detector/allocation/loop%20of%20labels");
  const ahead = Date.parse(endsAt) - Date.now();
  assert.ok(ahead > 200_000 && ahead <= 240_000, `${ahead} ms`);
});

Deno.test("a system job has its node in the place of an index; labels given replace alertname and severity", async () => {
  await using sink = open({ urls: server.url, labels: { alertname: "Loop", severity: "page" } });
  await sink.send(alertOf("system", "first", {
    Key: { JobID: "system", TaskGroup: "web", Index: 0, Task: "app", NodeID: "3c0af5d1-0000" },
  }));
  const { labels } = await shown("system");
  assert.deepEqual(labels, {
    alertname: "Loop",
    name: "shop/system.web[2]/app",
    job: "system",
    group: "web",
    node: "3c0af5d1-0000",
    task: "app",
    severity: "page",
  });
});

Deno.test("what changes in a loop changes annotations only: given up, it stays one active alert", async () => {
  await using sink = open({ urls: server.url });
  await sink.send(alertOf("changes"));
  await sink.send(alertOf("changes", "repeat", { Failures: 9, Node: { ID: "other" } }));
  await sink.send(alertOf("changes", "gave-up", { Failures: 10 }));
  const found = (await server.active()).filter(({ labels }) => labels.job === "changes");
  assert.equal(found.length, 1);
  assert.equal(found[0]!.labels.severity, "warning");
  assert.equal(found[0]!.annotations.state, "gave-up");
  assert.equal(found[0]!.annotations.count, "10");
});

Deno.test("a start that is ahead of this clock is now, and a long reason is cut", async () => {
  await using sink = open({ urls: server.url });
  const Since = new Date(Date.now() + 3_600_000).toISOString();
  await sink.send(alertOf("ahead", "first", { Since, Reason: "é".repeat(5000) }));
  const { startsAt, annotations } = await shown("ahead");
  assert.ok(Date.parse(startsAt) <= Date.now());
  assert.equal(annotations.description!.length, 1000);
  await sink.send(alertOf("ahead", "resolved", { Since }));
  assert.ok(!(await server.jobs()).includes("ahead"));
});

Deno.test("it neither flaps in fifteen minutes of repetitions, nor outlives its end, nor comes back", async () => {
  await using own = await startAlertmanager("/prefix");
  await using sink = open({ urls: `${own.url}/`, times: fast });
  await sink.send(alertOf("steady"));
  await waitFor("the notification", () => own.notified.length > 0);
  const until = performance.now() + 15 * fast.repeatEvery;
  await waitFor("fifteen minutes", async () => {
    assert.deepEqual(await own.jobs(), ["steady"]);
    return performance.now() > until;
  });
  await sink.send(alertOf("steady", "resolved"));
  assert.deepEqual(await own.jobs(), []);
  await waitFor("the notification of its end", () => own.notified.length > 1);
  const later = performance.now() + 2 * fast.repeatEndsFor;
  await waitFor("its end to be repeated and forgotten", async () => {
    assert.deepEqual(await own.jobs(), []);
    return performance.now() > later;
  });
  assert.deepEqual(own.notified, ["firing steady", "resolved steady"]);
});

Deno.test("without repetitions it ends by itself, which shows that the test of flapping can fail", async () => {
  await using sink = open({ urls: server.url, times: { ...fast, repeatEvery: 60_000 } });
  await sink.send(alertOf("silent"));
  await shown("silent");
  await waitFor("it to end", async () => !(await server.jobs()).includes("silent"));
});

Deno.test("a loop that the rule forgot is not repeated, ends by itself, and leaves the records", async () => {
  const records = new TestRecords();
  let active = true;
  await using sink = open({ urls: server.url, times: fast, context: { records, isActive: () => active } });
  await sink.send(alertOf("forgotten"));
  await shown("forgotten");
  active = false;
  await waitFor("it to end", async () => !(await server.jobs()).includes("forgotten"));
  await waitFor("the record to be gone", () => records.map.size === 0);
});

Deno.test("a new sink with the same records repeats at its first connection, and knows the labels of the first alert", async () => {
  await using own = await startAlertmanager();
  const records = new TestRecords();
  {
    await using before = open({ urls: own.url, context: { records, ...inCluster } });
    await before.send(alertOf("kept"));
  }
  await own.stop();
  await own.start();
  await using sink = open({ urls: own.url, context: { records } });
  await sink.connect();
  await waitFor("it to be there again", async () => (await own.jobs()).includes("kept"));
  assert.equal((await shown("kept", own)).labels.cluster, "prod-eu");
  await sink.send(alertOf("kept", "resolved"));
  assert.deepEqual(await own.jobs(), []);
});

Deno.test("the end is repeated and then leaves the records", async () => {
  const records = new TestRecords();
  await using sink = open({ urls: server.url, times: fast, context: { records } });
  await sink.send(alertOf("ended"));
  await sink.send(alertOf("ended", "resolved"));
  assert.equal(records.map.size, 1);
  await waitFor("the record to be gone", () => records.map.size === 0);
});

Deno.test("two members: both get it; one is down, said once, and has all within a minute when it is up", async () => {
  await using first = await startAlertmanager();
  await using second = await startAlertmanager();
  const parts: string[] = [];
  const listener = {
    lost() {},
    blocked() {},
    part(name: string, fault?: Fault) {
      const line = `${name === first.url ? "first" : "second"}: ${
        fault?.message.replace(name, "…") ?? "works"
      }`;
      if (parts.at(-1) !== line && name === second.url) parts.push(line);
    },
  };
  await using sink = open({ urls: [first.url, second.url], times: fast, context: { listener } });
  await sink.send(alertOf("a"));
  await waitFor(
    "both to have it",
    async () => (await second.jobs()).length === 1 && (await first.jobs()).length,
  );
  await second.stop();
  await sink.send(alertOf("b"));
  assert.deepEqual(await first.jobs(), ["a", "b"]);
  await waitFor("the outage", () => parts.length === 2);
  await second.start();
  await waitFor("the second to have both", async () => (await second.jobs()).length === 2);
  assert.deepEqual(parts, ["second: works", "second: …: connection refused", "second: works"]);
});

Deno.test("all members down: send() says each; a repetition that fails is an outage, and the next connection makes up", async () => {
  await using own = await startAlertmanager();
  const lost: Fault[] = [];
  const parts: (Fault | undefined)[] = [];
  const listener = {
    lost: (fault: Fault) => void lost.push(fault),
    blocked() {},
    part: (_: string, fault?: Fault) => void (fault && parts.push(fault)),
  };
  const nobody = `http://127.0.0.1:${freePort()}`;
  await using sink = open({ urls: [own.url, nobody], times: fast, context: { listener } });
  await sink.send(alertOf("a"));
  await waitFor("the second to be spoken of", () => parts.length > 0);
  await own.stop();
  parts.length = 0;
  const both = `${own.url}: connection refused; ${nobody}: connection refused`;
  await assert.rejects(sink.send(alertOf("b")), { message: both, recovery: "transient" });
  await waitFor("the repetition to fail", () => lost.length > 0);
  assert.equal(lost[0]!.message, both);
  assert.deepEqual(parts, []);
  await assert.rejects(sink.connect(), { message: both });
  await own.start();
  await sink.connect();
  await waitFor("both to be there", async () => (await own.jobs()).length === 2);
});

Deno.test("an end that is confirmed is not overtaken by a repetition", async () => {
  await using own = await startAlertmanager();
  await using sink = open({ urls: own.url, times: { ...fast, repeatEvery: 1 } });
  for (let round = 0; round < 30; round++) {
    await sink.send(alertOf("raced", "first", {}, `${round}`));
    await sink.send(alertOf("raced", "resolved", {}, `${round}`));
    assert.deepEqual(await own.jobs(), []);
  }
});

Deno.test("ten thousand loops go in few requests of bounded size", async () => {
  const sizes: number[] = [];
  await using receiver = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    sizes.push((await request.text()).length);
    return new Response();
  });
  const records = new TestRecords();
  const times = { ...fast, repeatEvery: 60_000, endsAfter: 240_000 };
  const urls = `http://127.0.0.1:${receiver.addr.port}`;
  {
    await using sink = open({ urls, times, context: { records } });
    await sink.send(alertOf("one", "first", { Reason: "x".repeat(2000) }));
  }
  const [record] = records.map.values();
  for (let index = 0; index < 10_000; index++) records.map.set(`loop ${index}`, record);
  sizes.length = 0;
  await using sink = open({ urls, times, context: { records } });
  await sink.connect();
  await waitFor("all", () => sizes.length > 1 && sizes.reduce((a, b) => a + b) > 15_000_000);
  assert.ok(sizes.length < 60, `${sizes.length} requests`);
  assert.ok(Math.max(...sizes) < 500_000, `${Math.max(...sizes)} characters`);
});

Deno.test("no alert waits for the next repetition: both members have every one that was confirmed", async () => {
  const jobs = [new Set<string>(), new Set<string>()];
  const note = (seen: Set<string>) => (body: string) => {
    for (const { labels } of JSON.parse(body)) seen.add(labels.job);
    return new Response();
  };
  await using first = stub(note(jobs[0]!));
  await using second = stub(note(jobs[1]!));
  await using sink = open({ urls: [first.url, second.url] });
  const all = Array.from({ length: 500 }, (_, index) => `job-${index}`);
  const left = [...all];
  const worker = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await sink.send(alertOf(job));
  };
  await Promise.all(Array.from({ length: 7 }, worker));
  await waitFor("both to have all", () => jobs.every(({ size }) => size === all.length));
});

/** A receiver that answers as it is told. */
function stub(answer: (body: string, request: Request) => Response | Promise<Response>) {
  const receiver = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => await answer(await request.text(), request),
  );
  return { url: `http://127.0.0.1:${receiver.addr.port}`, [Symbol.asyncDispose]: () => receiver.shutdown() };
}

Deno.test("400: of several the one that is refused is rejected with its text, and repeated no more", async () => {
  const seen: string[] = [];
  await using receiver = stub((body) => {
    seen.push(body);
    return body.includes("bad")
      ? Response.json("start time must be before end time", { status: 400 })
      : new Response();
  });
  const records = new TestRecords();
  await using sink = open({ urls: receiver.url, context: { records } });
  const [good, bad] = await Promise.allSettled([sink.send(alertOf("good")), sink.send(alertOf("bad"))]);
  assert.equal(good.status, "fulfilled");
  const { message, recovery } = (bad as PromiseRejectedResult).reason;
  assert.equal(message, `${receiver.url} answered 400: "start time must be before end time"`);
  assert.equal(recovery, "rejected");
  assert.deepEqual([...records.map.keys()], ["shop/good.web[2]/app"]);
  assert.equal(seen.length, 3);
});

const answers: readonly (readonly [status: number, headers: Record<string, string>, expected: object])[] = [
  [500, {}, { message: "answered 500: said", recovery: "transient", retryAfter: 0 }],
  [429, { "retry-after": "7" }, { message: "answered 429: said", recovery: "transient", retryAfter: 7000 }],
  [401, {}, { message: "answered 401: said", recovery: "operator", retryAfter: 0 }],
  [404, {}, { message: "answered 404: said", recovery: "operator", retryAfter: 0 }],
  [302, { location: "/login" }, {
    message: "answered 302: said: redirects are not followed; set the address to their target",
    recovery: "operator",
    retryAfter: 0,
  }],
];

for (const [status, headers, expected] of answers) {
  Deno.test(`an answer ${status}: connect(), check() and send() say so`, async () => {
    await using receiver = stub(() => new Response("said", { status, headers }));
    await using sink = open({ urls: receiver.url.replace("//", "//user:hunter2@") });
    const fails = ({ message, recovery, retryAfter }: Fault) => {
      assert.deepEqual(
        {
          message: message.replace(`${receiver.url.replace("//", "//user:***@")} `, ""),
          recovery,
          retryAfter,
        },
        expected,
      );
      return true;
    };
    await assert.rejects(sink.connect(), fails);
    await assert.rejects(sink.send(alertOf("any")), fails);
    await assert.rejects(sink.check(), ({ message }: Fault) => message.includes(`answered ${status}`));
  });
}

Deno.test("a member whose clock is minutes ahead would end alerts at once: said, for an operator", async () => {
  const date = new Date(Date.now() + 600_000).toUTCString();
  await using receiver = stub(() => new Response("", { headers: { date } }));
  await using sink = open({ urls: receiver.url });
  await assert.rejects(sink.send(alertOf("late")), ({ message, recovery }: Fault) => {
    assert.match(
      message,
      /^http:\S+: its clock is (599|600) s ahead of this one's, so that alerts would end when they arrive; set both clocks$/,
    );
    return recovery === "operator";
  });
});

Deno.test("the login of a URL goes before that of all, in the header only", async () => {
  const seen: (string | null)[] = [];
  await using receiver = stub((_, request) => {
    seen.push(request.headers.get("authorization"));
    return new Response();
  });
  await using sink = open({
    urls: [receiver.url, receiver.url.replace("//", "//other:p%40ss@")],
    basicAuth: "user:hunter2",
  });
  assert.equal(
    await sink.check(),
    `${receiver.url}: takes alerts; ${receiver.url.replace("//", "//other:***@")}: takes alerts`,
  );
  assert.deepEqual(
    seen.toSorted(),
    [`Basic ${btoa("other:p@ss")}`, `Basic ${btoa("user:hunter2")}`].toSorted(),
  );
});

Deno.test("a member that stalls holds up neither the other nor the end of the program", async () => {
  await using proxy = await startProxy(server.port);
  proxy.stall();
  const sink = open({ urls: [`http://127.0.0.1:${proxy.port}`, server.url] });
  await within("the confirmation", sink.send(alertOf("stalled")));
  await within("the next one", sink.send(alertOf("stalled", "resolved")));
  await within("its end", Promise.resolve(sink[Symbol.asyncDispose]()));
});

const problems: readonly (readonly [env: Record<string, string>, problem: string])[] = [
  [
    { SINK_ALERTMANAGER_URLS: "http://u:hunter2@am:9093,am:9093" },
    "SINK_ALERTMANAGER_URLS (--sink-alertmanager-urls): found a value that is not shown here, not a URL; expected a URL that begins with http:// or https://, or several, separated by commas, such as http://alertmanager-1:9093,http://alertmanager-2:9093",
  ],
  [
    { SINK_ALERTMANAGER_URLS: "http://am:9093?x=1" },
    "SINK_ALERTMANAGER_URLS (--sink-alertmanager-urls): found a value that is not shown here, with a query; expected a URL that begins with http:// or https://, or several, separated by commas, such as http://alertmanager-1:9093,http://alertmanager-2:9093",
  ],
  [
    { SINK_ALERTMANAGER_LABELS: "team" },
    'SINK_ALERTMANAGER_LABELS (--sink-alertmanager-labels): found "team"; expected labels as name=value, separated by commas, such as team=platform,region=eu',
  ],
  [
    { SINK_ALERTMANAGER_LABELS: "my-team=x" },
    'SINK_ALERTMANAGER_LABELS (--sink-alertmanager-labels): found "my-team=x"; expected labels as name=value, separated by commas, such as team=platform,region=eu',
  ],
  [
    { SINK_ALERTMANAGER_LABELS: "job=x" },
    'SINK_ALERTMANAGER_LABELS (--sink-alertmanager-labels): found "job=x", with the label job, which distinguishes loops; expected labels as name=value, separated by commas, such as team=platform,region=eu',
  ],
  [
    { SINK_ALERTMANAGER_LABELS: "a=x,a=y" },
    'SINK_ALERTMANAGER_LABELS (--sink-alertmanager-labels): found "a=x,a=y", with the label a twice; expected labels as name=value, separated by commas, such as team=platform,region=eu',
  ],
  [
    { SINK_ALERTMANAGER_TLS_CA_FILE: "/ca.pem" },
    "SINK_ALERTMANAGER_TLS_CA_FILE (--sink-alertmanager-tls-ca-file): found for http://am:9093/, which is without TLS; let the URL begin with https://",
  ],
  [
    { SINK_ALERTMANAGER_BEARER_TOKEN: "t", SINK_ALERTMANAGER_BASIC_AUTH: "u:p" },
    "SINK_ALERTMANAGER_BEARER_TOKEN (--sink-alertmanager-bearer-token) and SINK_ALERTMANAGER_BASIC_AUTH (--sink-alertmanager-basic-auth): found both; give one of them",
  ],
];

Deno.test("settings that are wrong are named with what was found and what is expected", () => {
  for (const [env, problem] of problems) {
    const problems: string[] = [];
    alertmanager.prepare({ flags: {}, env: { SINK_ALERTMANAGER_URLS: "http://am:9093", ...env }, problems });
    assert.deepEqual(problems, [problem]);
  }
});

Deno.test("Alertmanager takes the sample of a configuration, and routes production to the on-call", async () => {
  const sample = fileURLToPath(new URL("../../../src/status/ops/alertmanager.yml", import.meta.url));
  const amtool = async (...args: string[]) => {
    const command = findServer("alertmanager").replace(/[^/]+$/, "amtool");
    const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
    const utf8 = new TextDecoder();
    assert.equal(code, 0, utf8.decode(stdout) + utf8.decode(stderr));
    return utf8.decode(stdout).trim();
  };
  await amtool("check-config", sample);
  const route = (...labels: string[]) =>
    amtool("config", "routes", "test", `--config.file=${sample}`, "alertname=NomadCrashLoop", ...labels);
  assert.equal(await route("namespace=prod"), "on-call");
  assert.equal(await route("namespace=dev"), "team");
});
