// Groups against a slow model of their contract, over random lives of loops: nodes, storms, ends, and the process started
// again from what was kept. `PROPERTY_SEED=…` tries one life again.
import assert from "node:assert/strict";
import { type Alert, alertId } from "../../../src/detection/alert/alert.ts";
import { type GroupMessage, Groups } from "../../../src/detection/groups/groups.ts";
import { NodeProblems } from "../../../src/detection/groups/problems.ts";
import { second } from "../../../src/lib/duration.ts";
import { groupAlert, GroupJournal } from "../../helpers/groups.ts";
import { anySeed, Random } from "../../helpers/random.ts";
import { Contract, type Loop, type Message } from "../../helpers/reference_groups.ts";

const runs = 200;
const given = Deno.env.get("PROPERTY_SEED");

/** A loop's life so far. */
interface Life {
  readonly loop: Loop;
  state: "active" | "gave-up" | "quiet";
  id: string;
  begins: number;
  repeats: number;
}

/** What a message says, as the model's does. The identity is found by the ids that it must have. */
function shortened({ alert, toAll }: GroupMessage, identities: Map<string, string>): Message {
  const { counts, jobs, members, cause, doubled = false } = alert.group!;
  const identity = identities.get(alert.id) ?? `unknown ${cause} ${alert.loop}`;
  return {
    identity,
    reason: alert.reason,
    toAll,
    doubled,
    counts: [counts.active, counts.gaveUp, counts.resolved],
    jobs,
    members: members.map(({ name, status }) => `${name} ${status}`).sort(),
  };
}

/** Lives one life; returns the messages. */
function live(seed: number, check: boolean): GroupMessage[] {
  const random = new Random(seed);
  const wait = BigInt(random.pick([0, 1, 10, 10, 30, 90])) * second;
  const digestAbove = random.pick([1, 2, 4, 20]);
  const journal = new GroupJournal();
  const openAll = () => {
    const problems = new NodeProblems(journal);
    problems.restore(journal);
    const groups = new Groups({ wait, digestAbove }, journal, problems);
    groups.restore(journal);
    return { groups, problems };
  };
  let { groups, problems } = openAll();
  const contract = new Contract(wait, digestAbove);
  const lives = livesOf(random);
  const all: GroupMessage[] = [];
  const identities = new Map<string, string>();
  let now = 1_795_000_000n * second;
  const compare = (made: readonly GroupMessage[], expected: readonly Message[]) => {
    all.push(...made);
    for (const { identity } of expected) {
      const [cause, first, number] = identity.split(" ") as [string, string, string];
      identities.set(alertId(alertId(cause, first), number), identity);
    }
    const byIdentity = (a: Message, b: Message) => a.identity < b.identity ? -1 : 1;
    assert.deepEqual(
      made.map((one) => shortened(one, identities)).sort(byIdentity),
      [...expected].sort(byIdentity),
    );
  };
  for (let step = random.between(10, 120); step > 0; step--) {
    now += random.chance(0.4) ? 0n : BigInt(random.pick([1, 3, 9, 25, 61, 4000])) * second;
    compare(groups.due(now), contract.due(now));
    if (check && random.chance(0.15)) ({ groups, problems } = openAll());
    else if (!check) random.chance(0.15);
    if (random.chance(0.04)) {
      const ID = random.pick(["n1", "n2"]);
      const before = contract.problems.get(ID);
      const problem = random.chance(0.5) ? "is down" : undefined;
      problems.note(ID, problem);
      groups.nodeChanged({ ID }, now);
      if (problem === undefined) contract.problems.delete(ID);
      else contract.problems.set(ID, problem);
      contract.nodeChanged(ID, before, now);
    }
    const life = random.pick(lives);
    const moved = random.chance(0.1) ? { ...life.loop, node: random.pick(["n1", "n2", "n3"]) } : life.loop;
    Object.assign(life, { loop: moved });
    for (const { made, expected } of happen(life, random, groups, contract, now)) compare(made, expected);
    assert.equal(groups.size, contract.groups.length);
  }
  for (const life of lives) {
    if (life.state === "quiet") continue;
    compare(groups.take(alertOf(life, "resolved"), now), contract.end(life.loop.name, "resolved", now));
  }
  now += wait;
  compare(groups.due(now), contract.due(now));
  assert.equal(groups.size, 0);
  assert.equal(groups.nextDue, undefined);
  assert.deepEqual(journal.left(), []);
  return all;
}

