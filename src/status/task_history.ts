// What was seen of one name lately: the times of its restarts, or failed runs, and its last events.
import type { Nanoseconds } from "../lib/duration.ts";
import type { RuleEvent } from "../detection/event.ts";
import type { RunEvent } from "../detection/event.ts";
import { formatTime } from "../lib/time.ts";
import { isObject, textOf } from "../detection/decode/fields.ts";
import type { Restart } from "../detection/event.ts";
import { hour, milliseconds } from "./loop_view.ts";
import type { EventView } from "./view.ts";

/** Of one name so many times and events are remembered at most, and characters of what an event says. */
const maxTimes = 200;
export const maxEvents = 200;
const maxWords = 500;
/** An event that comes again is looked for among so many. */
const recent = 20;

type Seen = Omit<EventView, "at"> & { readonly time: Nanoseconds };

/** The times and events of one name. */
export class Trace {
  /** Milliseconds since the Unix epoch, in order. */
  readonly times: number[] = [];
  #events: Seen[] = [];

  get last(): number {
    return this.times.at(-1) ?? -Infinity;
  }

  /** Takes the time of a restart, and lets go those that are older than the hour before it. */
  count(time: Nanoseconds): void {
    const at = milliseconds(time);
    let place = this.times.length;
    while (place > 0 && this.times[place - 1]! > at) place--;
    this.times.splice(place, 0, at);
    while (this.times.length > maxTimes || this.times[0]! <= this.last - hour) this.times.shift();
  }

  /** Takes an event, unless it came before; of them the last `most` stay. */
  add(event: RuleEvent, most: number, withWords: boolean): void {
    const came = this.#events.slice(-recent);
    const seen = seenOf(event as Restart | RunEvent, came.at(-1), withWords);
    if (
      came.some(({ time, type, allocation }) =>
        time === seen.time && type === seen.type && allocation === seen.allocation
      )
    ) return;
    this.#keep(seen, most);
  }

  /** Takes what an alert tells of events before those that were seen: after a start, that is all of them. */
  addNotified(
    events: Iterable<{ readonly time: Nanoseconds; readonly type: string; readonly message: string }>,
  ): void {
    const first = this.#events[0]?.time;
    for (const event of events) {
      if (first !== undefined && event.time >= first) continue;
      this.#keep(
        {
          ...event,
          exitCode: null,
          signal: null,
          failed: false,
          allocation: null,
          task: null,
          node: null,
        },
        maxEvents,
      );
    }
  }

  /** Whether an allocation is among its events. */
  knows(allocation: string): boolean {
    return this.#events.some((event) => event.allocation === allocation);
  }

  views(): EventView[] {
    return this.#events.map(({ time, ...event }) => ({ at: formatTime(time), ...event }));
  }

  #keep(seen: Seen, most: number): void {
    let place = this.#events.length;
    while (place > 0 && this.#events[place - 1]!.time > seen.time) place--;
    this.#events.splice(place, 0, seen);
    if (this.#events.length > most) this.#events = this.#events.slice(-most);
  }
}

/** StringPool that are those of the event before are kept once. */
function seenOf(event: Restart | RunEvent, before: Seen | undefined, withWords: boolean): Seen {
  const same = <Name extends "allocation" | "task" | "node">(name: Name, text: string): string | null =>
    text === before?.[name] ? text : text || null;
  if (event.kind === "event") {
    return {
      time: event.time,
      type: event.type,
      message: event.displayMessage.slice(0, maxWords),
      exitCode: event.exit?.code ?? null,
      signal: event.exit?.signal ?? null,
      failed: event.meaning === "failed" || event.meaning === "failing",
      allocation: same("allocation", event.allocation),
      task: same("task", event.key.Task),
      node: same("node", event.node.Name || event.node.ID),
    };
  }
  const { message, node } = withWords ? wordsOf(event.update) : { message: "", node: "" };
  return {
    time: event.time,
    type: "Restarting",
    message: message.slice(0, maxWords),
    exitCode: null,
    signal: null,
    failed: !event.requested,
    allocation: same("allocation", event.allocation),
    task: same("task", event.task),
    node: same("node", node),
  };
}

function wordsOf(update: string): { message: string; node: string } {
  try {
    const { NodeID, NodeName, TaskEvent } = JSON.parse(update);
    const { DisplayMessage, RestartReason } = isObject(TaskEvent) ? TaskEvent : {} as Record<string, unknown>;
    return {
      message: textOf(DisplayMessage) || textOf(RestartReason),
      node: textOf(NodeName) || textOf(NodeID),
    };
  } catch {
    return { message: "", node: "" };
  }
}
