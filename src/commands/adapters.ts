// The tables of sources and sinks, and which of them the settings choose. The only file that knows all adapters.
import { findAdapter, words } from "../lib/settings/adapter.ts";
import { choice, optional } from "../lib/settings/parsers.ts";
import { flagOf, type Input, readSettings, type Setting } from "../lib/settings/setting.ts";
import { findSink, loadSink, type SinkAdapter, type SinkType } from "../sinks/adapter.ts";
import { amqpSource } from "../sources/amqp/source.ts";
import { nomad } from "../sources/nomad/nomad.ts";
import type { SourceAdapter } from "../sources/source.ts";
import { stdinSource } from "../sources/stdin/source.ts";

/** Every source; the first that is configured is the default. */
export const sources: readonly SourceAdapter[] = [amqpSource, nomad, stdinSource];
/** Every sink, in the order of help. */
export const sinks: readonly SinkType[] = [
  sink("stdout", async () => (await import("../sinks/stdout.ts")).stdout),
  sink("amqp", async () => (await import("../sinks/amqp.ts")).amqpSink, ["rabbitmq"]),
  sink("kinesis", async () => (await import("../sinks/kinesis.ts")).kinesis),
  sink("sqs", async () => (await import("../sinks/sqs.ts")).sqs),
  sink("sns", async () => (await import("../sinks/sns.ts")).sns),
  sink("eventbridge", async () => (await import("../sinks/eventbridge.ts")).eventbridge),
  sink("slack", async () => (await import("../sinks/slack/slack.ts")).slack),
  sink("pagerduty", async () => (await import("../sinks/pagerduty.ts")).pagerduty),
  sink("teams", async () => (await import("../sinks/teams.ts")).teams),
  sink("alertmanager", async () => (await import("../sinks/alertmanager/alertmanager.ts")).alertmanager),
  sink("email", async () => (await import("../sinks/email/email.ts")).email),
  sink("webhook", async () => (await import("../sinks/webhook/webhook.ts")).webhook),
  sink("http", async () => (await import("../sinks/webhook/http.ts")).http),
  sink("redis", async () => (await import("../sinks/redis/redis.ts")).redis),
  sink("nsq", async () => (await import("../sinks/nsq/nsq.ts")).nsq),
  sink("syslog", async () => (await import("../sinks/syslog/syslog.ts")).syslog),
  sink("kafka", async () => (await import("../sinks/kafka/kafka.ts")).kafka),
  sink("mongodb", async () => (await import("../sinks/mongodb/mongodb.ts")).mongodb),
];

function sink(type: string, load: () => Promise<SinkAdapter>, aliases: readonly string[] = []): SinkType {
  return { type, aliases, load };
}

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

function sinkTypes(): Setting<readonly string[]> {
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
      const found = text.toLowerCase().split(",").map((word) => findSink(sinks, word.trim()));
      if (!found.every((sink) => sink !== undefined)) throw new Error("");
      return [...new Set(found)];
    },
  };
}

/**
 * The sinks that the command line or the environment chooses, before either is read, since their settings have to be
 * known for that; a wrong choice is found later. With arguments, which may ask for help, every type of sink too.
 */
export async function loadSinks(
  args: readonly string[],
  variable: string | undefined,
): Promise<readonly SinkAdapter[]> {
  const { sinks: setting } = sinkChoice;
  const flag = flagOf(setting);
  const byFlag = args.flatMap((arg, index) =>
    arg === flag ? [args[index + 1] ?? ""] : arg.startsWith(`${flag}=`) ? [arg.slice(flag.length + 1)] : []
  ).at(-1);
  let chosen: readonly string[] = [];
  try {
    chosen = setting.parse(byFlag ?? (variable || setting.default!));
  } catch {
    // It is reported where the settings are read.
  }
  const all = args.length > 0 ? sinks.map(({ type }) => type) : [];
  return await Promise.all([...new Set([...all, ...chosen])].map((sink) => loadSink(sinks, sink)));
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
