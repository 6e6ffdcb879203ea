// The parts of README.md that are made from the code, each between two markers. `deno task docs` writes them.
import { join } from "node:path";
import { settingsGroups } from "../../src/commands/settings.ts";
import { recordSettings } from "../../src/commands/record/settings.ts";
import { flagOf, type Setting } from "../../src/lib/settings/setting.ts";
import { metrics } from "../../src/status/metrics.ts";
import { endpoints } from "../../src/status/server.ts";
import { run } from "../helpers/program.ts";
import { table as simulation } from "./simulation.ts";

/** Where README.md is. */
export const path: URL = new URL("../../README.md", import.meta.url);

const recording = join(import.meta.dirname!, "fixtures/firehose.ndjson.gz");

/** What belongs between the markers, by their name. */
const parts: Readonly<Record<string, () => string | Promise<string>>> = {
  demo: async () => "```\n" + await notified("--output", "text") + "```",
  alert: async () => {
    const [first] = (await notified()).split("\n");
    const { LastEvent: { Name, JobID, TaskName }, EventLog } = JSON.parse(first!);
    return "```json\n" + JSON.stringify({ LastEvent: { Name, JobID, TaskName }, EventLog }, null, 2) +
      "\n```";
  },
  replay: async () => "```\n" + await replayed() + "```",
  grid: async () =>
    "```\n" + await replayed("--restart-count", "3,5,25", "--restart-interval", "1m,5m") + "```",
  record: () => tableOf(Object.values(recordSettings)),
  simulation,
  full: async () => {
    const alerts = (await notified("--rule", "loops")).trimEnd().split("\n").map((line) => JSON.parse(line));
    const { LastEvent: { Name, NodeID, ClientStatus }, ...alert } = alerts.find(({ Key }) =>
      Key.Task === "kill9"
    );
    const shown = { LastEvent: { Name, NodeID, ClientStatus }, ...alert, Events: alert.Events.slice(-3) };
    return "```json\n" + JSON.stringify(shown, null, 2) + "\n```";
  },
  endpoints: () => table(["path", "what it answers"], endpoints.map(({ path, help }) => [code(path), help])),
  metrics: () =>
    table(
      ["metric", "type", "labels", "what it is"],
      metrics.map(({ name, type, labels, help }) => [
        code(type === "counter" ? `${name}_total` : name),
        type,
        labels.map(code).join(", "),
        help.replace(/\.$/, ""),
      ]),
    ),
  settings: () =>
    settingsGroups.map(({ title, settings }) => `### ${title}\n\n${tableOf(Object.values(settings))}`).join(
      "\n\n",
    ),
};

/** What `replay` prints of the recording, in UTC. */
async function replayed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run({ args: ["replay", ...args, recording] });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** What the program tells about the recording, in UTC. */
async function notified(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run({ args: ["--log-level", "warning", ...args, recording] });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

function tableOf(settings: readonly Setting<unknown>[]): string {
  const rows = settings.map((setting) => [
    code(setting.env),
    code(flagOf(setting)),
    defaultOf(setting),
    code(setting.example),
    setting.help + (setting.choices === undefined ? "" : ` (${setting.choices.map(code).join(", ")})`),
  ]);
  return table(["variable", "flag", "default", "example", "what it is"], rows);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const [head, ...body] = all.map((row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`
  );
  return [head, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body].join("\n");
}

function defaultOf({ default: text, defaultNote, optional }: Setting<unknown>): string {
  return defaultNote ?? (text === undefined ? optional ? "none" : "required" : code(text));
}

function code(text: string): string {
  return `\`${text}\``;
}

/** The text with what belongs between its markers. @throws {Error} where a part has no markers. */
export async function withParts(readme: string): Promise<string> {
  for (const [name, make] of Object.entries(parts)) {
    const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
    const [before, rest] = readme.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`README.md has no ${begin} … ${end}`);
    readme = `${before}${begin}\n\n${await make()}\n\n${end}${after}`;
  }
  return readme;
}

if (import.meta.main) await Deno.writeTextFile(path, await withParts(await Deno.readTextFile(path)));
