// Settings by the type of their value: what is accepted, and how it is parsed.
import { formatDuration, type Nanoseconds, parseDuration } from "../duration.ts";
import { formatSize, parseSize } from "../size.ts";
import type { Setting } from "./setting.ts";

/** The setting, but it may be absent: its value is then undefined. */
export function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  const { default: _, ...rest } = setting;
  return { ...rest, optional: true };
}

type Declared<T> = Omit<Setting<T>, "parse" | "accepts">;

/** A setting that takes any text, or only one that matches, as `accepts` says. */
export function text(declared: Declared<string>, accepts = "text", matches = /^.+$/s): Setting<string> {
  return {
    ...declared,
    accepts,
    parse(text) {
      if (!matches.test(text)) throw new Error("");
      return text;
    },
  };
}

/** A setting that takes a whole number from `min` to `max`. */
export function wholeNumber(declared: Declared<number>, min: number, max: number): Setting<number> {
  const accepts = `a whole number from ${min} to ${max}`;
  return {
    ...declared,
    accepts,
    parse(text) {
      const value = /^\+?[0-9]+$/.test(text) ? Number(text) : NaN;
      if (!(value >= min && value <= max)) throw new Error("");
      return value;
    },
  };
}

/** A setting that takes a size in bytes of at least one. */
export function size(declared: Declared<number>): Setting<number> {
  return {
    ...declared,
    accepts: "a size of at least a byte",
    parse(text) {
      const value = parseSize(text);
      if (value < 1) throw new Error(`which is ${formatSize(value)}`);
      return value;
    },
  };
}

/** A setting that takes a duration above zero, as Go writes it. */
export function duration(declared: Declared<Nanoseconds>): Setting<Nanoseconds> {
  return {
    ...declared,
    accepts: "a Go duration above zero",
    parse(text) {
      const value = parseDuration(text);
      if (value <= 0n) throw new Error(`which is ${formatDuration(value)}`);
      return value;
    },
  };
}

/** A setting that is on or off; as a flag it takes no value, and `--no-…` turns it off. */
export function toggle(
  declared: Omit<Declared<boolean>, "default" | "toggle" | "example">,
): Setting<boolean> {
  const on = ["true", "1", "on"].map((word) => [word, true] as const);
  const off = ["false", "0", "off"].map((word) => [word, false] as const);
  const words = new Map<string, boolean>([...on, ...off]);
  return {
    ...declared,
    accepts: "true or false",
    example: "true",
    default: "false",
    defaultNote: declared.defaultNote ?? "off",
    toggle: true,
    parse(text) {
      const value = words.get(text.toLowerCase());
      if (value === undefined) throw new Error("");
      return value;
    },
  };
}

/** A setting that takes one of a few words, or another word for one of them. */
export function choice<T extends string>(
  declared: Declared<T>,
  choices: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): Setting<T> {
  return {
    ...declared,
    accepts: oneOf(choices),
    choices,
    parse(text) {
      const lower = text.toLowerCase();
      const found = choices.find((word) => word === lower) ??
        Object.entries(synonyms).find(([word]) => word === lower)?.[1];
      if (found === undefined) throw new Error("");
      return found;
    },
  };
}

/** A setting that takes the URL of a server. Its password is never shown. */
export function url(declared: Declared<URL>, schemes: readonly string[]): Setting<URL> {
  return {
    ...declared,
    accepts: `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
    parse(text) {
      if (/^[^/]*\/\/[^/?#@]*:[^/?#@]*[/?#].*@/.test(text)) {
        throw new Error('with "/", "?" or "#" before "@"; in a password these are %2F, %3F and %23');
      }
      const value = URL.parse(text);
      const scheme = value?.protocol.slice(0, -1) ?? "";
      // What is no URL has perhaps a password where its scheme would be.
      if (value === null || !schemes.includes(scheme) && !text.toLowerCase().includes(`${scheme}://`)) {
        throw new Error("not a URL");
      }
      if (!schemes.includes(scheme)) throw new Error(`a URL of ${value.protocol}`);
      if (value.hostname === "") throw new Error("without a host");
      return value;
    },
  };
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  return words.join(", ").replace(/, ([^,]*)$/, " or $1");
}
