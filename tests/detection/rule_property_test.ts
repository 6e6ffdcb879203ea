// The rule against a slow model of its contract, over random streams: out of order, duplicates, times in the
// future, and the process killed and started again in between. What fails is made as small as it gets.
// `PROPERTY_SEED=…` tries one stream again.
import assert from "node:assert/strict";
import { RestartsRule, type RestartsThresholds } from "../../src/detection/restarts/rule.ts";
import type { Decision } from "../../src/detection/rule.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import type { Restart } from "../../src/detection/event.ts";
import { Contract } from "../helpers/reference_rule.ts";
import { TestJournal } from "../helpers/journal.ts";
import { anySeed, Random } from "../helpers/random.ts";
import { restart } from "../helpers/restarts.ts";
import { stateFolder } from "../helpers/state_files.ts";

/** One thing that happens. Times are nanoseconds and never go back. */
type Step =
  | { readonly at: bigint; readonly is: "restart"; readonly name: string; allocation: string; time: bigint }
  /** Time alone goes by. */
  | { readonly at: bigint; readonly is: "pause" }
  /** What happened so far is kept. */
  | { readonly at: bigint; readonly is: "commit" }
  /** The process ends at once and starts again; what came since the last commit comes again. */
  | { readonly at: bigint; readonly is: "kill" };

interface Stream {
  readonly thresholds: RestartsThresholds;
  readonly steps: readonly Step[];
}

/** A stream at random. Small numbers, so that what is rare in life is frequent here. */
function streamOf(seed: number): Stream {
  const random = new Random(seed);
  const thresholds = {
    restartCount: random.between(1, 4),
    restartInterval: BigInt(random.between(1, 30)),
    notificationInterval: BigInt(random.between(1, 40)),
  };
  const steps: Step[] = [];
  let at = 1_000n;
  for (let left = random.between(5, 60); left > 0; left--) {
    at += waitOf(random, thresholds);
    const chance = random.next();
    if (chance < 0.75) steps.push(restartStep(random, thresholds, at, steps));
    else if (chance < 0.85) steps.push({ at, is: "pause" });
    else steps.push({ at, is: chance < 0.95 ? "commit" : "kill" });
  }
  return { thresholds, steps };
}

function waitOf(random: Random, { restartInterval, notificationInterval }: RestartsThresholds): bigint {
  if (random.chance(0.7)) return BigInt(random.below(4));
  if (random.chance(0.5)) return BigInt(random.below(45));
  return random.pick([restartInterval, notificationInterval, 2n * restartInterval]) +
    BigInt(random.between(-1, 1));
}

function restartStep(
  random: Random,
  { restartInterval }: RestartsThresholds,
  at: bigint,
  before: Step[],
): Step {
  const again = before.length > 0 && random.chance(0.15) ? random.pick(before) : undefined;
  if (again?.is === "restart") return { ...again, at };
  const ages = [restartInterval, 0n, -restartInterval, -2n * restartInterval, -3n * restartInterval];
  const age = random.chance(0.6)
    ? BigInt(random.below(Number(restartInterval)))
    : random.pick(ages) + BigInt(random.between(-1, 1));
  const name = random.pick(["a", "a", "a", "b", "c"]);
  return { at, is: "restart", name, allocation: random.pick(["x", "x", "y"]), time: at - age };
}

/** A detector with what keeps its journal. */
interface Kept {
  readonly detector: RestartsRule;
  commit(now: bigint): void;
  /** Ends it, and yields the one that goes on from the last commit. */
  kill(): Kept;
  close(): void;
}

type Rule = typeof RestartsRule;

function inMemory(
  thresholds: RestartsThresholds,
  rule: Rule = RestartsRule,
  journal = new TestJournal(),
): Kept {
  const detector = new rule(thresholds, journal);
  detector.restore(journal.kept);
  return {
    detector,
    commit: (now) => journal.commit(now),
    kill() {
      journal.lose();
      return inMemory(thresholds, rule, journal);
    },
    close() {},
  };
}

function inFile(path: string, thresholds: RestartsThresholds, rule: Rule = RestartsRule): Kept {
  const store = new SqliteStore(path, { sinks: [], newerReplaces: true });
  const detector = new rule(thresholds, store);
  detector.restore(store.kept);
  const close = () => void store[Symbol.asyncDispose]();
  return {
    detector,
    commit: (now) => store.commit(now),
    kill() {
      close();
      return inFile(path, thresholds, rule);
    },
    close,
  };
}

