// What a task wrote last, from Nomad's logs. Logs can hold anything: bytes that are no text, and characters that a
// terminal obeys.
import { Buffer } from "node:buffer";
import type { NomadClient } from "../../../clients/nomad/client.ts";
import { RefusedToken, UnexpectedAnswer } from "../../../clients/nomad/errors.ts";
import type { ContextRequest } from "../../../detection/alert/context.ts";
import type { AlertContext } from "../../../detection/alert/details.ts";
import { cut } from "../../../lib/cut.ts";
import { asFault } from "../../../lib/errors.ts";
import { plain } from "../../../lib/escape.ts";
import { NoAnswer } from "./answers.ts";

type LastWords = NonNullable<AlertContext["LastWords"]>;

/** What is read of a log: bytes of its end, and characters of the lines that are shown of it. */
const maxBytes = 4096;
const maxCharacters = 4096;
/** Characters of one line. */
const maxLine = 1000;

/** A log of a task. */
export type LogType = "stderr" | "stdout";

/** Reads the end of a log. @throws {Fault} */
export async function readLog(
  client: NomadClient,
  { namespace, allocation, task }: ContextRequest,
  type: LogType,
  idleTimeout: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { body } = await client.get({
    path: `/v1/client/fs/logs/${encodeURIComponent(allocation)}`,
    // One byte more shows whether the first line is whole.
    query: { task, type, origin: "end", offset: String(maxBytes + 1), plain: "true", namespace },
    idleTimeout,
    maxBytes: 16 * maxBytes,
    plain: true,
    signal,
  });
  return Buffer.concat(await Array.fromAsync(body));
}

/** The last lines of the end of a log, `count` at most: whole ones, but for one that is longer than all that is read. */
export function lastLines(end: Uint8Array, count: number): string[] {
  const isCut = end.length > maxBytes;
  // As a part of a stream, half a character at its end is none.
  const text = new TextDecoder().decode(isCut ? withoutHalf(end.subarray(-maxBytes - 1)) : end, {
    stream: true,
  });
  const lines = text.split("\n");
  if (isCut && lines.some((line, index) => index > 0 && line.trim() !== "")) lines.shift();
  else if (isCut) lines[0] = `…${lines[0]}`;
  const shown: string[] = [];
  let characters = 0;
  for (const line of lines.toReversed().map(shownLine)) {
    if (line === "" && shown.length === 0) continue;
    if (shown.length === count || (characters += line.length + 1) > maxCharacters && shown.length > 0) break;
    shown.unshift(line);
  }
  while (shown[0] === "") shown.shift();
  return shown;
}

/** Without the bytes of a character that begins before them. */
function withoutHalf(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 3 && (bytes[start]! & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}

/** Colours are left out; what else a terminal would obey is escaped. */
function shownLine(line: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  const text = line.replaceAll(/\u001b\[[0-9;:]*m/g, "").replaceAll("\t", "  ").trimEnd();
  return cut(plain(text), maxLine);
}

/** A log, or why it could not be read. */
export type LogAnswer = { readonly end: Uint8Array } | { readonly error: unknown };

/** The last words, or why there are none. `patience`: the milliseconds for which was waited. */
export function lastWordsOf(
  logs: Readonly<Record<LogType, LogAnswer>>,
  count: number,
  patience: number,
): LastWords {
  const read = (type: LogType) => {
    const log = logs[type];
    const lines = "end" in log ? lastLines(log.end, count) : [];
    const missing = "error" in log
      ? whyMissing(log.error, patience)
      : lines.length === 0
      ? nothing
      : undefined;
    return { type, lines, missing };
  };
  const [stderr, stdout] = [read("stderr"), read("stdout")];
  const missing = stderr.missing === stdout.missing ? stderr.missing : [stderr, stdout]
    .filter(({ missing }) => missing !== undefined && missing !== nothing)
    .map(({ type, missing }) => `${type}: ${missing}`).join("; ") || undefined;
  return {
    ...(stderr.lines.length === 0 ? {} : { Stderr: stderr.lines }),
    ...(stdout.lines.length === 0 ? {} : { Stdout: stdout.lines }),
    ...(missing === undefined ? {} : { Missing: missing }),
  };
}

const nothing = "the task wrote nothing";

/** By what Nomad says, exact texts of its `client/fs_endpoint.go` and `nomad/structs/errors.go`. */
const causes: readonly (readonly [said: RegExp, missing: string])[] = [
  [/unknown alloc(?:ation| ID)\b|alloc(?:ation)? not found/i, "the allocation was garbage-collected"],
  [/No path to node|Unknown node|node is not running a Nomad Client/i, "the node cannot be reached"],
  [/not started yet/i, "the task has not started"],
  [/^(?:[^:]+: )*log entry for task .* not found/i, nothing],
];

function whyMissing(error: unknown, patience: number): string {
  if (error instanceof NoAnswer) return `no answer within ${patience / 1000} s`;
  if (error instanceof RefusedToken) return "the token lacks the capability read-logs";
  const said = error instanceof UnexpectedAnswer ? error.said : undefined;
  const cause = said === undefined ? undefined : causes.find(([words]) => words.test(said));
  if (cause !== undefined) return cause[1];
  return plain(said === undefined ? asFault(error).message : `Nomad says: ${said}`);
}
