// Reads the lines of Nomad's event stream from its bytes.
import { oneLine, refusedToken } from "../../../clients/nomad/errors.ts";
import { Fault } from "../../../lib/errors.ts";
import { EndedByServer } from "../../reconnecting.ts";
import { Remainder } from "./remainder.ts";
import type { NodeChange } from "../nodes/node_watch.ts";
import { type Allocation, isAllocation, parseExactly } from "../tracking/allocation.ts";

/** One line of the event stream: the changes of one raft index; the index of a heartbeat is 0. */
export interface Line {
  readonly index: number;
  readonly allocations: readonly Allocation[];
  /** Events of jobs and evaluations, in order; absent if there are none. */
  readonly jobEvents?: readonly JobEvent[];
  /** Events of nodes, in order; absent if there are none. */
  readonly nodes?: readonly NodeChange[];
}

/** An event of the topic Job or Evaluation. */
export interface JobEvent {
  /** `JobDeregistered` and others. */
  readonly type: string;
  readonly job?: Readonly<Record<string, unknown>> | undefined;
  readonly evaluation?: Readonly<Record<string, unknown>> | undefined;
}

/** Called with a value that should be an allocation but is unusable. */
export type OnUnexpected = (found: unknown) => void;

/** Yields the lines of the event stream, one group for each chunk. @throws {Fault} also when it ends. */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  where: string,
  onUnexpected: OnUnexpected,
): AsyncGenerator<Line[]> {
  const rest = new Remainder("a line", where);
  let any = false;
  for await (const chunk of body) {
    any = true;
    let start = 0;
    const lines: Line[] = [];
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      lines.push(readLine(text(rest.end(chunk.subarray(start, end))), where, onUnexpected));
      start = end + 1;
    }
    rest.add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  // Nomad 1.11.2 and later refuse a token like this: the first heartbeat is the only proof of success.
  if (!any) throw refusedToken(where, "the event stream is empty");
  const last = text(rest.end(new Uint8Array()));
  if (last !== "") yield [readLine(last, where, onUnexpected)];
  throw new Fault(`${where} ended the event stream`);
}

/** Reads one line of the event stream. @throws {Fault} if it is malformed, or announces the end of the stream. */
export function readLine(line: string, where: string, onUnexpected: OnUnexpected): Line {
  if (line === "{}" || line === "") return { index: 0, allocations: [] };
  if (/^event dropped from buffer/.test(line)) {
    throw new Fault(`${where} ended the event stream: it was read more slowly than events came`);
  }
  if (/^subscription closed by server/.test(line)) {
    // It ends streams like that also when its agent stops.
    throw new EndedByServer(`${where} ended the event stream: the token or its policies changed`);
  }
  let parsed;
  try {
    parsed = parseExactly(line) as { Index: number; Events?: readonly Event[] | null };
  } catch {
    const what = line.startsWith('{"')
      ? "a line that breaks off"
      : `a line that is no event: ${oneLine(line)}`;
    throw new Fault(`${where} sent ${what}`);
  }
  if (typeof parsed?.Index !== "number" || !Array.isArray(parsed.Events ?? [])) {
    throw new Fault(`${where} sent a line that is no event: ${oneLine(line)}`);
  }
  const allocations: Allocation[] = [];
  const jobEvents: JobEvent[] = [];
  const nodes: NodeChange[] = [];
  for (const event of parsed.Events ?? []) {
    if (event?.Topic === "Job" || event?.Topic === "Evaluation") {
      jobEvents.push({
        type: event.Type ?? "",
        job: event.Payload?.Job,
        evaluation: event.Payload?.Evaluation,
      });
    }
    if (event?.Topic === "Node" && event.Payload?.Node) {
      nodes.push({ type: event.Type ?? "", node: event.Payload.Node });
    }
    if (event?.Topic !== "Allocation") continue;
    const allocation = event.Payload?.Allocation;
    if (isAllocation(allocation)) allocations.push(allocation);
    else onUnexpected(allocation);
  }
  return {
    index: parsed.Index,
    allocations,
    ...(jobEvents.length > 0 ? { jobEvents } : {}),
    ...(nodes.length > 0 ? { nodes } : {}),
  };
}

interface Event {
  readonly Topic?: string;
  readonly Type?: string;
  readonly Payload?: {
    readonly Allocation?: unknown;
    readonly Job?: Readonly<Record<string, unknown>>;
    readonly Evaluation?: Readonly<Record<string, unknown>>;
    readonly Node?: Readonly<Record<string, unknown>>;
  };
}

const utf8 = new TextDecoder();

function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
