// What an SMTP server and the way to it can say, in words: what passes, what takes an operator, what is for good.
import { quoteAnswer } from "../../clients/http/errors.ts";
import { explainHandshake } from "../../clients/tls/handshake_error.ts";
import { tlsOptions, tlsSettings } from "../../clients/tls/settings.ts";
import { Fault, type Recovery } from "../../lib/errors.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { printable, quoted } from "../../lib/settings/redact.ts";
import { type EmailValues, settings } from "./settings.ts";

/** What nodemailer adds to its errors. */
export interface SmtpError extends Error {
  readonly code?: string;
  /** The code of the system, or of TLS. */
  readonly originalCode?: string;
  /** The command that was answered. */
  readonly command?: string;
  /** The server's words, which begin with the number of `responseCode`. */
  readonly response?: string;
  readonly responseCode?: number;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly SmtpError[];
}

/** What is known of the server. */
export interface SmtpServer {
  readonly values: EmailValues;
  /** What the variables of its settings begin with. */
  readonly prefix: string;
}

/** The error as a fault. */
export async function explainSmtp(error: unknown, server: SmtpServer): Promise<Fault> {
  if (error instanceof Fault) return error;
  const found = error as SmtpError;
  return await handshakeFault(found, server) ?? answerFault(found, server) ?? connectionFault(found, server);
}

/** A recipient that the server refused. */
export function explainRecipient(error: SmtpError, server: SmtpServer): Fault {
  return new Fault(
    `${whereOf(server)} refused the recipient ${quoted(error.recipient ?? "")}: ${saidBy(error, server)}`,
    isTransient(error) ? "transient" : "operator",
  );
}

/** Whether the same can be taken later: answers 4xx, and 503, which is about the order of commands. */
export function isTransient({ responseCode = 0 }: SmtpError): boolean {
  return responseCode < 500 || responseCode === 503;
}

/** The server for people. */
export function whereOf({ values: { smtpUrl } }: SmtpServer): string {
  return printable(smtpUrl);
}

async function handshakeFault(error: SmtpError, { values, prefix }: SmtpServer): Promise<Fault | undefined> {
  const { tlsCaFile, tlsCertFile, tlsKeyFile, tlsServerName } = tlsSettings(prefix);
  const { message, originalCode, code } = error;
  const { hostname, port, protocol } = values.smtpUrl;
  return await explainHandshake(
    Object.assign(new Error(message), { ...error, code: originalCode ?? code }),
    {
      where: printable(values.smtpUrl),
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || (protocol === "smtps:" ? 465 : 587)),
      options: () => tlsOptions(prefix, values),
      serverName: values.tlsServerName,
      caFile: values.tlsCaFile,
      certFile: values.tlsCertFile,
      settings: { ca: tlsCaFile, cert: tlsCertFile, key: tlsKeyFile, serverName: tlsServerName },
    },
  );
}

function answerFault(error: SmtpError, server: SmtpServer): Fault | undefined {
  const { code, command, rejectedErrors } = error;
  const where = whereOf(server);
  const said = saidBy(error, server);
  const passes = isTransient(error);
  const url = namesOf({ env: settings.smtpUrl.env.replace("SINK_EMAIL", server.prefix) });
  const fault = (sentence: string, otherwise: Recovery) =>
    new Fault(sentence, passes ? "transient" : otherwise);
  if (code === "EMESSAGE" && error.responseCode === undefined) {
    return new Fault(`${where} takes no message of this size`, "rejected");
  }
  if (error.responseCode === undefined) return undefined;
  if (code === "EAUTH") {
    return fault(`${where} refused the login: ${said}; set user and password in ${url}`, "config");
  }
  if (command === "STARTTLS") {
    return new Fault(
      `${where} offers no STARTTLS: ${said}; set another port in ${url}, or ?starttls=optional`,
      "operator",
    );
  }
  if (command === "MAIL FROM") {
    return fault(
      `${where} refused the sender ${quoted(server.values.from[0]!.address)}: ${said}`,
      "operator",
    );
  }
  if (rejectedErrors !== undefined && rejectedErrors.length > 0) {
    const faults = rejectedErrors.map((one) => explainRecipient(one, server));
    const transient = faults.some(({ recovery }) => recovery === "transient");
    return new Fault(faults.map(({ message }) => message).join("; "), transient ? "transient" : "operator");
  }
  if (code === "EMESSAGE") return fault(`${where} refused the message: ${said}`, "rejected");
  return fault(`${where} answered: ${said}`, "operator");
}

function connectionFault({ code, originalCode, message }: SmtpError, server: SmtpServer): Fault {
  const where = whereOf(server);
  if (originalCode === "ECONNREFUSED") return new Fault(`${where}: connection refused`);
  if (code === "EDNS") return new Fault(`${where}: host not found`);
  if (code === "ETIMEDOUT") return new Fault(`${where}: no answer in time`);
  if (code === "ECONNECTION" || originalCode === "ECONNRESET" || originalCode === "EPIPE") {
    return new Fault(`${where}: connection lost`);
  }
  return new Fault(`${where}: ${quoteAnswer(message, secretsOf(server))}`);
}

function saidBy({ response = "", message }: SmtpError, server: SmtpServer): string {
  return quoteAnswer(response || message, secretsOf(server));
}

/** What a server may repeat of a login. */
function secretsOf({ values: { smtpUrl: { username, password } } }: SmtpServer): string[] {
  if (password === "") return [];
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  return [secret, btoa(unescapeUtf8(secret)), btoa(unescapeUtf8(`\0${user}\0${secret}`))];
}

/** As `btoa` takes it: a character for each byte of UTF-8. */
function unescapeUtf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
