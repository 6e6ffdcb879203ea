// The sink `email`: a letter for each alert, by SMTP, all about one loop in one thread. nodemailer is loaded only when it
// is used.
import type { Buffer } from "node:buffer";
import { domainToASCII } from "node:url";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPConnectionOptions, SMTPConnectionSendInfo } from "nodemailer/lib/smtp-connection";
import { tlsOptions } from "../../clients/tls/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { explainRecipient, explainSmtp, isTransient, type SmtpError, whereOf } from "./errors.ts";
import { letterOf } from "./letter.ts";
import { conflicts, type EmailValues, type Mailbox, requiresTls, settings } from "./settings.ts";

/** The adapter of the sink `email`. */
export const email = defineSink({
  type: "email",
  needsEnds: true,
  audience: "people",
  settings,
  conflicts,
  open: (values, context, prefix) => new EmailSink(values, context, prefix),
});

/** Milliseconds for a connection and all that is said on it. */
const usualTimeout = 30_000;
/** Maximum alerts of which is known which recipients are left. */
const maxLeft = 1000;

/** The sink; tests give it another timeout. */
export class EmailSink implements Sink {
  readonly concurrency = 4;
  readonly #values: EmailValues;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #timeout: number;
  /** Recipients that have not got an alert that others have, by its id. */
  readonly #left = new Map<string, readonly string[]>();
  /** What ends the connections that are open. */
  readonly #open = new Set<(fault: Fault) => void>();
  #closed = false;

  constructor(values: EmailValues, context: SinkContext, prefix: string, timeout = usualTimeout) {
    this.#values = values;
    this.#context = context;
    this.#prefix = prefix;
    this.#timeout = timeout;
  }

  async connect(): Promise<void> {
    await this.#connected(() => Promise.resolve());
  }

  async send(alert: Alert): Promise<void> {
    const message = await this.#compose(alert);
    const to = this.#left.get(alert.id) ?? this.#values.to.map(({ address }) => address);
    const from = this.#values.from[0]!.address;
    const envelope = { from, to: [...to], size: message.length };
    let info: Pick<SMTPConnectionSendInfo, "rejectedErrors">;
    try {
      info = await this.#connected((connection) =>
        new Promise<SMTPConnectionSendInfo>((resolve, reject) =>
          connection.send(envelope, message, (error, info) => error ? reject(error) : resolve(info))
        )
      );
    } catch (error) {
      // Those that are left are refused for good, and others have it.
      const { refused } = error as Refusal;
      if (!this.#left.has(alert.id) || refused === undefined || refused.some(isTransient)) throw error;
      info = { rejectedErrors: refused } as typeof info;
    }
    this.#settle(alert.id, to, (info.rejectedErrors ?? []) as readonly SmtpError[]);
  }

  async check(): Promise<string> {
    await this.connect();
    const { smtpUrl: { username } } = this.#values;
    return `${whereOf(this.#server)}: connected${username === "" ? "" : ", logged in"}; ` +
      "whether it takes sender and recipients the first alert shows";
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const end of this.#open) end(new Fault("closed"));
    return Promise.resolve();
  }

  get #server() {
    return { values: this.#values, prefix: this.#prefix };
  }

