// The settings of the sink `email`.
import { tlsConflicts, tlsSettings } from "../../clients/tls/settings.ts";
import { url } from "../../lib/settings/parsers.ts";
import type { Setting, Values } from "../../lib/settings/setting.ts";

const prefix = "SINK_EMAIL";

/** A mailbox: `Nomad <nomad@example.com>`. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

/** The settings. */
export const settings = {
  smtpUrl: smtpUrl(`${prefix}_SMTP_URL`),
  from: mailboxes({
    env: `${prefix}_FROM`,
    help: "sender of alerts",
    example: "Nomad <nomad@example.com>",
  }, 1),
  to: mailboxes({
    env: `${prefix}_TO`,
    help: "recipients of alerts, separated by commas",
    example: "oncall@example.com,team@example.com",
  }, 100),
  ...tlsSettings(prefix),
};

/** Their values. */
export type EmailValues = Values<typeof settings>;

/** What is wrong with values that are right one by one. Files of TLS serve STARTTLS too. */
export function conflicts(values: EmailValues, prefix: string): string[] {
  return tlsConflicts(prefix, values, values.smtpUrl, values.smtpUrl.protocol.slice(0, -1));
}

/** Whether mail goes only over TLS: a password does unless `starttls=optional` says otherwise. */
export function requiresTls({ protocol, username, searchParams }: URL): boolean {
  if (protocol === "smtps:") return true;
  const starttls = searchParams.get("starttls");
  return starttls === "required" || starttls === null && username !== "";
}

function smtpUrl(env: string): Setting<URL> {
  const setting = url({
    env,
    help:
      "URL of the SMTP server: smtps:// has TLS from the start, smtp:// takes STARTTLS where it is offered, and needs it " +
      "for a password unless ?starttls=optional stands behind; ?starttls=required needs it always",
    example: "smtp://detector:secret@mail.example.com:587",
    secret: true,
  }, ["smtp", "smtps"]);
  return {
    ...setting,
    parse(text) {
      const found = setting.parse(text);
      for (const [name, value] of found.searchParams) {
        if (name === "starttls" && (value === "required" || value === "optional")) continue;
        throw new Error("with a query that is not starttls=required or starttls=optional");
      }
      if (found.username === "" && found.password !== "") throw new Error("with a password and no user");
      return found;
    },
  };
}

const address = String.raw`[^\s<>@,;:"()[\]\\\p{Cc}]+@[^\s<>@,;:"()\\\p{Cc}]+`;
const bare = new RegExp(`^${address}$`, "u");
const named = new RegExp(String.raw`^(?:"([^"\\\p{Cc}]*)"|([^"<>\\\p{Cc}]*?))\s*<(${address})>$`, "u");

function mailboxes(
  declared: Omit<Setting<readonly Mailbox[]>, "accepts" | "parse">,
  max: number,
): Setting<readonly Mailbox[]> {
  return {
    ...declared,
    accepts: max === 1
      ? "an address, or a name and <address>"
      : `1 to ${max} addresses, or names and <addresses>, separated by commas`,
    parse(text) {
      const found = text.split(",").map((part) => mailboxOf(part.trim()));
      if (found.length > max) throw new Error("");
      return found;
    },
  };
}

/** @throws {Error} without a message where it is none. */
function mailboxOf(text: string): Mailbox {
  if (bare.test(text)) return { name: "", address: text };
  const [, quoted, plain, address] = named.exec(text) ?? [];
  if (address === undefined) throw new Error("");
  return { name: quoted ?? plain ?? "", address };
}
