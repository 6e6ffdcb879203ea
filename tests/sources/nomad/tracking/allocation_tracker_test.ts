// What is new in what Nomad says of an allocation, and what is remembered of it over a restart.
import assert from "node:assert/strict";
import { AllocationTracker } from "../../../../src/sources/nomad/tracking/allocation_tracker.ts";
import {
  type Allocation,
  parseExactly,
  type TaskEvent,
  type TaskState,
} from "../../../../src/sources/nomad/tracking/allocation.ts";

const base = 1795491769000000000n;

/** A task event so many nanoseconds after the base, with all its digits. */
function event(type: string, at: number, fields: Partial<TaskEvent> = {}): TaskEvent {
  return { Type: type, Time: String(base + BigInt(at)), ...fields };
}

/** Crashes from one number to another, as the last ten events show them: a second each. */
function crashes(from: number, to: number): TaskEvent[] {
  const events: TaskEvent[] = [];
  for (let number = from; number <= to; number++) {
    for (const [offset, type] of ["Started", "Terminated", "Restarting"].entries()) {
      events.push(event(type, number * 1_000_000_000 + offset * 1000));
    }
  }
  return events.slice(-10);
}

interface Said {
  readonly index?: number;
  readonly desired?: string;
  readonly states?: Readonly<Record<string, Partial<TaskState>>>;
}

function allocation({ index = 10, desired = "run", states = {} }: Said): Allocation {
  const full = Object.entries(states).map((
    [task, state],
  ) => [task, { State: "running", Failed: false, ...state }]);
  return {
    ID: "a",
    Name: "job.group[0]",
    Namespace: "default",
    JobID: "job",
    DesiredStatus: desired,
    TaskStates: Object.fromEntries(full),
    CreateTime: 1,
    CreateIndex: 5,
    ModifyIndex: index,
    ModifyTime: index,
  };
}

/** The new events, as `task Type offset #restarts +missed`. */
function notified(known: AllocationTracker, said: Said, isHistory = false): string[] {
  return known.take(allocation(said), "service", isHistory).map(({ text }) => {
    const update = JSON.parse(text);
    const time = BigInt(/"Time":(\d+)/.exec(text)![1]!) - base;
    const missed = update.MissedRestarts === undefined ? "" : ` +${update.MissedRestarts}`;
    const stop = update.DesiredStatus === "run" ? "" : ` ${update.DesiredStatus}`;
    return `${update.TaskName} ${update.TaskEvent.Type} ${time} #${update.Restarts}${missed}${stop}`;
  });
}

Deno.test("take() returns each event once, in Nomad's order, whatever the clocks say", () => {
  const known = new AllocationTracker();
  assert.deepEqual(notified(known, { index: 1, states: { app: { Events: [event("Received", 100)] } } }), [
    "app Received 100 #0",
  ]);
  const Events = [event("Received", 100), event("Started", 50), event("Terminated", 50)];
  assert.deepEqual(notified(known, { index: 2, states: { app: { Events } } }), [
    "app Started 50 #0",
    "app Terminated 50 #0",
  ]);
  assert.deepEqual(notified(known, { index: 3, states: { app: { Events } } }), []);
});

Deno.test("take() distinguishes events that are a nanosecond apart", () => {
  const known = new AllocationTracker();
  notified(known, { index: 1, states: { app: { Events: [event("Started", 1)] } } });
  const Events = [event("Started", 1), event("Terminated", 2), event("Restarting", 3)];
  assert.deepEqual(notified(known, { index: 2, states: { app: { Events, Restarts: 1 } } }), [
    "app Terminated 2 #1".replace("#1", "#0"),
    "app Restarting 3 #1",
  ]);
});

Deno.test("take() leaves out what is older than what is known", () => {
  const known = new AllocationTracker();
  notified(known, { index: 5, states: { app: { Events: crashes(1, 3), Restarts: 3 } } });
  assert.deepEqual(
    notified(known, { index: 4, states: { app: { Events: crashes(1, 2), Restarts: 2 } } }),
    [],
  );
  assert.deepEqual(
    notified(known, { index: 5, states: { app: { Events: crashes(1, 4), Restarts: 4 } } }),
    [],
  );
});

