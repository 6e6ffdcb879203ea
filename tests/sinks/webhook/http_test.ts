// The sink `http`: requests as nomad-firehose's sink of this name makes them, but confirmed.
import assert from "node:assert/strict";
import { alertJson } from "../../../src/detection/alert/json.ts";
import type { Sink } from "../../../src/sinks/sink.ts";
import { http } from "../../../src/sinks/webhook/http.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { HttpReceiver } from "../../helpers/http_receiver.ts";
import { sinkContext } from "../../helpers/sink.ts";

function open(env: Readonly<Record<string, string>>): Sink {
  return http.prepare({ flags: {}, env, problems: [] })!.open(sinkContext());
}

Deno.test("send() posts the alert's JSON as nomad-firehose does, with the alert's id", async () => {
  await using receiver = HttpReceiver.start();
  await using sink = open({ SINK_HTTP_ADDRESS: `http://user:p%40ss@127.0.0.1:${receiver.port}/a?b=c` });
  const alert = alertAbout();
  await sink.send(alert);
  const [{ method, path, headers, body } = assert.fail("nothing came")] = receiver.received;
  assert.deepEqual([method, path, body], ["POST", "/a?b=c", alertJson(alert)]);
  assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
  assert.equal(headers.get("idempotency-key"), alert.id);
  assert.equal(headers.get("authorization"), `Basic ${btoa("user:p@ss")}`);
});

Deno.test("send() rejects where the receiver does not confirm, and shows neither path nor password", async () => {
  await using receiver = HttpReceiver.start((request) => ({ status: 500, body: `${request.path} failed` }));
  await using sink = open({
    SINK_HTTP_ADDRESS: `http://user:hunter2@127.0.0.1:${receiver.port}/s3cr3t-path`,
    SINK_HTTP_BEARER_TOKEN: "t0ken",
  });
  await assert.rejects(sink.send(alertAbout()), {
    message: `http://127.0.0.1:${receiver.port}/… answered 500: *** failed`,
    recovery: "transient",
  });
});

Deno.test("it has as many alerts in flight as workers, of which there is one", async () => {
  await using one = open({ SINK_HTTP_ADDRESS: "http://localhost/" });
  await using four = open({ SINK_HTTP_ADDRESS: "http://localhost/", SINK_WORKER_COUNT: "4" });
  assert.deepEqual([one.concurrency, four.concurrency], [1, 4]);
});

Deno.test("prepare() says what is wrong with settings", () => {
  for (
    const [env, problem] of [
      [
        {},
        "Missing SINK_HTTP_ADDRESS (--sink-http-address): URL that alerts are posted to, such as " +
        "https://example.com/crash-loops",
      ],
      [
        { SINK_HTTP_ADDRESS: "hunter2" },
        "SINK_HTTP_ADDRESS (--sink-http-address): found a value that is not shown here, not a URL; expected a URL that " +
        "begins with http:// or https://, such as https://example.com/crash-loops",
      ],
      [
        { SINK_HTTP_ADDRESS: "http://localhost/", SINK_WORKER_COUNT: "0" },
        'SINK_WORKER_COUNT (--sink-worker-count): found "0"; expected a whole number from 1 to 100, such as 4',
      ],
    ] as const
  ) {
    const problems: string[] = [];
    http.prepare({ flags: {}, env, problems });
    assert.deepEqual(problems, [problem]);
  }
});
