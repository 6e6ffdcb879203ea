// What a round's stream must have led to, compared with what it did: in the queues, and in the state file.
import { DatabaseSync } from "node:sqlite";
import { type Event, restartCount, type Stream, textOf } from "./stream.ts";

/** What is there at the end of a round, the program having ended. */
export interface Found {
  /** The queue of alerts: id and body of each. */
  readonly alerts: readonly { readonly id: string; readonly body: string }[];
  /** The queue of rejected messages. */
  readonly dead: readonly string[];
  /** Messages in the queue of updates, those given out and not acknowledged included. */
  readonly left: number;
  /** Messages that the program took by its own count, where it could say so: some of them twice, none never. */
  readonly taken: number | undefined;
  readonly stateFile: string | undefined;
}

/** The figures of a round. */
export interface Verdict {
  /** Loops in the stream, those of the probe included; how many of them were notified … */
  readonly loops: number;
  readonly notified: number;
  /** … under two ids; names notified that do not loop; and alerts that came again under their id, which may be. */
  readonly notifiedTwice: number;
  readonly notifiedFalsely: number;
  readonly again: number;
  /** Messages without effect: left in the queue, restarts missing in alerts or state, bad ones not rejected. */
  readonly lost: number;
  /** What is wrong, in words. */
  readonly problems: readonly string[];
}

/** Compares. */
export function judge(stream: Stream, found: Found): Verdict {
  const judging = new Judging(stream);
  judging.alerts(found.alerts);
  judging.dead(found.dead);
  if (found.left > 0) judging.lose(found.left, `${found.left} messages are left in the queue`);
  const sent = stream.messages.length + stream.probe.length;
  if (found.taken !== undefined && found.taken < sent) {
    judging.lose(sent - found.taken, `the program took ${found.taken} of ${sent} messages`);
  }
  if (found.stateFile !== undefined) judging.state(found.stateFile);
  return judging.verdict();
}

class Judging {
  readonly #stream: Stream;
  /** The restarts of every name that is to be notified. Those of `nearly` are notified by the probe, so with all. */
  readonly #loops: ReadonlyMap<string, readonly Event[]>;
  readonly #ids = new Map<string, Set<string>>();
  readonly #problems: string[] = [];
  #lost = 0;
  #falsely = 0;
  #again = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
    const completed = stream.probe.map((last): [string, Event[]] => [
      last.name,
      [...stream.nearly.get(last.name)!, last],
    ]);
    this.#loops = new Map([...stream.loops, ...completed]);
  }

  alerts(alerts: Found["alerts"]): void {
    for (const { id, body } of alerts) {
      const name = JSON.parse(body).LastEvent.Name;
      const ids = this.#ids.get(name) ?? new Set();
      this.#ids.set(name, ids);
      if (ids.has(id)) this.#again++;
      else this.#newAlert(name, body);
      ids.add(id);
    }
    for (const [name, restarts] of this.#loops) {
      // Had one of them arrived less, there would be no loop: so many were lost at least.
      if (!this.#ids.has(name)) this.lose(1, `${name} with ${restarts.length} restarts is not notified`);
    }
  }

  dead(bodies: readonly string[]): void {
    const there = new Set(bodies);
    for (const text of this.#stream.malformed) {
      if (!there.delete(text)) this.lose(1, `not rejected: ${text}`);
    }
    for (const text of there) this.#problems.push(`rejected though good: ${text}`);
  }

  /** The state file holds the restarts that count, all and no others; what was notified; and no alert. */
  state(path: string): void {
    using file = new DatabaseSync(path, { readOnly: true });
    const rows = (sql: string) => file.prepare(sql).all() as Record<string, string>[];
    const kept = rows("SELECT name, CAST(time AS TEXT) AS time FROM restarts");
    const expected = new Map<string, number>();
    const add = (key: string, count: number) => expected.set(key, (expected.get(key) ?? 0) + count);
    for (const restarts of [...this.#loops.values(), ...this.#stream.single.values()]) {
      for (const { name, time } of restarts) add(`${name} at ${time}`, 1);
    }
    for (const { name, time } of kept) add(`${name} at ${time}`, -1);
    for (const [key, missing] of expected) {
      if (missing > 0) this.lose(missing, `not in the state file: ${key}`);
      if (missing < 0) this.#problems.push(`in the state file, but not expected there: ${key}`);
    }
    const notified = new Set(rows("SELECT name FROM notified").map(({ name }) => name));
    for (const name of this.#loops.keys()) {
      if (!notified.delete(name)) {
        this.#problems.push(`the state file does not know that ${name} is notified`);
      }
    }
    for (const name of notified) this.#problems.push(`notified by the state file, though no loop: ${name}`);
    const waiting = rows("SELECT name FROM outbox").length;
    if (waiting > 0) this.#problems.push(`${waiting} alerts are left in the state file`);
  }

  lose(count: number, how: string): void {
    this.#lost += count;
    this.#problems.push(how);
  }

  verdict(): Verdict {
    const notified = [...this.#loops.keys()].filter((name) => this.#ids.has(name)).length;
    const twice = [...this.#ids].filter(([, ids]) => ids.size > 1);
    for (const [name, ids] of twice) this.#problems.push(`${name} is notified as ${[...ids].join(" and ")}`);
    return {
      loops: this.#loops.size,
      notified,
      notifiedTwice: twice.length,
      notifiedFalsely: this.#falsely,
      again: this.#again,
      lost: this.#lost,
      problems: this.#problems,
    };
  }

  /** It is notified at the restart that makes it a loop: with as many times, that of the update being the last. */
  #newAlert(name: string, body: string): void {
    const restarts = this.#loops.get(name);
    if (restarts === undefined) {
      this.#falsely++;
      this.#problems.push(`notified though no loop: ${body}`);
      return;
    }
    const times: bigint[] = JSON.parse(body).EventLog.map(nanoseconds);
    const known = new Map(restarts.map((restart) => [textOf(restart), restart]));
    const last = [...known].find(([text]) => body.startsWith(`{"LastEvent":${text},"EventLog":[`))?.[1];
    const wrong = (what: string): void => void this.#problems.push(`${what}: ${body}`);
    if (last === undefined) return wrong("the update in the alert is none of its restarts");
    if (times.length !== restartCount) return wrong(`not ${restartCount} times in the alert`);
    if (times.at(-1) !== last.time) wrong("the last time in the alert is not that of its update");
    const left = restarts.map(({ time }) => time);
    for (const time of times) {
      const place = left.indexOf(time);
      if (place < 0) wrong("a time too much in the alert");
      else left.splice(place, 1);
    }
  }
}

/** `2026-11-24T03:42:54.562822483Z` in nanoseconds since the Unix epoch. */
function nanoseconds(rfc3339: string): bigint {
  const [, seconds, fraction = ""] = /^(.{19})(?:\.(\d+))?Z$/.exec(rfc3339)!;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
