// The recent past of one key: the times of its restarts or failed runs, and its last events.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { RuleEvent } from "../../detection/event.ts";
import type { RunEvent } from "../../detection/event.ts";
import { formatTime } from "../../lib/time.ts";
import { isObject, textOf } from "../../detection/decode/fields.ts";
import type { Restart } from "../../detection/event.ts";
import { hour, milliseconds } from "../api/loop_view.ts";
import type { EventView } from "../view.ts";

/** Limits for one key; maximum characters of an event's message. */
const maxTimes = 200;
export const maxEvents = 200;
const maxMessage = 500;
/** A duplicate is looked for among the last events. */
const recent = 20;

type Seen = Omit<EventView, "at"> & { readonly time: Nanoseconds };

/** The times and events of one key. */
export class TaskHistory {
  /** Milliseconds since the Unix epoch, in order. */
  readonly times: number[] = [];
  #events: Seen[] = [];

  get last(): number {
    return this.times.at(-1) ?? -Infinity;
  }

  /** Adds the time of a restart or failed run, and drops those of more than an hour before. */
  count(time: Nanoseconds): void {
    const at = milliseconds(time);
    let place = this.times.length;
    while (place > 0 && this.times[place - 1]! > at) place--;
    this.times.splice(place, 0, at);
    while (this.times.length > maxTimes || this.times[0]! <= this.last - hour) this.times.shift();
  }

  /** Adds an event, unless it is a duplicate; the last `max` are kept. */
  add(event: RuleEvent, max: number, withMessage: boolean): void {
    const last = this.#events.slice(-recent);
    const seen = seenOf(event as Restart | RunEvent, last.at(-1), withMessage);
    if (
      last.some(({ time, type, allocation }) =>
        time === seen.time && type === seen.type && allocation === seen.allocation
      )
    ) return;
    this.#keep(seen, max);
  }

  /** Adds events of an alert that are older than those seen: after a start, all of them. */
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

  /** Whether one of its events is of this allocation. */
  knows(allocation: string): boolean {
    return this.#events.some((event) => event.allocation === allocation);
  }

  views(): EventView[] {
    return this.#events.map(({ time, ...event }) => ({ at: formatTime(time), ...event }));
  }

  #keep(seen: Seen, max: number): void {
    let place = this.#events.length;
    while (place > 0 && this.#events[place - 1]!.time > seen.time) place--;
    this.#events.splice(place, 0, seen);
    if (this.#events.length > max) this.#events = this.#events.slice(-max);
  }
}

/** Texts equal to those of the event before are shared with it. */
function seenOf(event: Restart | RunEvent, before: Seen | undefined, withMessage: boolean): Seen {
  const same = <Name extends "allocation" | "task" | "node">(name: Name, text: string): string | null =>
    text === before?.[name] ? text : text || null;
  if (event.kind === "event") {
    return {
      time: event.time,
      type: event.type,
      message: event.displayMessage.slice(0, maxMessage),
      exitCode: event.exit?.code ?? null,
      signal: event.exit?.signal ?? null,
      failed: event.meaning === "failed" || event.meaning === "failing",
      allocation: same("allocation", event.allocation),
      task: same("task", event.key.Task),
      node: same("node", event.node.Name || event.node.ID),
    };
  }
  const { message, node } = withMessage ? messageOf(event.update) : { message: "", node: "" };
  return {
    time: event.time,
    type: "Restarting",
    message: message.slice(0, maxMessage),
    exitCode: null,
    signal: null,
    failed: !event.requested,
    allocation: same("allocation", event.allocation),
    task: same("task", event.task),
    node: same("node", node),
  };
}

function messageOf(update: string): { message: string; node: string } {
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
