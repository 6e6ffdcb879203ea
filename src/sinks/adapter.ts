// The adapter of a sink: its settings, which alerts it gets, and how several sinks of one type differ by name.
import {
  type Input,
  readSettings,
  type Setting,
  type Settings,
  type SettingsGroup,
  type Values,
} from "../lib/settings/setting.ts";
import type { Alert } from "../detection/alert/alert.ts";
import { globs, pathOf } from "../detection/alert/path_filter.ts";
import type { Sink, SinkContext } from "./sink.ts";

/** A type of sink. */
export interface SinkAdapter {
  /** The word that selects it in `SINK_TYPE`. */
  readonly type: string;
  readonly group: SettingsGroup;
  /** The same type under a name of its own, which its variables have too: `SINK_WEBHOOK_AUDIT_URL`. */
  named(name: string): SinkAdapter;
  /** Reads its settings; undefined, with the reasons in `input.problems`, where one is wrong. */
  prepare(input: Input): PreparedSink | undefined;
}

/** A sink whose settings are read. */
export interface PreparedSink {
  /** People or a receiver see a loop as open until they get its end, so it gets ends whatever `NOTIFY_RESOLVED` says. */
  readonly needsEnds: boolean;
  /** Whether its messages are read by people, who get loops with one cause as one message, or by programs, which get
   * each loop. */
  readonly audience: Audience;
  /** Whether it changes what it sent about a loop or a group, so that it can show every change. */
  readonly updates: boolean;
  /** Whether its filters let the alert pass; they are about loops, so what is about the detector passes. */
  accepts(alert: Alert): boolean;
  open(context: SinkContext): Sink;
}

/** Who reads what a sink sends. */
export type Audience = "people" | "programs";

/** What declares a type of sink. */
export interface SinkDeclaration<S extends Settings> {
  readonly type: string;
  /** Whether it gets ends whatever `NOTIFY_RESOLVED` says; a function where its settings decide. */
  readonly needsEnds?: boolean | ((values: Values<S>) => boolean);
  /** Who reads what it sends, programs by default; a function where its settings decide. */
  readonly audience?: Audience | ((values: Values<S>) => Audience);
  /** Whether it changes what it sent, which it does not by default; a function where its settings decide. */
  readonly updates?: boolean | ((values: Values<S>) => boolean);
  /** What its variables begin with, where that is not `SINK_` and the type. */
  readonly prefix?: string;
  readonly settings: S;
  /** What is wrong with values that are right one by one, a line each. `prefix` is what its variables begin with. */
  conflicts?(values: Values<S>, prefix: string): readonly string[];
  open(values: Values<S>, context: SinkContext, prefix: string): Sink;
}

/** Makes an adapter of its declaration. */
export function defineSink<S extends Settings>(declared: SinkDeclaration<S>): SinkAdapter {
  return adapterOf(declared, undefined);
}

function adapterOf<S extends Settings>(declared: SinkDeclaration<S>, name: string | undefined): SinkAdapter {
  const { type, needsEnds = false, audience = "programs", updates = false } = declared;
  const own = declared.prefix ?? `SINK_${type.toUpperCase()}`;
  const prefix = withName(own, name);
  const settings = Object.fromEntries(
    Object.entries(declared.settings).map(([key, setting]) => [key, renamed(setting, own, prefix)]),
  ) as S;
  const filters = filterSettings(withName(`SINK_${type.toUpperCase()}`, name));
  const shown = name === undefined ? type : `${type}:${name}`;
  return {
    type: shown,
    group: { title: `Sink ${shown}`, settings: { ...settings, ...filters } },
    named: (name) => adapterOf(declared, name),
    prepare(input) {
      const values = readSettings(settings, input);
      const filter = readSettings(filters, input);
      const conflicts = values && declared.conflicts?.(values, prefix) || [];
      input.problems.push(...conflicts);
      if (values === undefined || filter === undefined || conflicts.length > 0) return undefined;
      const { only, except } = filter;
      return {
        needsEnds: typeof needsEnds === "function" ? needsEnds(values) : needsEnds,
        audience: typeof audience === "function" ? audience(values) : audience,
        updates: typeof updates === "function" ? updates(values) : updates,
        accepts(alert) {
          if (alert.notice !== undefined || (only === undefined && except === undefined)) return true;
          const path = pathOf(alert);
          return (only === undefined || only(path)) && !(except !== undefined && except(path));
        },
        open: (context) => declared.open(values, context, prefix),
      };
    },
  };
}

/** `SINK_WEBHOOK_AUDIT`. */
function withName(prefix: string, name: string | undefined): string {
  return name === undefined ? prefix : `${prefix}_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** Variables that do not begin with the prefix are those of an SDK, which all sinks share. */
function renamed<T>(setting: Setting<T>, from: string, to: string): Setting<T> {
  return setting.env.startsWith(`${from}_`)
    ? { ...setting, env: to + setting.env.slice(from.length) }
    : setting;
}

function filterSettings(prefix: string) {
  const filter = (name: string, help: string, example: string) =>
    globs({ env: `${prefix}_${name}`, help, example });
  return {
    only: filter(
      "ONLY",
      "globs over namespace/job/group/task: no other alerts go there",
      "prod/*,staging/web",
    ),
    except: filter("EXCEPT", "globs over namespace/job/group/task: these alerts do not go there", "*/ci-*"),
  };
}

/** A type of sink in the table of all: its words in `SINK_TYPE`, and its adapter, which is loaded only when it is used. */
export interface SinkType {
  readonly type: string;
  /** Other words for it. */
  readonly aliases: readonly string[];
  load(): Promise<SinkAdapter>;
}

/** A sink of `SINK_TYPE`: a type, and a name where there are several of it. */
const chosen = /^([a-z]+)(?::([a-z][a-z0-9-]*))?$/;

/** The sink that a word of `SINK_TYPE` selects, by its type, and its name where it has one: `slack`, `webhook:audit`. */
export function findSink(types: readonly SinkType[], word: string): string | undefined {
  const [, wanted, name] = chosen.exec(word) ?? [];
  const found = types.find(({ type, aliases }) => type === wanted || aliases.includes(wanted!));
  return found && (name === undefined ? found.type : `${found.type}:${name}`);
}

/** Loads the adapter of a sink that `findSink` found. */
export async function loadSink(types: readonly SinkType[], sink: string): Promise<SinkAdapter> {
  const [type, name] = sink.split(":");
  const adapter = await types.find((one) => one.type === type)!.load();
  return name === undefined ? adapter : adapter.named(name);
}
