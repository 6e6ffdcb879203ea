// Makes sure that the servers which the tests talk to are on this machine: `deno run -A tests/tools/setup.ts`.
// Quiet when all is there. Installs by apt-get where it may, else says in one line what to install.

import { stderr, stdout } from "node:process";

/** A server and how it comes onto a machine. */
export interface Server {
  /** The program that must be there. */
  program: string;
  /** Where to look before PATH, because the program there is better or PATH does not have it. */
  directories: string[];
  /** Package names. */
  apt: string;
  brew: string;
  /** What the package would start by itself at boot, which a machine for tests does not want. */
  units: string[];
}

const servers = {
  rabbitmq: {
    program: "rabbitmq-server",
    // Debian's /usr/sbin/rabbitmq-server is a wrapper for root and for the user rabbitmq only.
    directories: ["/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin"],
    apt: "rabbitmq-server",
    brew: "rabbitmq",
    units: ["rabbitmq-server.service"],
  },
  prometheus: {
    program: "prometheus",
    directories: [],
    apt: "prometheus",
    brew: "prometheus",
    units: ["prometheus.service"],
  },
  alertmanager: {
    // Debian's name for it.
    program: Deno.build.os === "linux" ? "prometheus-alertmanager" : "alertmanager",
    directories: [],
    apt: "prometheus-alertmanager",
    brew: "alertmanager",
    units: ["prometheus-alertmanager.service"],
  },
  chromium: { program: "chromium", directories: [], apt: "chromium", brew: "chromium", units: [] },
  openssl: { program: "openssl", directories: [], apt: "openssl", brew: "openssl", units: [] },
  redis: {
    program: "redis-server",
    directories: [],
    apt: "redis-server",
    brew: "redis",
    units: ["redis-server.service"],
  },
  kcat: { program: "kcat", directories: [], apt: "kcat", brew: "kcat", units: [] },
  rsyslog: {
    program: "rsyslogd",
    directories: ["/usr/sbin", "/opt/homebrew/sbin", "/usr/local/sbin"],
    apt: "rsyslog",
    brew: "rsyslog",
    units: ["rsyslog.service"],
  },
} satisfies Record<string, Server>;

/** What only `deno task bench` needs. */
const forBench = {
  jq: { program: "jq", directories: [], apt: "jq", brew: "jq", units: [] },
} satisfies Record<string, Server>;

/** A server that the tests or the benches use; a row of a table. */
export type ServerName = keyof typeof servers | keyof typeof forBench;

/** The path of a server's program. Throws one line that says what to do where it is missing. */
export function findServer(name: ServerName): string {
  const server: Server = { ...servers, ...forBench }[name];
  const path = locate(server);
  if (path) return path;
  throw new Error(
    `${server.program} not found: run \`deno run -A tests/tools/setup.ts\`, or ${advice([server])}`,
  );
}

function locate({ program, directories }: Server): string | undefined {
  const path = (Deno.env.get("PATH") ?? "").split(":").filter((directory) => directory !== "");
  return [...directories, ...path].map((directory) => `${directory}/${program}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function advice(missing: Server[]): string {
  const apt = missing.map((server) => server.apt).join(" ");
  const brew = missing.map((server) => server.brew).join(" ");
  const programs = missing.map((server) => server.program).join(" and ");
  return `install it (\`sudo apt-get install ${apt}\`, \`brew install ${brew}\`, elsewhere what puts ${programs} on PATH)`;
}

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

/** The words before a command that make it root's; undefined where that needs a password. */
async function asRoot(): Promise<string[] | undefined> {
  if (Deno.uid() === 0) return [];
  return await succeeds("sudo", "-n", "true") ? ["sudo", "-n"] : undefined;
}

// A policy-rc.d that answers 101 keeps packages from starting their servers; it is there only while apt works.
const install = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' >"$policy" && chmod 755 "$policy" || exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 $PACKAGES || exit 1
  for unit in $UNITS; do systemctl disable --quiet "$unit" || true; done
`;

/** Installs the packages; resolves with what apt-get said last when it failed. */
async function aptInstall(root: string[], missing: Server[]): Promise<string | undefined> {
  const packages = missing.map((server) => server.apt).join(" ");
  const units = missing.flatMap((server) => server.units).join(" ");
  const [command, ...args] = [...root, "env", `PACKAGES=${packages}`, `UNITS=${units}`, "sh", "-c", install];
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null", stdout: "piped" })
    .output();
  if (success) return undefined;
  return new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "no reason given";
}

/** Installs what is missing; resolves with the one line to print when something is still missing. */
export async function setUp(wanted: readonly Server[] = Object.values(servers)): Promise<string | undefined> {
  const missing = wanted.filter((server) => !locate(server));
  if (missing.length === 0) return undefined;
  const names = missing.map((server) => server.apt).join(" ");
  const root = Deno.build.os === "linux" && await succeeds("apt-get", "--version")
    ? await asRoot()
    : undefined;
  if (!root) return `${names} missing: ${advice(missing)}`;
  stdout.write(`installing ${names} with apt-get\n`);
  const failure = await aptInstall(root, missing);
  if (failure) return `apt-get could not install ${names} (${failure}): ${advice(missing)}`;
  const still = missing.filter((server) => !locate(server)).map((server) => server.program);
  return still.length > 0 ? `installed ${names}, but ${still.join(" and ")} cannot be found` : undefined;
}

/** Installs what the benches need beyond what the tests do; resolves as `setUp` does. */
export function setUpBench(): Promise<string | undefined> {
  return setUp(Object.values(forBench));
}

if (import.meta.main) {
  const problem = await setUp();
  if (problem) {
    stderr.write(`${problem}\n`);
    Deno.exitCode = 1;
  }
}
