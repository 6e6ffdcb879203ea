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
 * The text with its first letter large.
 *
 * @param {string} text
 * @returns {string}
 */
export function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
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
 * A word of a POSIX shell that stands for this text and for nothing else. Where the text has characters that a
 * terminal could obey when it is pasted, they are written as bash and zsh know them: `$'\u001b'`.
 *
 * @param {string} text
 * @returns {string}
 */
export function shellWord(text) {
  if (/^[\w./:@%+,][\w./:@%+,=-]*$/.test(text)) return text;
  if (plain(text) === text) return `'${text.replaceAll("'", `'\\''`)}'`;
  return `$'${plain(text.replaceAll(/[\\']/g, "\\$&"))}'`;
}