const seen: Record<string, number> = {};

/** Plays a stream to the rule and to the contract. Yields where they differ, in words. */
function difference(
  { thresholds, steps }: Stream,
  open: (thresholds: RestartsThresholds) => Kept,
): string | undefined {
  const contract = new Contract(thresholds);
  let kept = open(thresholds);
  let uncommitted: Restart[] = [];
  const compare = (what: string, now: bigint, rule: string, is: string) => {
    if (rule !== is) throw new Difference(`at ${now}, ${what}: the rule says ${rule}, the contract ${is}`);
  };
  const pass = (now: bigint) => {
    compare("time goes by", now, words(allDue(kept.detector, now)), words(contract.due(now)));
    compare("names", now, String(kept.detector.names), String(contract.names(now).size));
    const next = kept.detector.nextDue;
    if (next === undefined || next > (contract.nextDue ?? next)) {
      compare("next", now, `${next}`, `${contract.names(now).size === 0 ? undefined : contract.nextDue}`);
    }
  };
  const record = (restart: Restart, now: bigint) => {
    pass(now);
    const decision = kept.detector.record(restart, now);
    compare(restart.update, now, words([decision]), words([contract.record(restart, now)]));
    seen[decision.reason] = (seen[decision.reason] ?? 0) + 1;
    uncommitted.push(restart);
  };
  try {
    for (const step of steps) {
      if (step.is === "restart") record(restart(step), step.at);
      else if (step.is === "pause") pass(step.at);
      else if (step.is === "commit") {
        kept.commit(step.at);
        contract.commit();
        uncommitted = [];
      } else {
        kept = kept.kill();
        contract.restart();
        const again = uncommitted;
        uncommitted = [];
        for (const restart of again) record(restart, step.at);
      }
    }
    pass(steps.at(-1)?.at ?? 0n);
  } catch (error) {
    if (error instanceof Difference) return error.message;
    throw error;
  } finally {
    kept.close();
  }
  return undefined;
}

class Difference extends Error {}

/** All that is due, slice by slice. */
function allDue(detector: RestartsRule, now: bigint): Decision[] {
  const decisions: Decision[] = [];
  while (detector.nextDue !== undefined && detector.nextDue <= now) decisions.push(...detector.due(now, 2));
  for (const { reason } of decisions) seen[reason] = (seen[reason] ?? 0) + 1;
  return decisions;
}

/** Decisions in words, with all that is in their alerts; those that fell due together by name. */
function words(decisions: readonly Decision[]): string {
  return decisions.map((decision) => {
    if ("counted" in decision) return `${decision.reason} (${decision.counted})`;
    if ("name" in decision) return `${decision.name} ${decision.reason}`;
    if (!("alert" in decision)) return decision.reason;
    const { name, reason, id, eventLog, lastEvent, limit } = decision.alert;
    const whole = reason === decision.reason && limit === undefined ? "" : " (wrong)";
    return `${name} ${reason} ${id.slice(0, 8)} [${eventLog.join(" ")}] after ${lastEvent}${whole}`;
  }).sort().join("; ") || "nothing";
}

/** A smaller stream that fails as well: steps are left out, waits shortened, thresholds and names made plain. */
function shrunk(stream: Stream, fails: (stream: Stream) => boolean): Stream {
  for (let smaller: Stream | undefined = stream; smaller !== undefined;) {
    stream = smaller;
    smaller = undefined;
    for (const candidate of candidates(stream)) {
      if (!fails(candidate)) continue;
      smaller = candidate;
      break;
    }
  }
  return stream;
}

function* candidates({ thresholds, steps }: Stream): Iterable<Stream> {
  for (let length = steps.length; length >= 1; length = Math.floor(length / 2)) {
    for (let from = 0; from + length <= steps.length; from += length) {
      yield { thresholds, steps: steps.toSpliced(from, length) };
    }
  }
  const { restartCount, restartInterval, notificationInterval } = thresholds;
  if (restartCount > 1) yield { thresholds: { ...thresholds, restartCount: restartCount - 1 }, steps };
  for (const by of [10n, 1n]) {
    if (restartInterval > by) {
      yield { thresholds: { ...thresholds, restartInterval: restartInterval - by }, steps };
    }
    if (notificationInterval > by) {
      yield { thresholds: { ...thresholds, notificationInterval: notificationInterval - by }, steps };
    }
    for (const [index, step] of steps.entries()) {
      if (step.at - (steps[index - 1]?.at ?? 0n) < by) continue;
      yield { thresholds, steps: [...steps.slice(0, index), ...steps.slice(index).map(earlier(by))] };
    }
  }
  for (const [index, step] of steps.entries()) {
    if (step.is !== "restart") continue;
    for (const plain of [{ name: "a" }, { allocation: "x" }, { time: step.at }]) {
      const changed = { ...step, ...plain };
      if (JSON.stringify(changed, texts) === JSON.stringify(step, texts)) continue;
      yield { thresholds, steps: steps.with(index, changed) };
    }
  }
}