function livesOf(random: Random): Life[] {
  const jobs = random.between(1, 8);
  return Array.from({ length: random.between(1, 16) }, (_, index) => {
    const job = `job${random.below(jobs)}`;
    const task = random.pick(["a", "a", "b"]);
    const [name, node] = [`${job}.group[${index}]/${task}`, random.pick(["n1", "n1", "n2", ""])];
    const loop = {
      name,
      key: JSON.stringify(["shop", job, "group", task]),
      job: JSON.stringify(["shop", job]),
      node,
    };
    return { loop, state: "quiet", id: "", begins: 0, repeats: 0 };
  });
}

/** One thing that can happen to a loop as it is. */
function happen(life: Life, random: Random, groups: Groups, contract: Contract, now: bigint) {
  const { loop } = life;
  const chance = random.next();
  if (life.state === "quiet") {
    life.id = alertId(loop.name, String(life.begins++));
    life.repeats = 0;
    if (chance < 0.9) {
      life.state = "active";
      return [{
        made: groups.take(alertOf(life, "first"), now),
        expected: contract.begin(loop, life.id, "active", now),
      }];
    }
    life.state = "gave-up";
    const alert = alertOf(life, "gave-up");
    return [{ made: groups.take(alert, now), expected: contract.gaveUp(loop, alert.id, now) }];
  }
  if (life.state === "active" && chance < 0.3) {
    life.repeats++;
    const alert = alertOf(life, "repeat");
    return [{ made: groups.take(alert, now), expected: contract.repeat(loop, alert.id, now) }];
  }
  if (life.state === "active" && chance < 0.45) {
    life.state = "gave-up";
    const alert = alertOf(life, "gave-up");
    return [{ made: groups.take(alert, now), expected: contract.gaveUp(loop, alert.id, now) }];
  }
  const silent = life.state === "gave-up";
  life.state = "quiet";
  const made = silent
    ? groups.ended({ name: loop.name, cause: "it runs again" }, "resolved", now)
    : groups.take(alertOf(life, "resolved"), now);
  return [{ made, expected: contract.end(loop.name, "resolved", now) }];
}

function alertOf({ loop, id, repeats }: Life, reason: Alert["reason"]): Alert {
  const [, JobID] = JSON.parse(loop.key);
  return groupAlert(reason, {
    name: loop.name,
    job: JobID,
    task: loop.name.split("/")[1]!,
    node: loop.node,
    loop: id,
    repeats,
  });
}

/** What holds of all messages, whatever the model says. */
function assertSound(messages: readonly GroupMessage[]): void {
  const ids = messages.map(({ alert }) => alert.id);
  assert.equal(new Set(ids).size, ids.length, "an id comes twice");
  for (const [, ofGroup] of Map.groupBy(messages, ({ alert }) => alert.loop)) {
    const reasons = ofGroup.map(({ alert }) => alert.reason);
    assert.equal(reasons.indexOf("resolved"), reasons.length - 1, reasons.join());
    assert.ok(["first", "gave-up", "resolved"].includes(reasons[0]!), reasons.join());
    assert.equal(reasons.lastIndexOf("first"), reasons[0] === "first" ? 0 : -1, reasons.join());
    assert.equal(new Set(ofGroup.map(({ alert }) => alert.name)).size, 1);
  }
}

Deno.test("groups are those of the contract, whatever loops do and whenever the process starts again", () => {
  const seen = new Set<string>();
  const first = given === undefined ? anySeed() : Number(given);
  for (let seed = first; seed < first + (given === undefined ? runs : 1); seed++) {
    try {
      const messages = live(seed, true);
      assertSound(messages);
      for (const { alert } of messages) seen.add(`${alert.group!.cause} ${alert.reason}`);
      // Of two groups that change at one time, either may be sent first.
      const inOrder = (of: readonly GroupMessage[]) =>
        of.map(({ alert }) => alert).sort((a, b) => a.id < b.id ? -1 : 1);
      assert.deepEqual(inOrder(live(seed, false)), inOrder(messages));
    } catch (error) {
      throw new Error(`PROPERTY_SEED=${seed}`, { cause: error });
    }
  }
  if (given !== undefined) return;
  const reasons = ["first", "repeat", "update", "gave-up", "resolved"];
  const all = ["job", "node", "storm"].flatMap((cause) => reasons.map((reason) => `${cause} ${reason}`));
  assert.deepEqual([...seen].sort(), all.sort());
});
