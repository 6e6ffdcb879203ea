// The load: nomad-firehose's messages as they were recorded, with names, allocations and times of their own.
import { Random } from "../../helpers/random.ts";

/** What messages are made of. */
export interface Load {
  /** How many of them are restarts: 0.05 is one in twenty. */
  readonly restarts: number;
  /** The restarts are of so many names. */
  readonly names: number;
  /** In the order of their names, over and over, in the place of chance. */
  readonly inTurn?: boolean;
}

/** A recorded message, cut where each has its own; `{}` is not in JSON text like this. */
interface Shape {
  readonly parts: readonly string[];
}

// What the release of 2017 does not send is left out, which makes 902 bytes on average with these names.
const leftOut = new Set(["DisplayMessage", "Details"]);

const recorded: readonly string[] = (await new Response(
  (await Deno.open(new URL("../../fixtures/firehose.ndjson.gz", import.meta.url))).readable
    .pipeThrough(new DecompressionStream("gzip")),
).text()).trim().split("\n");

const isRestart = (line: string) => line.includes('"Type":"Restarting"');
const shapesOfRestarts = recorded.filter(isRestart).map(shapeOf);
const shapesOfOthers = recorded.filter((line) => !isRestart(line)).map(shapeOf);

function shapeOf(line: string): Shape {
  const own: Record<string, unknown> = { Name: "\0n", AllocationID: "\0a", JobID: "\0j", Time: "\0t" };
  const text = JSON.stringify(
    JSON.parse(line),
    (key, value) => leftOut.has(key) ? undefined : own[key] ?? value,
  ).replace(/"\\u0000t"/, "\\u0000t");
  return { parts: text.split(/\\u0000[najt]/) };
}

const services = ["api", "billing", "checkout", "search", "mail-relay", "image-resize", "ledger", "web"];
const groups = ["web", "worker", "cron"];

/** The name of the allocation with this number; no two are alike. */
export function nameOf(index: number): string {
  return `${jobOf(index)}.${groups[index % groups.length]}[${index % 4}]`;
}

function jobOf(index: number): string {
  return `${services[index % services.length]}-${index}`;
}

/** The id of the allocation with this number. */
export function allocationOf(index: number): string {
  const hex = (part: number) => (Math.imul(index + part, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
  const [a, b, c, d] = [hex(1), hex(77), hex(4242), hex(31337)];
  return `${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`;
}

/** Makes messages, each with a time of its own: now, unless another is given. */
export class Messages {
  readonly #load: Load;
  readonly #random = new Random(20261124);
  #made = 0;
  #turn = 0;

  constructor(load: Load) {
    this.#load = load;
  }

  /** The next message, as JSON text. */
  next(now = Date.now()): string {
    if (this.#random.next() >= this.#load.restarts) return this.other(now);
    const { names, inTurn } = this.#load;
    return this.restart(inTurn ? this.#turn++ % names : this.#random.below(names), now);
  }

  /** A restart of the allocation with this number. */
  restart(index: number, now = Date.now()): string {
    return this.#make(this.#random.pick(shapesOfRestarts), index, now);
  }

  /** An update of any other type. */
  other(now = Date.now()): string {
    return this.#make(this.#random.pick(shapesOfOthers), this.#random.below(100_000), now);
  }

  /** In the order of nomad-firehose's fields: Name, AllocationID, JobID, Time. */
  #make({ parts }: Shape, index: number, now: number): string {
    const nanoseconds = String(this.#made++ % 1_000_000).padStart(6, "0");
    return parts[0] + nameOf(index) + parts[1] + allocationOf(index) + parts[2] + jobOf(index) + parts[3] +
      now + nanoseconds + parts[4];
  }
}
