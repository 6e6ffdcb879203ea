// Troubles of a random past against a plain model: what is notified of them, and when, over restarts too.
import assert from "node:assert/strict";
import { minutes } from "../helpers/listen.ts";
import { Random } from "../helpers/random.ts";
import { type Notified, type TroubleAlert, TroubleAlerts } from "../../src/pipeline/trouble_alerts.ts";
import type { Trouble } from "../../src/pipeline/troubles.ts";
import { formatTime } from "../../src/lib/time.ts";

const after = minutes(1);
const interval = minutes(30);
const begin = 1_795_491_774_000_000_000n;
const components = [["source", "source nomad"], ["state", "state"], ["sink", "sink slack"]] as const;

/** An outage of a component: minutes since the begin, and until when. */
interface Outage {
  readonly from: number;
  readonly until: number;
}

/** Four hours of outages that do not overlap, most of them short. */
function outagesOf(random: (below: number) => number): Outage[] {
  const outages: Outage[] = [];
  for (let at = random(20); at < 240;) {
    const until = at + 1 + (random(4) === 0 ? random(90) : random(4));
    outages.push({ from: at, until });
    at = until + 1 + (random(3) === 0 ? random(60) : random(5));
  }
  return outages;
}

/** What the words in the README say: an alert after a minute and 30 minutes after the last, repeats, an end at once. */
function expectedOf(outages: readonly Outage[]): string[] {
  const said: string[] = [];
  let last = -Infinity;
  for (const { from, until } of outages) {
    let notified = false;
    for (let at = Math.max(from + 1, last + 30); at < until; at = last + 30) {
      said.push(`${at} ${notified ? "repeat" : "first"} since ${from}`);
      [last, notified] = [at, true];
    }
    if (notified) said.push(`${until} resolved since ${from}`);
  }
  return said;
}

const minuteOf = (time: bigint) => Number((time - begin) / minutes(1));

Deno.test("random outages are notified as the plain model says, whatever restarts come between", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = new Random(seed);
    const random = (below: number) => chance.below(below);
    const all = components.map(([kind, component]) => ({ kind, component, outages: outagesOf(random) }));
    const kept = new Map<string, Notified>();
    const open = () => new TroubleAlerts({ after, interval }, "failures", structuredClone([...kept]));
    let alerts = open();
    const said = new Map<string, string[]>();
    const ids = new Set<string>();
    const take = ({ component, alert, notified }: TroubleAlert, minute: number) => {
      kept.set(component, notified);
      assert.ok(!ids.has(alert.id), `seed ${seed}: ${component} has one id twice`);
      ids.add(alert.id);
      const since = minuteOf(notified.since);
      assert.equal(alert.notice!.since, formatTime(notified.since));
      const words = `${minute} ${alert.reason} since ${since}`;
      said.set(component, [...said.get(component) ?? [], words]);
    };
    for (let minute = 0; minute <= 600; minute++) {
      const now = begin + minutes(minute);
      const troubles = all.flatMap(({ kind, component, outages }): Trouble[] => {
        const outage = outages.find(({ from, until }) => from <= minute && minute < until);
        return outage === undefined
          ? []
          : [{ kind, component, since: begin + minutes(outage.from), problem: "connection refused" }];
      });
      const due = alerts.nextDue(troubles);
      const taken = alerts.take(troubles, now);
      for (const alert of taken) take(alert, minute);
      const begun = taken.some(({ alert }) => alert.reason !== "resolved");
      assert.equal(begun, due !== undefined && due <= now, `seed ${seed}: nextDue at ${minute}`);
      assert.deepEqual(alerts.take(troubles, now), [], "once");
      if (random(5) === 0) alerts = open();
    }
    for (const { component, outages } of all) {
      assert.deepEqual(said.get(component) ?? [], expectedOf(outages), `seed ${seed}, ${component}`);
    }
  }
});

Deno.test("a trouble that lasts over a restart keeps its begin, though the process knows only a later one", () => {
  const trouble = { kind: "source", component: "source nomad", problem: "refused" } as const;
  const first = new TroubleAlerts({ after, interval }, "failures", []);
  const [begun] = first.take([{ ...trouble, since: begin }], begin + after);
  const second = new TroubleAlerts({ after, interval }, "failures", [[trouble.component, begun!.notified]]);
  const later = { ...trouble, since: begin + minutes(5) };
  assert.deepEqual(second.take([later], begin + minutes(20)), []);
  const [repeat] = second.take([later], begin + after + interval);
  assert.deepEqual([repeat!.alert.reason, repeat!.alert.loop], ["repeat", begun!.alert.loop]);
  const [end] = second.take([], begin + minutes(40));
  assert.deepEqual([end!.alert.reason, end!.alert.loop], ["resolved", begun!.alert.loop]);
  assert.equal(end!.alert.notice!.since, formatTime(begin));
});
