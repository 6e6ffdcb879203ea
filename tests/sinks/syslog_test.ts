// The sink `syslog` at a real rsyslog: what it sends each way, and what it says of each thing that can be wrong.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import config from "../../deno.json" with { type: "json" };
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Fault } from "../../src/lib/errors.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { syslog, SyslogSink } from "../../src/sinks/syslog/syslog.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { type Rsyslog, startRsyslog } from "../helpers/rsyslog.ts";
import { sinkContext } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";

let server: Rsyslog;
let proxy: Proxy;
Deno.test.beforeAll(async () => {
  server = await startRsyslog();
  proxy = await startProxy(server.tcpPort);
});
Deno.test.afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function open(env: Record<string, string>, lost: Fault[] = []): Sink {
  const listener = { lost: (fault: Fault) => lost.push(fault), blocked() {}, part() {} };
  return syslog.prepare({ flags: {}, env, problems: [] })!.open(sinkContext({ listener }));
}

const tcp = (port: number) => ({ SINK_SYSLOG_PROTO: "tcp", SINK_SYSLOG_ADDR: `127.0.0.1:${port}` });
const udp = (port: number) => ({ SINK_SYSLOG_PROTO: "udp", SINK_SYSLOG_ADDR: `127.0.0.1:${port}` });
const fault = (message: string, recovery: string) => ({ name: "Fault", message, recovery });

/** The lines that rsyslog got with a tag, as soon as there are so many. */
async function linesOf(tag: string, count: number) {
  return await waitFor(`${count} lines of ${tag}`, async () => {
    const lines = (await server.lines()).filter((line) => line.tag.startsWith(`${tag}[`));
    return lines.length >= count && lines;
  });
}

/** An alert about a name, so long. */
function largeAlert(name: string, bytes: number) {
  return alertAbout(name, { lastEvent: `{"Name":"${name}","Filling":"${"x".repeat(bytes)}"}` });
}

Deno.test("rsyslog understands what is sent over TCP and UDP: priority, host, tag, time and the alert's JSON", async () => {
  for (const [way, env] of [["tcp", tcp(server.tcpPort)], ["udp", udp(server.udpPort)]] as const) {
    await using sink = open({ ...env, SINK_SYSLOG_TAG: `loops-${way}` });
    const alerts = [alertAbout("caf\u00e9[0]"), largeAlert("large[0]", 30_000)];
    for (const alert of alerts) await sink.send(alert);
    const lines = await linesOf(`loops-${way}`, 2);
    assert.deepEqual(
      lines.map(({ priority, host, tag, text }) => ({ priority, host, tag, text })),
      alerts.map((alert) => ({
        priority: 5,
        host: Deno.hostname(),
        tag: `loops-${way}[${Deno.pid}]:`,
        text: alertJson(alert),
      })),
    );
    assert.ok(Math.abs(Date.parse(lines[0]!.time) - Date.now()) < 600_000, lines[0]!.time);
  }
});

Deno.test("rsyslog understands what is sent by the socket of this machine", async () => {
  const values = { proto: undefined, addr: undefined, tag: "loops-local" };
  await using sink = new SyslogSink(values, sinkContext(), "SINK_SYSLOG", [server.socket]);
  assert.equal(
    await sink.check(),
    `syslog at ${server.socket}: is there; syslog does not confirm what it gets`,
  );
  const alert = alertAbout("caf\u00e9[0]");
  await sink.send(alert);
  const [line] = await linesOf("loops-local", 1);
  assert.deepEqual([line!.priority, line!.host, line!.text], [5, Deno.hostname(), alertJson(alert)]);
  assert.ok(Math.abs(Date.parse(line!.time) - Date.now()) < 600_000, line!.time);
});

