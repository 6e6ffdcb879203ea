// The tables of sources and sinks, and which of them the settings choose. The only file that knows all adapters.
import { findAdapter, words } from "../lib/settings/adapter.ts";
import { choice, optional } from "../lib/settings/parsers.ts";
import { type Input, readSettings, type Setting } from "../lib/settings/setting.ts";
import { alertmanager } from "../sinks/alertmanager/alertmanager.ts";
import { amqpSink } from "../sinks/amqp.ts";
import { email } from "../sinks/email/email.ts";
import { eventbridge } from "../sinks/eventbridge.ts";
import { kinesis } from "../sinks/kinesis.ts";
import { sns } from "../sinks/sns.ts";
import { sqs } from "../sinks/sqs.ts";
import { kafka } from "../sinks/kafka/kafka.ts";
import { mongodb } from "../sinks/mongodb/mongodb.ts";
import { nsq } from "../sinks/nsq/nsq.ts";
import { redis } from "../sinks/redis/redis.ts";
import { findSink, type SinkAdapter } from "../sinks/adapter.ts";
import { pagerduty } from "../sinks/pagerduty.ts";
import { slack } from "../sinks/slack/slack.ts";
import { http } from "../sinks/webhook/http.ts";
import { webhook } from "../sinks/webhook/webhook.ts";
import { stdout } from "../sinks/stdout.ts";
import { teams } from "../sinks/teams.ts";
import { syslog } from "../sinks/syslog/syslog.ts";
import { amqpSource } from "../sources/amqp/source.ts";
import { nomad } from "../sources/nomad/nomad.ts";
import type { SourceAdapter } from "../sources/source.ts";
import { stdinSource } from "../sources/stdin/source.ts";

/** Every source; the first that is configured is the default. */
export const sources: readonly SourceAdapter[] = [amqpSource, nomad, stdinSource];
/** Every sink. */
export const sinks: readonly SinkAdapter[] = [
  stdout,
  amqpSink,
  kinesis,
  sqs,
  sns,
  eventbridge,
  slack,
  pagerduty,
  teams,
  alertmanager,
  email,
  webhook,
  http,
  redis,
  nsq,
  syslog,
  kafka,
  mongodb,
];

/** The setting that chooses the source. */
export const sourceChoice = {
  sourceType: optional(choice({
    env: "SOURCE_TYPE",
    help: "where updates come from",
    defaultNote: "stdin if files are named, else amqp if AMQP_CONNECTION or AMQP_QUEUE is set, " +
      "else nomad if NOMAD_ADDR is or NOMAD_SECRETS_DIR has an api.sock",
    example: "stdin",
  }, words(sources))),
};

/** The setting that chooses the sinks. */
export const sinkChoice = { sinks: sinkTypes() };

function sinkTypes(): Setting<readonly SinkAdapter[]> {
  const known = words(sinks);
  return {
    env: "SINK_TYPE",
    help:
      "where alerts go: one sink or several, separated by commas; a second one of a type has a name, as in " +
      "webhook:audit, which its variables have too: SINK_WEBHOOK_AUDIT_URL",
    accepts: `one or more, separated by commas, of ${known.join(", ")}`,
    choices: known,
    default: "stdout",
    example: "stdout,amqp",
    parse(text) {
      const chosen = new Map<string, SinkAdapter>();
      for (const word of text.toLowerCase().split(",")) {
        const sink = findSink(sinks, word.trim());
        if (sink === undefined) throw new Error("");
        chosen.set(sink.type, sink);
      }
      return [...chosen.values()];
    },
  };
}

/** The source that the settings choose; undefined, with the reasons in `input.problems`, if they choose none. */
export function chooseSource(input: Input, files: readonly string[]): SourceAdapter | undefined {
  const chosen = readSettings(sourceChoice, input);
  if (chosen === undefined) return undefined;
  const source = chosen.sourceType !== undefined
    ? findAdapter(sources, chosen.sourceType)
    : files.length > 0
    ? stdinSource
    : sources.find((source) => source.isConfigured(input));
  if (source === undefined) {
    input.problems.push(waysToStart);
  } else if (files.length > 0 && source !== stdinSource) {
    input.problems.push(
      `SOURCE_TYPE (--source-type): found "${source.type}" and files to read; ` +
        `files are read by the source "${stdinSource.type}"`,
    );
  }
  return source;
}

const waysToStart = `No source. Choose where updates come from:
  NOMAD_ADDR=http://localhost:4646 nomad-crashloop-detector
  AMQP_CONNECTION=amqp://guest:guest@localhost:5672/ AMQP_QUEUE=nomad.crash-loop-in nomad-crashloop-detector
  SINK_TYPE=stdout nomad-firehose allocations | nomad-crashloop-detector --source-type stdin
  nomad-crashloop-detector recording.ndjson.gz`;
