// Templates of what a webhook sends, in the language Liquid, which runs no code and reads no files. The library is
// loaded only when it is used.
import type { Liquid, Template as Parsed } from "liquidjs";
import { cut, cutBytes } from "../../lib/cut.ts";
import { Fault } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";
import { readText } from "../../lib/files.ts";
import { quoted } from "../../lib/settings/redact.ts";
import type { TemplateData } from "./template_data.ts";

/** Where a template comes from and what it makes. */
export interface TemplateOptions {
  /** What names the setting, for errors. */
  readonly names: string;
  readonly path: string;
  /** It makes JSON: what it inserts is escaped for strings of JSON. */
  readonly json: boolean;
}

/** A template that was read and tried. */
export class Template {
  readonly #engine: Liquid;
  readonly #parsed: Parsed[];
  readonly #options: TemplateOptions;

  private constructor(engine: Liquid, parsed: Parsed[], options: TemplateOptions) {
    this.#engine = engine;
    this.#parsed = parsed;
    this.#options = options;
  }

  /** Reads a template and tries it: with `rich` data it must use no other names, and make JSON with all of them.
   * @throws {Fault} */
  static async load(
    options: TemplateOptions,
    rich: readonly TemplateData[],
    bare: readonly TemplateData[],
  ): Promise<Template> {
    const { names, path, json } = options;
    const wrong = (problem: string) => new Fault(`${names}: ${problem}`, "config");
    let text: string;
    try {
      text = readText(path);
    } catch (error) {
      throw wrong(`cannot read ${quoted(path)}: ${(error as Error).message}; name the file of a template`);
    }
    const engine = await openEngine(json);
    let parsed: Parsed[];
    try {
      parsed = engine.parse(text);
    } catch (error) {
      throw wrong(`${quoted(path)} is no template: ${reasonOf(error)}; mend it there`);
    }
    const template = new Template(engine, parsed, options);
    for (const data of rich) template.#render(data, true, wrong);
    for (const data of bare) template.#render(data, false, wrong);
    return template;
  }

  /** What it makes of an alert; names that this alert has not are empty. @throws {Fault} */
  render(data: TemplateData): string {
    return this.#render(
      data,
      false,
      (problem) => new Fault(`${this.#options.names}: ${problem}`, "rejected"),
    );
  }

  #render(data: TemplateData, strict: boolean, wrong: (problem: string) => Fault): string {
    const path = quoted(this.#options.path);
    let text: string;
    try {
      text = this.#engine.renderSync(this.#parsed, data, { strictVariables: strict });
    } catch (error) {
      throw wrong(`${path} cannot be filled in: ${reasonOf(error)}; mend it there`);
    }
    if (!this.#options.json) return text;
    try {
      JSON.parse(text);
    } catch (error) {
      throw wrong(
        `${path} makes no JSON of an alert whose state is ${data.state}: ${
          plain((error as Error).message)
        }; ` +
          "mend it, or name another Content-Type in the headers",
      );
    }
    return text;
  }
}

/** Maximum milliseconds that a template may take, and maximum characters that it may make. */
const maxMilliseconds = 10_000;
const maxCharacters = 50_000_000;

async function openEngine(json: boolean): Promise<Liquid> {
  const { Liquid } = await import("liquidjs");
  const engine = new Liquid({
    ...(json ? { outputEscape: jsonEscape } : {}),
    ownPropertyOnly: true,
    strictFilters: true,
    lenientIf: true,
    templates: {}, // in place of files
    renderLimit: maxMilliseconds,
    memoryLimit: maxCharacters,
  });
  engine.registerFilter("truncate", (value: unknown, length = 50) => cut(textOf(value), length));
  engine.registerFilter(
    "truncate_bytes",
    (value: unknown, length = 50) => cutBytes(textOf(value), length),
  );
  engine.registerFilter("json", { raw: true, handler: (value: unknown) => JSON.stringify(value ?? null) });
  return engine;
}

function textOf(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

/** As it stands between the quotes of a string of JSON; numbers stay what they are, lists and objects become JSON. */
function jsonEscape(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return JSON.stringify(textOf(value).toWellFormed()).slice(1, -1);
}

/** The first line: those after it show the template. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return plain(message.split("\n", 1)[0]!.replace(/, line:(\d+), col:(\d+)$/, " in line $1, column $2"));
}
