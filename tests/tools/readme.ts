// The parts of the READMEs that are made from the code, each between two markers. `deno task docs` writes them.
import { join } from "node:path";
import { loadSinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { recordSettings } from "../../src/commands/record/settings.ts";
import { ruleSettings } from "../../src/detection/settings.ts";
import { flagOf, type Setting } from "../../src/lib/settings/setting.ts";
import { metrics } from "../../src/status/metrics/metrics.ts";
import { endpoints } from "../../src/status/server/endpoints.ts";
import { run } from "../helpers/program.ts";
import { table as simulation } from "./simulation.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

/** Where the repository is. */
export const root: URL = new URL("../../", import.meta.url);

const recording = join(import.meta.dirname!, "../fixtures/firehose.ndjson.gz");

type Parts = Readonly<Record<string, () => string | Promise<string>>>;

/** What belongs between the markers: by file, named from the root on, and by the marker's name. */
export const partsOf: Readonly<Record<string, Parts>> = {
  "README.md": {
    demo: async () => {
      const lines = (await alertsOf("--output", "text")).split("\n");
      return fenced("", lines.slice(0, 6).join("\n"));
    },
    alert: async () => {
      const [first] = (await alertsOf()).split("\n");
      const { LastEvent: { Name, JobID, TaskName }, EventLog } = JSON.parse(first!);
      return fenced("json", JSON.stringify({ LastEvent: { Name, JobID, TaskName }, EventLog }, null, 2));
    },
  },
  "src/commands/README.md": {
    settings: () =>
      settingsGroups.map(({ title, settings }) => `### ${title}\n\n${tableOf(Object.values(settings))}`)
        .join("\n\n"),
    replay: async () => fenced("", await replayed()),
    sweep: async () => fenced("", await replayed("--restart-count", "3,5,25", "--restart-interval", "1m,5m")),
    record: () => tableOf(Object.values(recordSettings)),
  },
  "src/detection/README.md": {
    simulation,
    full: async () => {
      const [, rule] = ruleSettings.rule.choices!;
      const alerts = (await alertsOf("--rule", rule!)).trimEnd().split("\n").map((line) => JSON.parse(line));
      const { LastEvent: { Name, NodeID, ClientStatus }, ...alert } = alerts.find(({ Key }) =>
        Key.Task === "kill9"
      );
      const shown = { LastEvent: { Name, NodeID, ClientStatus }, ...alert, Events: alert.Events.slice(-3) };
      return fenced("json", JSON.stringify(shown, null, 2));
    },
  },
  "src/status/README.md": {
    endpoints: () =>
      table(["path", "what it answers"], endpoints.map(({ path, help }) => [code(path), help])),
    metrics: () =>
      table(
        ["metric", "type", "labels", "what it is"],
        metrics.map(({ name, type, labels, help }) => [
          code(name),
          type,
          labels.map(code).join(", "),
          help.replace(/\.$/, ""),
        ]),
      ),
  },
};

/** What `replay` prints of the recording, in UTC. */
async function replayed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run({ args: ["replay", ...args, recording] });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The alerts about the recording, in UTC, a line each. */
async function alertsOf(...args: string[]): Promise<string> {
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

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

/** The text of a file with what belongs between its markers. @throws {Error} where a part has no markers. */
export async function withParts(file: string, text: string): Promise<string> {
  for (const [name, make] of Object.entries(partsOf[file]!)) {
    const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`${file} has no ${begin} … ${end}`);
    text = `${before}${begin}\n\n${await make()}\n\n${end}${after}`;
  }
  return text;
}

if (import.meta.main) {
  for (const file of Object.keys(partsOf)) {
    const path = new URL(file, root);
    await Deno.writeTextFile(path, await withParts(file, await Deno.readTextFile(path)));
  }
}