  /** Some have it. Those that may take it later get it by the next attempt; those that never will are spoken of. */
  #settle(id: string, to: readonly string[], refused: readonly SmtpError[]): void {
    for (const address of to) {
      const error = refused.find(({ recipient }) => recipient === address);
      this.#context.listener.part(address, error && explainRecipient(error, this.#server));
    }
    const later = refused.filter(isTransient);
    this.#left.delete(id);
    if (later.length === 0) return;
    this.#left.set(id, later.map(({ recipient }) => recipient!));
    if (this.#left.size > maxLeft) this.#left.delete(this.#left.keys().next().value!);
    throw explainRecipient(later[0]!, this.#server);
  }

  async #compose(alert: Alert): Promise<Buffer> {
    const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
    const message = this.#context.message(alert);
    const { from, to } = this.#values;
    const id = (of: string) => `<${of}@${domainOf(from[0]!)}>`;
    // The id of a group is that of no alert: its first letter takes it, so that the others refer to a letter.
    const isFirst = alert.id === alert.loop || (alert.group !== undefined && alert.reason === "first");
    return await new MailComposer({
      from: from[0]!,
      to: [...to],
      ...letterOf(message),
      messageId: id(isFirst ? alert.loop : alert.id),
      ...(isFirst ? {} : { inReplyTo: id(alert.loop), references: [id(alert.loop)] }),
      headers: {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        ...(message.severity === "critical" ? { "X-Priority": "1", Importance: "High" } : {}),
      },
      disableFileAccess: true,
      disableUrlAccess: true,
    }).compile().build();
  }

  /** Does something on a connection of its own, which is logged in. @throws {Fault} */
  async #connected<T>(work: (connection: SMTPConnection) => Promise<T>): Promise<T> {
    const options = this.#options();
    const { default: Connection } = await import("nodemailer/lib/smtp-connection");
    if (this.#closed) throw new Fault("closed");
    const connection = new Connection(options);
    const broken = Promise.withResolvers<never>();
    const end = (reason: unknown) => {
      broken.reject(reason);
      connection.close();
    };
    broken.promise.catch(() => {});
    connection.on("error", broken.reject);
    connection.on("end", () => {
      this.#open.delete(end);
      broken.reject(Object.assign(new Error("closed"), { code: "ECONNECTION" }));
    });
    this.#open.add(end);
    const late = setTimeout(
      () => end(new Fault(`${whereOf(this.#server)}: no answer within ${this.#timeout / 1000} s`)),
      this.#timeout,
    );
    try {
      const result = await Promise.race([
        broken.promise,
        this.#login(connection).then(() => work(connection)),
      ]);
      connection.quit();
      return result;
    } catch (error) {
      connection.close();
      this.#open.delete(end);
      throw await this.#explain(error);
    } finally {
      clearTimeout(late);
    }
  }

  async #login(connection: SMTPConnection): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      connection.connect((error) => error ? reject(error) : resolve())
    );
    const { username, password } = this.#values.smtpUrl;
    if (username === "") return;
    const credentials = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    await new Promise<void>((resolve, reject) =>
      connection.login({ credentials }, (error) => error ? reject(error) : resolve())
    );
  }

  /** @throws {Fault} if a file of TLS is missing or wrong. */
  #options(): SMTPConnectionOptions {
    const { smtpUrl, from } = this.#values;
    const { hostname, port, protocol } = smtpUrl;
    const domain = domainOf(from[0]!);
    return {
      host: hostname.replace(/^\[|\]$/g, ""),
      ...(port === "" ? {} : { port: Number(port) }),
      secure: protocol === "smtps:",
      requireTLS: protocol === "smtp:" && requiresTls(smtpUrl),
      tls: tlsOptions(this.#prefix, this.#values),
      // What a client calls itself: the name of this machine would take a permission, and is seldom one in the DNS.
      name: domain.includes(".") ? domain : "[127.0.0.1]",
      connectionTimeout: this.#timeout,
      greetingTimeout: this.#timeout,
      socketTimeout: this.#timeout,
      dnsTimeout: this.#timeout,
      socketCloseTimeout: 0,
      maxResponseSize: 1 << 16,
    };
  }

  async #explain(error: unknown): Promise<Fault> {
    if (this.#closed) return new Fault("closed");
    const fault: Refusal = await explainSmtp(error, this.#server);
    fault.refused = (error as SmtpError).rejectedErrors;
    return fault;
  }
}

/** A fault, and the recipients that were refused where all were. */
interface Refusal extends Fault {
  refused?: readonly SmtpError[] | undefined;
}

function domainOf({ address }: Mailbox): string {
  return domainToASCII(address.slice(address.lastIndexOf("@") + 1)) || "localhost";
}