function earlier(by: bigint): (step: Step) => Step {
  return (step) =>
    step.is === "restart"
      ? { ...step, at: step.at - by, time: step.time - by }
      : { ...step, at: step.at - by };
}

function texts(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Tries streams from a seed on. Yields the first that fails, shrunk and in words. */
function firstFailure(
  seed: number,
  count: number,
  open: (thresholds: RestartsThresholds) => Kept,
): { readonly steps: number; readonly report: string } | undefined {
  for (let index = 0; index < count; index++) {
    const stream = streamOf(seed + index);
    if (difference(stream, open) === undefined) continue;
    const { thresholds, steps } = shrunk(stream, (candidate) => difference(candidate, open) !== undefined);
    const lines = [
      `PROPERTY_SEED=${seed + index}, RESTART_COUNT=${thresholds.restartCount}, ` +
      `RESTART_INTERVAL=${thresholds.restartInterval}, NOTIFICATION_INTERVAL=${thresholds.notificationInterval}`,
      ...steps.map((step) => `at ${step.at}: ${step.is === "restart" ? restart(step).update : step.is}`),
      difference({ thresholds, steps }, open),
    ];
    return { steps: steps.length, report: lines.join("\n") };
  }
}

const given = Deno.env.get("PROPERTY_SEED");
const seed = given === undefined ? anySeed() : Number(given);

Deno.test("the rule says what the contract says, over 12,000 streams of a process that is killed at times", () => {
  for (const key of Object.keys(seen)) delete seen[key];
  const failure = firstFailure(seed, given === undefined ? 12_000 : 1, (thresholds) => inMemory(thresholds));
  assert.equal(failure, undefined, `\n${failure?.report}\n`);
  if (given !== undefined) return;
  const reasons: readonly Decision["reason"][] = [
    "first",
    "repeat",
    "resolved",
    "below-threshold",
    "already-notified",
    "duplicate",
    "outside-window",
  ];
  for (const reason of reasons) assert.ok(seen[reason]! > 5_000, `${reason}: ${seen[reason]}`);
});

Deno.test("the rule says so too when its journal is kept in a file, over 300 streams", () => {
  using folder = stateFolder();
  let file = 0;
  const open = (thresholds: RestartsThresholds) => inFile(`${folder.path}/${file++}.db`, thresholds);
  const failure = firstFailure(seed, given === undefined ? 300 : 1, open);
  assert.equal(failure, undefined, `\n${failure?.report}\n`);
});

/** Rules that are wrong in one point each, and the steps that it takes to show it. */
const wrongRules: Readonly<Record<string, { readonly rule: Rule; readonly steps: number }>> = {
  "counts a duplicate": {
    steps: 2,
    rule: class extends RestartsRule {
      #count = 0;
      override record(restart: Restart, now: bigint) {
        return super.record({ ...restart, identity: this.#count++ }, now);
      }
    },
  },
  "sends a repeat as if it were the first alert": {
    steps: 2,
    rule: class extends RestartsRule {
      override due(now: bigint, most: number) {
        return super.due(now, most).map((decision) =>
          decision.reason === "repeat" ? { ...decision, reason: "first" as const } : decision
        );
      }
    },
  },
  "forgets its notifications at a restart": {
    steps: 3,
    rule: class extends RestartsRule {
      override restore(kept: Parameters<RestartsRule["restore"]>[0]) {
        super.restore({ ...kept, notified: () => [] });
      }
    },
  },
};

for (const [what, { rule, steps }] of Object.entries(wrongRules)) {
  Deno.test(`the contract finds a rule that ${what}, and ${steps} steps show it`, () => {
    const failure = firstFailure(20170712, 1_000, (thresholds) => inMemory(thresholds, rule));
    assert.equal(failure?.steps, steps, failure?.report);
  });
}