Deno.test("take() continues when a restored server has lower indexes", () => {
  const known = new AllocationTracker();
  notified(known, { index: 50, states: { app: { Events: [event("Started", 1)] } } });
  const later = {
    ...allocation({ index: 7, states: { app: { Events: [event("Started", 1), event("Terminated", 2)] } } }),
    ModifyTime: 51,
  };
  assert.equal(known.take(later, "service", false).length, 1);
});

Deno.test("take() counts the restarts before the first event that is left", () => {
  const known = new AllocationTracker();
  notified(known, { index: 1, states: { app: { Events: crashes(1, 2), Restarts: 2 } } });
  const found = notified(known, { index: 2, states: { app: { Events: crashes(1, 40), Restarts: 40 } } });
  assert.deepEqual(found, [
    "app Restarting 37000002000 #37 +34",
    "app Started 38000000000 #37",
    "app Terminated 38000001000 #37",
    "app Restarting 38000002000 #38",
    "app Started 39000000000 #38",
    "app Terminated 39000001000 #38",
    "app Restarting 39000002000 #39",
    "app Started 40000000000 #39",
    "app Terminated 40000001000 #39",
    "app Restarting 40000002000 #40",
  ]);
});

Deno.test("take() marks only the first new event of a task when events before it were missed", () => {
  const known = new AllocationTracker();
  const missed = (index: number, states: Parameters<typeof notified>[1]["states"]) =>
    known.take(allocation({ index, states }), "service", false).map(({ text }) =>
      JSON.parse(text).EventsMissed
    );
  assert.deepEqual(missed(1, { app: { Events: crashes(1, 2), Restarts: 2 } }), Array(6).fill(undefined));
  assert.deepEqual(missed(2, { app: { Events: crashes(2, 4), Restarts: 4 } }), Array(6).fill(undefined));
  const all = missed(3, { app: { Events: crashes(1, 40), Restarts: 40 } });
  assert.deepEqual(all, [true, ...Array(9).fill(undefined)]);
  const LastRestart = "2026-11-24T03:42:50.125615555Z";
  const states = { app: { Events: [event("Killing", 50_000_000_000)], Restarts: 60, LastRestart } };
  assert.deepEqual(missed(4, states), [true, undefined]);
});

Deno.test("take() makes an update of the last restart where no event of any is left", () => {
  const known = new AllocationTracker();
  notified(known, { index: 1, states: { app: { Events: crashes(1, 2), Restarts: 2 } } });
  const LastRestart = "2026-11-24T03:42:50.125615555Z";
  const states = { app: { Events: [event("Killing", 5_000_000_000)], Restarts: 6, LastRestart } };
  const [restart, killing] = known.take(allocation({ index: 2, states }), "service", false);
  const text = restart!.text;
  assert.match(
    text,
    /"TaskEvent":\{"Type":"Restarting","Time":1795491770125615555,"DisplayMessage":"[^"]*"\}/,
  );
  assert.equal(JSON.parse(text).Restarts, 6);
  assert.equal(JSON.parse(text).MissedRestarts, 3);
  assert.match(killing!.text, /"Type":"Killing".*"Restarts":6/);
  assert.deepEqual(notified(known, { index: 3, states }), []);
});

