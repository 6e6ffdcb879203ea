// The rule `loops`: a task loops when so many runs in a row failed, none of which was stable. It stays looping
// through every delay of Nomad's, until a run is stable or somebody stops it. No clock, no I/O.
import { Agenda, type Planned } from "./agenda.ts";
import { type Alert, alertId } from "./alert.ts";
import { formatDuration, type Nanoseconds } from "./duration.ts";
import type { KeptRows, RowJournal } from "./journal.ts";
import { clear, newRow, type Row, type Step, take } from "./row.ts";
import type { Decision, Rule } from "./rule.ts";
import { decodeRun, type RunEvent } from "./run_event.ts";
import { tellStory } from "./story.ts";

/** When a loop is told. */
export interface LoopThresholds {
  /** So many failed runs in a row … */
  readonly restartCount: number;
  /** … none of which lasted this long are a loop, … */
  readonly stableAfter: Nanoseconds;
  /** … which is told at most this often. */
  readonly notificationInterval: Nanoseconds;
  /** Its end is told too. */
  readonly notifyResolved: boolean;
}

/** A row in the agenda. */
class Watched implements Planned {
  place = -1;
  constructor(readonly name: string, readonly row: Row) {}
}

const second = 1_000_000_000n;
/** An event older than this is news of the past: what followed is awaited for a moment before it is told. */
const past = 30n * second;
const moment = 2n * second;
/** An event so far ahead is of a clock that is wrong. */
const future = 24n * 3600n * second;
/** After so long without an event a task is forgotten: Nomad waits an hour at most unless a job says otherwise. */
export const silentAfter = 3n * 3600n * second;

/** Counts failed runs in a row, by task. A task whose runs do not fail leaves no trace. */
export class Loops implements Rule<RunEvent> {
  readonly counts = "failed run";
  readonly decode = decodeRun;
  readonly #thresholds: LoopThresholds;
  readonly #journal: RowJournal;
  readonly #watched = new Map<string, Watched>();
  readonly #agenda = new Agenda<Watched>();

  constructor(thresholds: LoopThresholds, journal: RowJournal) {
    this.#thresholds = thresholds;
    this.#journal = journal;
  }

  get names(): number {
    return this.#watched.size;
  }

  get nextDue(): Nanoseconds | undefined {
    return this.#agenda.next;
  }

  /** Before anything is said of a row, what happened meanwhile is awaited. */
  restore(kept: KeptRows, now: Nanoseconds | undefined): void {
    for (const [name, row] of kept.rows()) {
      const watched = this.#watch(name, row);
      const wakeAt = this.#wakeAt(row, row.newest);
      if (now !== undefined && wakeAt < now + past) this.#agenda.set(watched, now + past);
    }
  }

  record(event: RunEvent, now: Nanoseconds): Decision {
    if (event.time - now >= future) return { reason: "outside-window" };
    let watched = this.#watched.get(event.name);
    if (watched === undefined) {
      if (event.meaning !== "failed" && event.meaning !== "failing") return nothing(event);
      if (now - event.time >= silentAfter) return { reason: "outside-window" };
      watched = this.#watch(event.name, newRow(event));
    }
    const decision = this.#judge(watched, take(watched.row, event, this.#thresholds.stableAfter), event, now);
    this.#keep(watched, now);
    return decision;
  }

  due(now: Nanoseconds, most: number): Decision[] {
    const decisions: Decision[] = [];
    for (; most > 0 && this.#agenda.next !== undefined && this.#agenda.next <= now; most--) {
      const watched = this.#agenda.take()!;
      const decision = this.#wake(watched, now);
      if (decision !== undefined) decisions.push(decision);
      if (now >= forgottenAt(watched.row)) this.#forget(watched);
      else this.#keep(watched, now);
    }
    return decisions;
  }

