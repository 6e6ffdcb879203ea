// The log: lines on stderr, text or JSON. What is logged is data in a sentence; control characters never
// reach the terminal raw.
import { configureSync, getJsonLinesFormatter, getLogger, type LogRecord } from "@logtape/logtape";
import type { LineOutput } from "./coalescing_writer.ts";
import { plain, plainJson } from "./escape.ts";

/** The accepted levels, from the most to the least. */
export const logLevels = ["debug", "info", "warning", "error"] as const;
/** From this level on, lines are written. */
export type LogLevel = typeof logLevels[number];
/** How a line is written. */
export const logFormats = ["text", "json"] as const;

/** Writes one line: a sentence whose `{name}`s are filled from the fields. */
export type LogLine = (sentence: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Where the program says what it does. */
export type Log = Readonly<Record<LogLevel, LogLine>> & {
  /** Lines of the level `debug` are written: those for each restart are not even made where they are not. */
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

/** Opens the log of this process on an output, and says there how much of it was dropped. */
export function openLogOn(output: LineOutput, level: LogLevel, format: typeof logFormats[number]): Log {
  const log = openLog(level, format, (line) => output.write(line));
  output.onRead = (lines) =>
    log.error("{lines} lines of this log were dropped: nobody read stderr", { lines });
  return log;
}

const json = getJsonLinesFormatter({ properties: "flatten", lineEnding: "lf" });

const formatters = {
  text: (record: LogRecord) =>
    `${new Date(record.timestamp).toISOString()} ${record.level} ${
      sentenceOf(record, (value) => plain(written(value)))
    }\n`,
  // The formatter of itself puts texts within the sentence in quotes.
  json: (record: LogRecord) =>
    plainJson(
      json({ ...record, properties: cutAll(record.properties), message: [sentenceOf(record, written)] }),
    ),
};

/** The sentence, filled in: its parts at even places are of the sentence, the others are values. */
function sentenceOf({ message }: LogRecord, write: (value: unknown) => string): string {
  return message.map((part, index) => index % 2 === 0 ? part : write(part)).join("");
}

function written(value: unknown): string {
  return typeof value === "string" ? cut(value) : JSON.stringify(value) ?? String(value);
}

/** Characters of a text that are logged at most: a name can have as many as a message. */
const maxCharacters = 1_000;

function cut(text: string): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters).toWellFormed()}…`;
}

function cutAll(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? cut(value) : value]),
  );
}
