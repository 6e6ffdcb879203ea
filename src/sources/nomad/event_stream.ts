// The bytes of Nomad's answers → what stands in them: the lines of the event stream, the allocations of the list.
import { oneLine, refusedToken } from "../../clients/nomad/errors.ts";
import { Fault } from "../../lib/errors.ts";
import { EndedByServer } from "../reconnecting.ts";
import { Rest } from "./remainder.ts";
import { type Allocation, isAllocation, parseExactly } from "./allocation.ts";

/** One line of the event stream: what one raft index changed; of a heartbeat the index is 0. */
export interface Line {
  readonly index: number;
  readonly allocations: readonly Allocation[];
  /** What became of jobs and evaluations, in order; left out where there is nothing. */
  readonly ofJobs?: readonly OfJob[];
}

/** An event of the topic Job or Evaluation. */
export interface OfJob {
  /** `JobDeregistered` and others. */
  readonly type: string;
  readonly job?: Readonly<Record<string, unknown>> | undefined;
  readonly evaluation?: Readonly<Record<string, unknown>> | undefined;
}

/** Called with what should be an allocation and cannot be used. */
export type Strange = (found: unknown) => void;

/** The lines of the event stream, those together that came together. @throws {Fault} also where it ends. */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  where: string,
  strange: Strange,
): AsyncGenerator<Line[]> {
  const rest = new Rest("a line", where);
  let any = false;
  for await (const chunk of body) {
    any = true;
    let start = 0;
    const lines: Line[] = [];
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      lines.push(readLine(text(rest.end(chunk.subarray(start, end))), where, strange));
      start = end + 1;
    }
    rest.add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  // Nomad 1.11.2 and later answer so where they refuse: the first heartbeat is the only proof of success.
  if (!any) throw refusedToken(where, "the event stream is empty");
  const last = text(rest.end(new Uint8Array()));
  if (last !== "") yield [readLine(last, where, strange)];
  throw new Fault(`${where} ended the event stream`);
}

/** Reads one line of the event stream. @throws {Fault} where it is none, or Nomad's word that the stream ends. */
export function readLine(line: string, where: string, strange: Strange): Line {
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
  const ofJobs: OfJob[] = [];
  for (const event of parsed.Events ?? []) {
    if (event?.Topic === "Job" || event?.Topic === "Evaluation") {
      ofJobs.push({ type: event.Type ?? "", job: event.Payload?.Job, evaluation: event.Payload?.Evaluation });
    }
    if (event?.Topic !== "Allocation") continue;
    const allocation = event.Payload?.Allocation;
    if (isAllocation(allocation)) allocations.push(allocation);
    else strange(allocation);
  }
  return { index: parsed.Index, allocations, ...(ofJobs.length > 0 ? { ofJobs } : {}) };
}

interface Event {
  readonly Topic?: string;
  readonly Type?: string;
  readonly Payload?: {
    readonly Allocation?: unknown;
    readonly Job?: Readonly<Record<string, unknown>>;
    readonly Evaluation?: Readonly<Record<string, unknown>>;
  };
}

/**
 * The allocations of the list, those together that came together, each read when it is asked for: the whole can be
 * hundreds of megabytes.
 */
export async function* listOf(
  body: AsyncIterable<Uint8Array>,
  where: string,
  strange: Strange,
): AsyncGenerator<Iterable<Allocation>> {
  const elements = new Elements(where, "allocations");
  for await (const chunk of body) {
    const found = elements.push(chunk);
    if (found.length > 0) yield readList(found, where, strange);
  }
  elements.end();
}

function* readList(elements: readonly Uint8Array[], where: string, strange: Strange): Generator<Allocation> {
  for (const element of elements) {
    let allocation;
    try {
      allocation = parseExactly(text(element));
    } catch {
      throw notAList(where, "allocations", text(element));
    }
    if (isAllocation(allocation)) yield allocation;
    else strange(allocation);
  }
}

function notAList(where: string, what: string, text: string): Fault {
  return new Fault(`${where} sent no list of ${what} but ${oneLine(text)}`);
}

/** Cuts a JSON array into its elements, as its bytes come. */
export class Elements {
  readonly #where: string;
  readonly #what: string;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #ended = false;
  /** The beginning of an element whose end has not come yet. */
  readonly #rest: Rest;

  /** `what` they are, in the plural. */
  constructor(where: string, what: string) {
    this.#where = where;
    this.#what = what;
    this.#rest = new Rest("an allocation", where);
  }

  /** The elements that end in this chunk. */
  push(chunk: Uint8Array): Uint8Array[] {
    const elements: Uint8Array[] = [];
    let start = this.#depth > 1 ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inText = false;
      } else if (byte === quote && this.#depth > 0) this.#inText = true;
      else if (byte === openBrace || (byte === openBracket && !this.#ended)) {
        if (this.#depth === 0 && byte === openBrace) throw notAList(this.#where, this.#what, text(chunk));
        if (this.#depth++ === 1) start = at;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (--this.#depth === 1) {
          elements.push(this.#rest.end(chunk.subarray(start, at + 1)));
          start = -1;
        } else if (this.#depth === 0) this.#ended = true;
      } else if (this.#depth === 0 && byte > space) throw notAList(this.#where, this.#what, text(chunk));
    }
    if (start >= 0) this.#rest.add(chunk.subarray(start));
    return elements;
  }

  end(): void {
    if (!this.#ended) throw new Fault(`${this.#where} sent a list of ${this.#what} that breaks off`);
  }
}

const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace, space] = new TextEncoder().encode(
  '"\\[]{} ',
) as unknown as [number, number, number, number, number, number, number];

const utf8 = new TextDecoder();

function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
