// How times, numbers, names and commands are written. No DOM.

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * A length of time as a person says it: `12 s`, `5 min`, `2 h 10 min`, `3 d 4 h`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function span(ms) {
  if (ms < minute) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  const [big, small, bigName, smallName] = ms < day ? [hour, minute, "h", "min"] : [day, hour, "d", "h"];
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)} ${bigName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

/**
 * The time of day as the detector writes it, with the date where that is another one than now's.
 *
 * @param {string} time RFC 3339
 * @param {number} now
 * @returns {string}
 */
export function clock(time, now) {
  const [, date = "", seconds = "", zone = "Z"] = parts(time);
  const shown = zone === "Z" ? seconds : `${seconds} ${zone}`;
  return date === dateOf(now, zone) ? shown : `${date.slice(5)} ${seconds.slice(0, 5)}${shown.slice(8)}`;
}

/**
 * Date and time of day to the millisecond, with the zone: `2026-11-24 16:45:03.120 UTC`.
 *
 * @param {string} time RFC 3339
 * @returns {string}
 */
export function exact(time) {
  const [, date = "", seconds = "", zone = "Z", fraction = ""] = parts(time);
  return `${date} ${seconds}.${fraction.slice(0, 3).padEnd(3, "0")} ${zone === "Z" ? "UTC" : zone}`;
}

/**
 * RFC 3339 in the zone of another time.
 *
 * @param {number} ms since the Unix epoch
 * @param {string} like RFC 3339
 * @returns {string}
 */
export function written(ms, like) {
  const [, , , zone = "Z"] = parts(like);
  return new Date(ms + offsetOf(zone)).toISOString().replace("Z", zone);
}

/** @param {string} time */
function parts(time) {
  const [all = "", date = "", seconds = "", fraction = "", zone = "Z"] =
    /^([\d-]+)T([\d:]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return [all, date, seconds, zone, fraction];
}

/**
 * @param {number} now
 * @param {string} zone
 */
function dateOf(now, zone) {
  return new Date(now + offsetOf(zone)).toISOString().slice(0, 10);
}

/** @param {string} zone */
function offsetOf(zone) {
  if (zone === "Z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  return (hours * hour + minutes * minute) * (zone[0] === "-" ? -1 : 1);
}

const grouped = new Intl.NumberFormat("en-US");

/**
 * A number with its thousands apart: `12,345`.
 *
 * @param {number} value
 * @returns {string}
 */
export function number(value) {
  return grouped.format(value);
}

/**
 * A number and what is counted: `1 restart`, `12,345 restarts`.
 *
 * @param {number} count
 * @param {string} what in the singular
 * @returns {string}
 */
export function counted(count, what) {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

/**
 * The text with its first letter large, where it begins with a word; addresses and names stay as they are.
 *
 * @param {string} text
 * @returns {string}
 */
export function capital(text) {
  const [first = ""] = text.split(/\s/, 1);
  return /^[a-z]+[,;.!?]?$/.test(first) ? text.slice(0, 1).toUpperCase() + text.slice(1) : text;
}

/** @type {Readonly<Record<number, string>>} what signals of Linux that end processes are called */
const signals = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/**
 * A signal with its name: `9 (SIGKILL)`.
 *
 * @param {number} signal
 * @returns {string}
 */
export function signalWords(signal) {
  return signal in signals ? `${signal} (${signals[signal]})` : `${signal}`;
}

/**
 * An exit code, with the name of the signal where it says that one ended the process: `137 (SIGKILL)`.
 *
 * @param {number} code
 * @returns {string}
 */
export function exitCodeWords(code) {
  return code - 128 in signals ? `${code} (${signals[code - 128]})` : `${code}`;
}

// Controls, and marks that turn the direction of what follows or cannot be seen.
// deno-lint-ignore no-control-regex
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * A text in which nothing is hidden: characters that cannot be seen, or that turn the others around, stand in it as
 * escapes.
 *
 * @param {string} text
 * @returns {string}
 */
export function plain(text) {
  return text.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * A word of a shell that stands for this text and for nothing else, or undefined where there is none that every shell
 * reads so: of characters that cannot be seen, or that a terminal could obey when they are pasted, and of backslashes.
 *
 * @param {string} text
 * @returns {string | undefined}
 */
export function shellWord(text) {
  if (/^[\w./:@%+,][\w./:@%+,=-]*$/.test(text)) return text;
  if (plain(text) !== text || text.includes("\\") || !text.isWellFormed()) return undefined;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A command in which words of others are only ever what they stand for: none of them is read as an option. Undefined
 * where one of them cannot be written.
 *
 * @param {string} command with its options
 * @param {string | null} namespace
 * @param {readonly string[]} words
 * @returns {string | undefined}
 */
export function nomadCommand(command, namespace, words) {
  const within = namespace === null ? [] : [namespace];
  const written = [...within, ...words].map(shellWord);
  if (written.includes(undefined)) return undefined;
  const option = namespace === null ? "" : ` -namespace ${written.shift()}`;
  return `nomad ${command}${option} -- ${written.join(" ")}`;
}
