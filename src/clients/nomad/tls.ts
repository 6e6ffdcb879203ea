// TLS to Nomad: its command line's settings, as options of node:tls. The files are read at each connection, so that
// renewed certificates are taken.
import type { ConnectionOptions } from "node:tls";
import { Fault } from "../../lib/errors.ts";
import { whyUnreadable } from "../../lib/files.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { quoted } from "../../lib/settings/redact.ts";
import { type NomadSettings, nomadSettings } from "./settings.ts";
import { certificates, pair } from "../tls/settings.ts";

/** The options of a connection. @throws {Fault} if a file is missing or wrong. */
export function nomadTls(settings: NomadSettings): ConnectionOptions {
  const { caFile, caDirectory, clientCertificate, clientKey, serverName, skipVerify } = settings;
  const options: ConnectionOptions = { rejectUnauthorized: !skipVerify };
  if (serverName !== undefined) options.servername = serverName;
  if (caFile !== undefined) options.ca = certificates(nomadSettings.caFile, caFile);
  else if (caDirectory !== undefined) options.ca = readDirectory(caDirectory);
  if (clientCertificate !== undefined && clientKey !== undefined) {
    const { clientCertificate: certSetting, clientKey: keySetting } = nomadSettings;
    Object.assign(options, pair(certSetting, clientCertificate, keySetting, clientKey));
  }
  return options;
}

/** The certificates of the files in a directory, not of those below it. */
function readDirectory(path: string): string[] {
  const { caDirectory } = nomadSettings;
  const wrong = (problem: string) =>
    new Fault(
      `${namesOf(caDirectory)}: ${problem}; set it to a directory of PEM files`,
      "config",
    );
  let files: string[];
  try {
    // Kubernetes mounts each file as a link, and next to them a link to a directory.
    files = [...Deno.readDirSync(path)].map(({ name }) => `${path}/${name}`)
      .filter((file) => Deno.statSync(file).isFile);
  } catch (error) {
    throw wrong(`cannot read ${quoted(path)}: ${whyUnreadable(error)}`);
  }
  if (files.length === 0) throw wrong(`there is no file in ${quoted(path)}`);
  return files.sort().flatMap((file) => certificates(caDirectory, file));
}