  #watch(name: string, row: Row): Watched {
    const watched = new Watched(name, row);
    this.#watched.set(name, watched);
    this.#agenda.set(watched, this.#wakeAt(row, row.newest));
    return watched;
  }

  #forget({ name }: Watched): void {
    this.#watched.delete(name);
    this.#journal.row(name, undefined);
  }

  #keep(watched: Watched, now: Nanoseconds): void {
    this.#journal.row(watched.name, watched.row);
    this.#agenda.set(watched, this.#wakeAt(watched.row, now));
  }

  #judge(watched: Watched, step: Step, event: RunEvent, now: Nanoseconds): Decision {
    const { row } = watched;
    switch (step) {
      case "failed":
        if (row.failures < this.#thresholds.restartCount) {
          return { reason: "below-threshold", counted: row.failures };
        }
        if (now - event.time >= past || !this.#mayTell(row, now)) {
          return { reason: "already-notified", counted: row.failures };
        }
        return this.#tell(watched, now);
      case "stable":
      case "completed":
      case "stopped":
        return this.#end(watched, step, event.time, now) ?? { reason: "noted" };
      case "duplicate":
      case "noted":
        return step === "duplicate" ? { reason: step } : nothing(event);
    }
  }

  /** What time alone brings: the end of a loop whose run is stable, a loop told late or again. */
  #wake(watched: Watched, now: Nanoseconds): Decision | undefined {
    const { row } = watched;
    if (row.failures > 0 && now >= this.#stableAt(row)) {
      return this.#end(watched, "stable", this.#stableAt(row), now);
    }
    if (now >= forgottenAt(row)) {
      if (!isTold(row)) return undefined;
      const because = `nothing was heard of it for ${formatDuration(silentAfter)}`;
      return { reason: "recovered", name: watched.name, because };
    }
    return row.failures >= this.#thresholds.restartCount && this.#mayTell(row, now)
      ? this.#tell(watched, now)
      : undefined;
  }

  #mayTell({ told }: Row, now: Nanoseconds): boolean {
    return told === undefined || now >= told.at + this.#thresholds.notificationInterval;
  }

  /** When something is to be done about a row. What was not told at once waits for a moment. */
  #wakeAt(row: Row, now: Nanoseconds): Nanoseconds {
    const { restartCount, notificationInterval } = this.#thresholds;
    let earliest = row.failures > 0 ? this.#stableAt(row) : latest;
    const forgotten = forgottenAt(row);
    if (forgotten < earliest) earliest = forgotten;
    if (row.failures < restartCount) return earliest;
    const tellAt = row.told === undefined ? now + moment : row.told.at + notificationInterval;
    return tellAt < earliest ? tellAt : earliest;
  }

  #stableAt({ run }: Row): Nanoseconds {
    return run !== undefined && run.endedAt === undefined
      ? run.startedAt + this.#thresholds.stableAfter
      : latest;
  }

  #tell(watched: Watched, now: Nanoseconds): Decision {
    const { row, name } = watched;
    const interval = this.#thresholds.notificationInterval;
    if (row.told !== undefined && !row.told.over) {
      row.told.at += (now - row.told.at) / interval * interval;
      row.told.repeats++;
      return {
        reason: "repeat",
        alert: this.#alert(watched, alertId(row.told.id, String(row.told.repeats)), now),
      };
    }
    const last = row.log.at(-1);
    row.told = { id: alertId(name, String(row.since), String(last?.time)), repeats: 0, at: now, over: false };
    return { reason: "first", alert: this.#alert(watched, row.told.id, now) };
  }

  #end(watched: Watched, how: keyof typeof ends, at: Nanoseconds, now: Nanoseconds): Decision | undefined {
    const { row, name } = watched;
    const because = ends[how](formatDuration(this.#thresholds.stableAfter));
    const decision: Decision | undefined = !isTold(row) ? undefined : {
      reason: "recovered",
      name,
      because,
      ...(this.#thresholds.notifyResolved
        ? { alert: this.#alert(watched, alertId(row.told!.id, "resolved"), now, because) }
        : {}),
    };
    clear(row, at);
    return decision;
  }

  #alert({ row, name }: Watched, id: string, now: Nanoseconds, resolved?: string): Alert {
    return {
      id,
      loop: row.told!.id,
      name,
      reason: resolved !== undefined ? "resolved" : row.told!.repeats === 0 ? "first" : "repeat",
      lastEvent: row.lastEvent,
      eventLog: row.log.map(({ time }) => time),
      story: tellStory(row, now, resolved),
    };
  }
}

const latest = (1n << 63n) - 1n;

const ends = {
  stable: (stableAfter: string) => `it ran for ${stableAfter}`,
  completed: () => "it completed",
  stopped: () => "it was stopped",
};

function isTold({ told }: Row): boolean {
  return told !== undefined && !told.over;
}

/** A task that runs and may yet be stable is not forgotten. */
function forgottenAt(row: Row): Nanoseconds {
  return isRunning(row) && row.failures > 0 ? latest : row.newest + silentAfter;
}

function nothing({ type, meaning }: RunEvent): Decision {
  return { reason: type === "Restarting" && meaning === "nothing" ? "intended" : "noted" };
}

function isRunning({ run }: Row): boolean {
  return run !== undefined && run.endedAt === undefined;
}
