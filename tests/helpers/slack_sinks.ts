// Slack and sinks that know it, set up for one test.
import { openSlack } from "../../src/sinks/slack/slack.ts";
import type { Sink, SinkContext } from "../../src/sinks/sink.ts";
import { namedContext } from "./loop.ts";
import { TestRecords } from "./sink.ts";
import { type SlackStandIn, startSlack } from "./slack.ts";

/** Slack, and sinks that send to it. */
export interface SlackGiven extends AsyncDisposable {
  readonly server: SlackStandIn;
  readonly records: TestRecords;
  /** The sink, opened again. */
  open(differs?: { token?: string; channel?: string; path?: string; context?: Partial<SinkContext> }): Sink;
}

/** Slack that takes a message each 5 ms, or at another pace, and sinks that know it. */
export async function slackGiven(way: "token" | "webhook" = "token", interval = 5): Promise<SlackGiven> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startSlack(interval));
  const records = new TestRecords();
  const open = parts.move();
  return {
    server,
    records,
    open({ token = server.token, channel = "#alerts", path = "/api", context = {} } = {}) {
      const values = {
        webhookUrl: way === "webhook" ? new URL(server.webhookUrl) : undefined,
        token: way === "token" ? token : undefined,
        channel: way === "token" ? channel : undefined,
        apiUrl: new URL(path, server.apiUrl),
      };
      return open.use(openSlack(values, namedContext({ records, ...context }), "SINK_SLACK", interval));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