Deno.test("the program's permissions suffice for the socket of this machine", async () => {
  const flags = config.tasks.start.command.match(/--(?:allow-(?:net|read|write|sys)[^\s']*|no-prompt)/g)!;
  const transports = new URL("../../src/sinks/syslog/transports.ts", import.meta.url).href;
  const script = `import { openLocal } from ${JSON.stringify(transports)};
    const transport = await openLocal("SINK_SYSLOG", ${JSON.stringify([server.socket])});
    await transport.send("<5>Nov 25 17:00:00 permitted[1]: {}");
    transport.close();`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const settings = new URL("../../deno.json", import.meta.url).pathname;
  await Deno.writeTextFile(file, script);
  try {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--config", settings, ...flags, file],
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
  } finally {
    await Deno.remove(file);
  }
  const [line] = await linesOf("permitted", 1);
  assert.equal(line!.text, "{}");
});

Deno.test("the socket of this machine: nobody there, and an alert that it does not take", async () => {
  const values = { proto: undefined, addr: undefined, tag: "t" };
  const path = `${server.socket}.gone`;
  await Deno.writeTextFile(path, "");
  await using gone = new SyslogSink(values, sinkContext(), "SINK_SYSLOG", [path]);
  await assert.rejects(
    gone.send(alertAbout()),
    fault(`syslog at ${server.socket}.gone: connection refused`, "transient"),
  );
  await using sink = new SyslogSink(values, sinkContext(), "SINK_SYSLOG", [server.socket]);
  await assert.rejects(sink.send(largeAlert("large[0]", 1 << 22)), ({ message, recovery }: Fault) => {
    assert.match(
      message,
      /^syslog at \S+: the alert has \d{7} bytes, which is more than its socket takes$/,
    );
    assert.equal(recovery, "rejected");
    return true;
  });
  await sink.send(alertAbout());
});

Deno.test("a machine without syslog is told", async () => {
  const values = { proto: undefined, addr: undefined, tag: "t" };
  await using sink = new SyslogSink(values, sinkContext(), "SINK_SYSLOG", ["/nosuch/log", "/nosuch/syslog"]);
  await assert.rejects(
    sink.connect(),
    fault(
      "this machine has no syslog: there is no /nosuch/log or /nosuch/syslog; mount one, or set SINK_SYSLOG_PROTO and " +
        "SINK_SYSLOG_ADDR",
      "operator",
    ),
  );
});

Deno.test("an alert too large for a datagram is refused for good, not cut", async () => {
  await using sink = open(udp(server.udpPort));
  await assert.rejects(sink.send(largeAlert("large[0]", 66_000)), ({ message, recovery }: Fault) => {
    assert.match(
      message,
      new RegExp(
        `^syslog at udp://127\\.0\\.0\\.1:${server.udpPort}: the alert has 66\\d{3} bytes, and a datagram takes ` +
          "65507; set SINK_SYSLOG_PROTO to tcp$",
      ),
    );
    assert.equal(recovery, "rejected");
    return true;
  });
  await sink.send(alertAbout());
});

Deno.test("check() says what cannot be known", async () => {
  await using datagrams = open(udp(1));
  assert.equal(
    await datagrams.check(),
    "syslog at udp://127.0.0.1:1: whether somebody listens cannot be known, since UDP confirms nothing",
  );
  await using stream = open(tcp(server.tcpPort));
  assert.equal(
    await stream.check(),
    `syslog at tcp://127.0.0.1:${server.tcpPort}: connected; syslog does not confirm what it gets`,
  );
});

Deno.test("connect() says that nobody listens, or that host not found", async () => {
  await using nobody = open(tcp(1));
  await assert.rejects(
    nobody.connect(),
    fault("syslog at tcp://127.0.0.1:1: connection refused", "transient"),
  );
  for (const proto of ["tcp", "udp"]) {
    await using lost = open({ SINK_SYSLOG_PROTO: proto, SINK_SYSLOG_ADDR: "nosuch.invalid:514" });
    await assert.rejects(
      lost.connect(),
      fault(`syslog at ${proto}://nosuch.invalid:514: host not found`, "transient"),
    );
  }
});

Deno.test("over TCP a lost connection is told once, and the next alert opens another", async () => {
  const lost: Fault[] = [];
  await using sink = open({ ...tcp(proxy.port), SINK_SYSLOG_TAG: "again" }, lost);
  await sink.connect();
  await proxy.cut();
  await waitFor("the loss", () => lost.length > 0);
  assert.deepEqual(lost.map(({ message }) => message), [
    `syslog at tcp://127.0.0.1:${proxy.port} closed the connection`,
  ]);
  await sink.send(alertAbout());
  await linesOf("again", 1);
  assert.equal(lost.length, 1);
});

Deno.test("disposing the sink settles an alert that a server which reads nothing holds up", async () => {
  const silent = createServer({ pauseOnConnect: true }, (socket) => void socket.on("error", () => {}))
    .listen(0, "127.0.0.1");
  await once(silent, "listening");
  const sink = open(tcp((silent.address() as AddressInfo).port));
  const sent = sink.send(largeAlert("large[0]", 1 << 24));
  sent.catch(() => {});
  await sink.connect();
  await sink[Symbol.asyncDispose]();
  await assert.rejects(sent, fault("closed", "transient"));
  silent.close();
});

Deno.test("settings that go together, and those that are wrong, are explained", () => {
  const problems = (env: Record<string, string>) => {
    const found: string[] = [];
    syslog.prepare({ flags: {}, env, problems: found });
    return found;
  };
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ SINK_SYSLOG_PROTO: "udp" }), [
    "Missing SINK_SYSLOG_ADDR (--sink-syslog-addr): address of the syslog server; needed with SINK_SYSLOG_PROTO, " +
    "such as localhost:514",
  ]);
  assert.deepEqual(problems({ SINK_SYSLOG_ADDR: "h:514" }), [
    "Missing SINK_SYSLOG_PROTO (--sink-syslog-proto): how lines reach the syslog server, since SINK_SYSLOG_ADDR " +
    "(--sink-syslog-addr) is set; tcp or udp",
  ]);
  assert.deepEqual(problems({ SINK_SYSLOG_PROTO: "tls", SINK_SYSLOG_ADDR: "h", SINK_SYSLOG_TAG: "a: b" }), [
    'SINK_SYSLOG_PROTO (--sink-syslog-proto): found "tls"; expected tcp or udp, such as tcp',
    'SINK_SYSLOG_ADDR (--sink-syslog-addr): found "h"; expected HOST:PORT or [IPv6]:PORT, such as localhost:514',
    'SINK_SYSLOG_TAG (--sink-syslog-tag): found "a: b"; expected 1 to 48 visible characters of ASCII without : and [ ' +
    "and ], such as crash-loops",
  ]);
});
