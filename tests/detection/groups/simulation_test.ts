// An hour of a bad day: a thousand loops of two hundred jobs on thirty nodes flap, and some fail together. How many
// messages people get of it, and that each loop is mentioned in time.
import assert from "node:assert/strict";
import { type Alert, alertId } from "../../../src/detection/alert/alert.ts";
import { type GroupMessage, Groups } from "../../../src/detection/groups/groups.ts";
import { NodeProblems } from "../../../src/detection/groups/problems.ts";
import { second } from "../../../src/lib/duration.ts";
import { groupAlert, GroupJournal } from "../../helpers/groups.ts";
import { Random } from "../../helpers/random.ts";

interface Happening {
  readonly at: number;
  readonly reason: Alert["reason"];
  readonly index: number;
  readonly life: number;
  readonly repeats: number;
}

const wait = 10;

/** Loops by number: five of each job, on random nodes but for those of the broken one. */
function hour(random: Random): Happening[] {
  const all: Happening[] = [];
  const free = new Array<number>(1000).fill(0);
  const lives = new Array<number>(1000).fill(0);
  /** A loop begins, repeats each quarter of an hour, and is resolved. */
  const loop = (index: number, at: number, seconds: number) => {
    if (at < free[index]! || at >= 3600) return;
    const life = lives[index]!++;
    all.push({ at, reason: "first", index, life, repeats: 0 });
    for (let repeats = 1; repeats * 900 < seconds; repeats++) {
      all.push({ at: at + repeats * 900, reason: "repeat", index, life, repeats });
    }
    all.push({ at: at + seconds, reason: "resolved", index, life, repeats: 0 });
    free[index] = at + seconds + 1;
  };
  const flap = (begin: (at: number, seconds: number) => void) => {
    let at = random.below(3600);
    for (let flaps = random.between(1, 3); flaps > 0; flaps--) {
      const seconds = flaps === 1 ? random.between(600, 2400) : random.between(60, 300);
      begin(at, seconds);
      at += seconds + random.between(30, 300);
    }
  };
  for (let index = 0; index < 300; index++) loop(index, 1800 + random.below(30), random.between(600, 1500)); // a storm
  for (let node = 0; node < 3; node++) {
    for (let job = 0; job < 8; job++) {
      loop(300 + node * 40 + job * 5, 600 * (node + 1) + random.below(5), 900);
    }
  }
  // Jobs that flap with all their loops. As the rule has it, the third loop within the hour lasts.
  for (let job = 100; job < 180; job++) {
    flap((at, seconds) => {
      for (let index = job * 5; index < job * 5 + 5; index++) {
        loop(index, at + random.below(8), seconds + random.below(20));
      }
    });
  }
  for (let index = 900; index < 1000; index++) flap((at, seconds) => loop(index, at, seconds));
  return all.sort((a, b) => a.at - b.at);
}

Deno.test("an hour of a thousand flapping loops is few messages, and mentions each within GROUP_WAIT", () => {
  const random = new Random(15);
  const happenings = hour(random);
  const journal = new GroupJournal();
  const groups = new Groups(
    { wait: BigInt(wait) * second, digestAbove: 20 },
    journal,
    new NodeProblems(journal),
  );
  const nodes = Array.from({ length: 1000 }, (_, index) => `node-${index % 30}`);
  for (let node = 0; node < 3; node++) {
    for (let job = 0; job < 8; job++) nodes[300 + node * 40 + job * 5] = `broken-${node}`;
  }
  const begins = new Map<string, number>();
  const late: string[] = [];
  const messages: GroupMessage[] = [];
  const took = (made: readonly GroupMessage[], at: number) => {
    messages.push(...made);
    for (const { mentions } of made) {
      for (const name of mentions) {
        const begun = begins.get(name);
        if (begun !== undefined && at > begun + wait) late.push(`${name} at ${at}`);
        begins.delete(name);
      }
    }
  };
  const pass = (to: number) => {
    for (
      let { nextDue } = groups;
      nextDue !== undefined && nextDue <= BigInt(to) * second;
      { nextDue } = groups
    ) {
      took(groups.due(nextDue), Number(nextDue / second));
    }
  };
  let loops = 0;
  for (const { at, reason, index, life, repeats } of happenings) {
    pass(at);
    const job = Math.floor(index / 5);
    const name = `job${job}.group[${index % 5}]/server`;
    if (reason === "first" && loops++ >= 0) begins.set(name, at);
    const about = { name, job: `job${job}`, node: nodes[index]!, loop: alertId(name, String(life)), repeats };
    took(groups.take(groupAlert(reason, about), BigInt(at) * second), at);
  }
  pass(1e9);
  assert.deepEqual(late, []);
  assert.deepEqual([...begins], []);
  assert.equal(groups.size, 0);
  const count = (cause: string, reason: string, all: boolean) =>
    messages.filter(({ alert, toAll }) =>
      (cause === "" || alert.group!.cause === cause) && (reason === "" || alert.reason === reason) &&
      (toAll || !all)
    ).length;
  const row = (reason: string) => [
    happenings.filter((one) => reason === "" || one.reason === reason).length,
    count("", reason, false),
    count("", reason, true),
    count("job", reason, true),
    count("node", reason, true),
    count("storm", reason, true),
  ];
  // As single alerts; to sinks that update; to others, and of these about jobs, nodes and storms.
  assert.deepEqual({
    first: row("first"),
    repeat: row("repeat"),
    update: row("update"),
    resolved: row("resolved"),
    all: row(""),
  }, {
    first: [1258, 199, 199, 196, 2, 1],
    repeat: [695, 132, 132, 130, 0, 2],
    update: [0, 478, 36, 35, 0, 1],
    resolved: [1258, 199, 199, 196, 2, 1],
    all: [3211, 1008, 566, 557, 4, 5],
  });
});
