// The names of Linux signals. No clock, no I/O.

/** By number; those that end processes. status/page/words.js has the same, for the browser. */
const names: Readonly<Record<number, string>> = {
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

/** The signal with its name, if it has one: `9 (SIGKILL)`. */
export function signalWords(signal: number): string {
  return signal in names ? `${signal} (${names[signal]})` : `${signal}`;
}

/** The exit code; with the name of a signal if it is 128 plus a signal's number. */
export function exitCodeWords(code: number): string {
  return code - 128 in names ? `${code} (${names[code - 128]})` : `${code}`;
}