Deno.test("take() counts no restart from before the first sight of what is history, and all of what is new", () => {
  const states = { app: { Events: crashes(1, 40), Restarts: 40 } };
  const ofHistory = notified(new AllocationTracker(), { states }, true);
  assert.deepEqual(ofHistory.filter((line) => line.includes("+")), []);
  assert.match(ofHistory[0]!, /#37$/);
  const ofNew = notified(new AllocationTracker(), { states }, false);
  assert.deepEqual(ofNew.filter((line) => line.includes("+")), ["app Restarting 37000002000 #37 +36"]);
});

Deno.test("take() counts from what is known where a client counts from zero again", () => {
  const known = new AllocationTracker();
  notified(known, { index: 1, states: { app: { Events: crashes(1, 2), Restarts: 20 } } }, true);
  const one = { app: { Events: crashes(5, 5), Restarts: 1 } };
  assert.deepEqual(notified(known, { index: 2, states: one }).filter((line) => line.includes("+")), []);
  const more = { app: { Events: crashes(5, 6), Restarts: 22 } };
  assert.deepEqual(notified(known, { index: 3, states: more }).filter((line) => line.includes("+")), [
    "app Restarting 6000002000 #22 +1",
  ]);
});

Deno.test("take() repeats the last event of each task once when an allocation is to stop", () => {
  const known = new AllocationTracker();
  const states = {
    app: { Events: crashes(1, 1), Restarts: 1 },
    log: { Events: [event("Started", 7)] },
    idle: {},
  };
  notified(known, { index: 1, states });
  assert.deepEqual(notified(known, { index: 2, desired: "stop", states }), [
    "app Restarting 1000002000 #1 stop",
    "log Started 7 #0 stop",
  ]);
  assert.deepEqual(notified(known, { index: 3, desired: "stop", states }), []);
  const killed = { ...states, log: { Events: [event("Started", 7), event("Killed", 8)] } };
  assert.deepEqual(notified(known, { index: 4, desired: "stop", states: killed }), ["log Killed 8 #0 stop"]);
});

Deno.test("restore() continues from what takeChanges() returned", () => {
  const before = new AllocationTracker();
  const states = {
    app: { Events: crashes(1, 2), Restarts: 2 },
    'naïve "task"': { Events: [event("Started", 7)] },
  };
  notified(before, { index: 1, states });
  const changes = before.takeChanges();
  assert.deepEqual([...changes.keys()], ["a"]);
  assert.deepEqual([...before.takeChanges().keys()], []);
  const after = new AllocationTracker();
  for (const [id, value] of changes) after.restore(id, value!);
  assert.deepEqual(notified(after, { index: 2, states }), []);
  assert.deepEqual(notified(after, { index: 3, desired: "stop", states }).length, 2);
  assert.equal(after.jobTypeOf(allocation({})), "service");
});

Deno.test("restore() ignores what it cannot read", () => {
  const known = new AllocationTracker();
  for (const value of ["", "nonsense", "[]", "{}", "[1,2]", '[1,2,"run","",5]']) known.restore("a", value);
  const states = { app: { Events: [event("Started", 7)] } };
  assert.deepEqual(notified(known, { states }), ["app Started 7 #0"]);
});

Deno.test("endListing() forgets what was not seen since beginListing(), which takeChanges() returns", () => {
  const known = new AllocationTracker();
  const other = { ...allocation({ states: { app: { Events: [event("Started", 7)] } } }), ID: "b" };
  const older = allocation({ index: 1 });
  known.beginListing();
  notified(known, { states: { app: { Events: [event("Started", 7)] } } });
  known.take(other, "service", false);
  known.endListing();
  known.takeChanges();
  known.beginListing();
  known.take(older, "service", false);
  known.endListing();
  assert.equal(known.size, 1);
  assert.deepEqual(known.takeChanges(), new Map([["b", undefined]]));
});

Deno.test("digits past 2^53 stay as they are, in every number that Nomad counts in nanoseconds", () => {
  const text = '{"Type":"Restarting","Time":1795491769495436959,"StartDelay":9007199254740993,' +
    '"KillTimeout":-9007199254740993,"DisplayMessage":"\\"Time\\":1795491769495436959"}';
  const parsed = parseExactly(`{"Events":[${text}]}`) as { Events: TaskEvent[] };
  const states = { app: { Events: parsed.Events, Restarts: 1 } };
  const [news] = new AllocationTracker().take(allocation({ states }), undefined, false);
  const written = news!.text;
  for (const part of text.slice(1, -1).split(/,(?=")/)) {
    assert.ok(written.includes(part), `${part} in ${written}`);
  }
});
