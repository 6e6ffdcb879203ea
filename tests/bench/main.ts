// Measures how fast the program is and prints one table: `deno task bench`. Needs Linux, for /proc.
import { stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { setUp, setUpBench } from "../tools/setup.ts";
import { alerts } from "./alerts.ts";
import { backlog, restarts } from "./backlog.ts";
import type { Bench, BenchKind, Row } from "./bench.ts";
import { Broker } from "./helpers/broker.ts";
import { bundleDetector } from "./helpers/process.ts";
import { latency, load } from "./latency.ts";
import { memory, million, notified } from "./memory.ts";
import { nomad } from "./nomad.ts";
import { pause } from "./pause.ts";
import { json, type Report, table } from "./report.ts";
import { growth, growthAmqp } from "./growth.ts";
import { sinks } from "./sinks.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";
import { stdin } from "./stdin.ts";

const benches: readonly BenchKind[] = [
  backlog,
  restarts,
  stdin,
  latency,
  load,
  memory,
  million,
  notified,
  alerts,
  sinks,
  start,
  pause,
  nomad,
  status,
  growth,
  growthAmqp,
];

const usage = `Usage: deno task bench [names…] [options]

Options:
  --json          print JSON in the place of a table
  --quick         smaller loads, one run each
  --repeat N      how often each thing is done (default: 3, with --quick 1)
  --messages N    messages of a backlog, a multiple of 500 (default: 500000, with --quick 100000)
  --list          print the names of the benches

Benches, all unless named:
${benches.map(({ name, help }) => `  ${name.padEnd(15)} ${help}\n`).join("")}`;

/** What was asked for. */
interface Asked extends Pick<Bench, "quick" | "repeat" | "messages"> {
  readonly chosen: readonly BenchKind[];
  readonly json: boolean;
}

/** Reads the command line. Throws an Error with the line to print where something is wrong with it. */
function read(values: Record<string, string | boolean | undefined>, names: readonly string[]): Asked {
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    const known = benches.map(({ name }) => name).join(", ");
    throw new Error(
      `unknown bench ${unknown.map((name) => `"${name}"`).join(", ")}: expected one of ${known}`,
    );
  }
  const number = (name: string, otherwise: number, step: number, expected: string) => {
    const value = Number(values[name] ?? otherwise);
    if (value > 0 && value % step === 0) return value;
    throw new Error(`--${name}: found "${values[name]}", expected ${expected}`);
  };
  const quick = values.quick === true;
  return {
    chosen: names.length === 0 ? benches : benches.filter(({ name }) => names.includes(name)),
    json: values.json === true,
    quick,
    repeat: number("repeat", quick ? 1 : 3, 1, "a whole number of at least 1"),
    messages: number("messages", quick ? 100_000 : 500_000, 500, "a multiple of 500"),
  };
}

async function measure({ chosen, ...asked }: Asked): Promise<Report> {
  const started = performance.now();
  const date = new Date().toISOString().slice(0, 16) + "Z";
  await using parts = new AsyncDisposableStack();
  parts.use(await bundleDetector());
  let broker: Promise<Broker> | undefined;
  const start = async () => parts.use(await Broker.start());
  const rows: (Row & { bench: string })[] = [];
  for (const { name, run } of chosen) {
    const say = (line: string) => void stderr.write(`${name}  ${line}\n`);
    const begun = performance.now();
    for (const row of await run({ ...asked, broker: () => broker ??= start(), say })) {
      rows.push({ bench: name, ...row });
    }
    say(`took ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  return {
    date,
    commit: await commit(),
    machine: `${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}`,
    seconds: (performance.now() - started) / 1000,
    quick: asked.quick,
    repeat: asked.repeat,
    messages: asked.messages,
    rows,
  };
}

async function commit(): Promise<string> {
  const git = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("git", { args, cwd: import.meta.dirname }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  return await git("rev-parse", "--short", "HEAD") +
    (await git("status", "--porcelain", "../../src") === "" ? "" : " and changes in src");
}

const options = {
  json: { type: "boolean" },
  quick: { type: "boolean" },
  repeat: { type: "string" },
  messages: { type: "string" },
  list: { type: "boolean" },
  help: { type: "boolean" },
} as const;

async function run(args: string[]): Promise<void> {
  const { values, positionals, tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const unknown = tokens.find((token) => token.kind === "option" && !Object.hasOwn(options, token.name));
  if (unknown?.kind === "option") {
    throw new Error(`unknown option ${unknown.rawName}: --help lists them`);
  }
  const asked = read(values, positionals);
  if (values.help) return void stdout.write(usage);
  if (values.list) return void stdout.write(benches.map(({ name }) => `${name}\n`).join(""));
  const problem = await setUp() ?? await setUpBench();
  if (problem !== undefined) throw new Error(problem);
  const report = await measure(asked);
  stdout.write(asked.json ? `${json(report)}\n` : table(report));
}

try {
  await run(Deno.args);
} catch (error) {
  stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  Deno.exitCode = 1;
}
