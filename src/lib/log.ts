// The log: lines of text or JSON on stderr. A line is a sentence with data; control characters never reach the terminal
// raw.
import { configureSync, getJsonLinesFormatter, getLogger, type LogRecord } from "@logtape/logtape";
import type { LineOutput } from "./coalescing_writer.ts";
import { plain, plainJson } from "./escape.ts";

/** The accepted levels, most verbose first. */
export const logLevels = ["debug", "info", "warning", "error"] as const;
/** The minimum level of lines that are written. */
export type LogLevel = typeof logLevels[number];
/** The accepted formats. */
export const logFormats = ["text", "json"] as const;

/** Writes one line: a sentence whose `{name}`s are filled from the fields. */
export type LogLine = (sentence: string, fields?: Readonly<Record<string, unknown>>) => void;

/** The log of the program. */
export type Log = Readonly<Record<LogLevel, LogLine>> & {
  /** Whether `debug` lines are written; if not, those for each restart are not even formatted. */
  readonly detailed: boolean;
};

/** Opens the log of this process. `write` takes a finished line with its line feed. */
export function openLog(
  level: LogLevel,
  format: typeof logFormats[number],
  write: (line: string) => void,
): Log {
  const formatter = formatters[format];
  configureSync({
    reset: true,
    sinks: { lines: (record: LogRecord) => write(formatter(record)) },
    loggers: [
      { category: [], sinks: ["lines"], lowestLevel: level },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error", parentSinks: "override" },
    ],
  });
  const logger = getLogger(["nomad-crashloop-detector"]);
  const line = (method: "debug" | "info" | "warn" | "error"): LogLine => (sentence, fields) =>
    logger[method](sentence, fields ?? {});
  return {
    detailed: level === "debug",
    debug: line("debug"),
    info: line("info"),
    warning: line("warn"),
    error: line("error"),
  };
}

/** Opens the log of this process on an output, and logs there how many lines it dropped. */
export function openLogOn(output: LineOutput, level: LogLevel, format: typeof logFormats[number]): Log {
  const log = openLog(level, format, (line) => output.write(line));
  output.onDropped?.((lines) =>
    log.error("{lines} lines of this log were dropped: nobody read stderr", { lines })
  );
  return log;
}

const json = getJsonLinesFormatter({ properties: "flatten", lineEnding: "lf" });

const formatters = {
  text: (record: LogRecord) =>
    `${new Date(record.timestamp).toISOString()} ${record.level} ${
      sentenceOf(record, (value) => plain(written(value)))
    }\n`,
  // On its own, the formatter would quote texts within the sentence.
  json: (record: LogRecord) =>
    plainJson(
      json({ ...record, properties: cutAll(record.properties), message: [sentenceOf(record, written)] }),
    ),
};

/** The sentence with its values: parts with an even index are of the sentence, the others are values. */
function sentenceOf({ message }: LogRecord, write: (value: unknown) => string): string {
  return message.map((part, index) => index % 2 === 0 ? part : write(part)).join("");
}

function written(value: unknown): string {
  return typeof value === "string" ? cut(value) : JSON.stringify(value) ?? String(value);
}

/** Maximum logged characters of a text: a name can be as long as a message. */
const maxCharacters = 1_000;

function cut(text: string): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters).toWellFormed()}…`;
}

function cutAll(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? cut(value) : value]),
  );
}
