// The outcome as a table for people and as JSON.
import { isMet, type Row } from "./bench.ts";

/** All that one call measured. */
export interface Report {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  /** How long it took. */
  readonly seconds: number;
  readonly quick: boolean;
  readonly repeat: number;
  readonly messages: number;
  readonly rows: readonly (Row & { readonly bench: string })[];
}

/** A number with as many digits as can be distinguished from noise. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The table, in Markdown, with a line about the run. */
export function table(report: Report): string {
  const rows = report.rows.map((row) => [
    row.bench,
    row.what,
    `${row.target.is === "at least" ? "≥" : "≤"} ${row.target.value.toLocaleString("en-US")}`,
    figure(row.measured),
    row.unit ?? "×",
    Object.entries(row.figures).map(([name, text]) => `${name} ${text}`).join("; "),
    isMet(row) ? "yes" : "no",
  ]);
  const { date, commit, machine, seconds, quick, repeat } = report;
  return `${lines([heads, ...rows])}
${date}, commit ${commit}, ${machine}; ${repeat} runs each${quick ? ", quick" : ""}, ${
    Math.round(seconds)
  } s in all
`;
}

const heads = ["bench", "what", "target", "measured", "unit", "figures", "met"];

function lines(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |\n`;
  const [head, ...rest] = rows;
  return line(head!) + line(widths.map((width) => "-".repeat(width))) + rest.map(line).join("");
}

/** The report as JSON text, each row with whether its target is met. */
export function json(report: Report): string {
  return JSON.stringify(
    { ...report, rows: report.rows.map((row) => ({ ...row, met: isMet(row) })) },
    null,
    2,
  );
}
