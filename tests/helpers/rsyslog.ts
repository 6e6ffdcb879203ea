// A private rsyslog for a test: own ports, own socket, own folder, gone when the test ends.
import { findServer } from "../tools/setup.ts";
import { freePort } from "./rabbitmq.ts";
import { waitFor } from "./wait_for.ts";

/** A line as rsyslog understood it. */
export interface Line {
  readonly priority: number;
  readonly host: string;
  readonly tag: string;
  readonly time: string;
  readonly text: string;
}

/** Starts one; resolves when it listens. */
export async function startRsyslog(): Promise<Rsyslog> {
  const rsyslog = new Rsyslog();
  try {
    await waitFor("rsyslog to listen", () => rsyslog.isReady());
    return rsyslog;
  } catch (error) {
    await rsyslog[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running rsyslog, which takes lines of up to 128 KB. Disposing it kills it. */
export class Rsyslog implements AsyncDisposable {
  readonly tcpPort: number = freePort();
  readonly udpPort: number = freePort();
  readonly #directory = Deno.makeTempDirSync({ prefix: "rsyslog-" });
  /** Its local socket. */
  readonly socket: string = `${this.#directory}/log.sock`;
  readonly #file = `${this.#directory}/lines`;
  readonly #child: Deno.ChildProcess;

  constructor() {
    const config = `${this.#directory}/rsyslog.conf`;
    Deno.writeTextFileSync(
      config,
      `global(workDirectory="${this.#directory}" maxMessageSize="128k")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="${this.udpPort}")
input(type="imtcp" address="127.0.0.1" port="${this.tcpPort}")
input(type="imuxsock" Socket="${this.socket}")
template(name="line" type="string" string="%pri%\\t%hostname%\\t%syslogtag%\\t%timereported:::date-rfc3339%\\t%msg%\\n")
*.* action(type="omfile" file="${this.#file}" template="line")
`,
    );
    this.#child = new Deno.Command(findServer("rsyslog"), {
      args: ["-n", "-f", config, "-i", `${this.#directory}/pid`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async isReady(): Promise<boolean> {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: this.tcpPort })).close();
      return (await Deno.stat(this.socket)).isSocket === true;
    } catch {
      return false;
    }
  }

  /** What it got of others so far. */
  async lines(): Promise<Line[]> {
    const text = await Deno.readTextFile(this.#file).catch(() => "");
    return text.split("\n").slice(0, -1).map((line) => {
      const [priority, host, tag, time, ...rest] = line.split("\t");
      return {
        priority: Number(priority),
        host: host!,
        tag: tag!,
        time: time!,
        text: rest.join("\t").trimStart(),
      };
    }).filter(({ tag }) => !tag.startsWith("rsyslogd"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}
