// A mail server of a test's own, with STARTTLS and logins, whose refusals are in the test's hand; and letters as a
// person's program reads them.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { Certificate } from "./certificates.ts";
import { waitFor } from "./wait_for.ts";

/** A letter that arrived. */
export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly secure: boolean;
  /** By lower-case name, decoded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly html: string;
  readonly raw: string;
}

/** What the server is. */
export interface MailServerOptions {
  readonly certificate?: Certificate;
  /** TLS from the start. */
  readonly secure?: boolean;
  /** The password of every user; nobody needs to log in without it. */
  readonly password?: string;
  readonly size?: number;
}

/** Answers in the place of those that take all: a number and words, by address, or by what is asked. */
export class MailServer implements AsyncDisposable {
  readonly letters: Letter[] = [];
  /** By recipient, or `from`, `data`, `auth`: how it is refused. */
  readonly refusals = new Map<string, string>();
  readonly #server: SMTPServer;
  #connectedAt = 0;

  constructor({ certificate, secure = false, password, size }: MailServerOptions) {
    const refuse = (what: string, done: (error?: Error | null) => void) => {
      const answer = this.refusals.get(what);
      if (answer === undefined) return done();
      done(Object.assign(new Error(answer.slice(4)), { responseCode: Number(answer.slice(0, 3)) }));
    };
    this.#server = new SMTPServer({
      name: "mail.test",
      secure,
      ...(certificate === undefined ? { disabledCommands: ["STARTTLS"] } : {
        cert: Deno.readTextFileSync(certificate.cert),
        key: Deno.readTextFileSync(certificate.key),
      }),
      ...(password === undefined
        ? { authOptional: true, disabledCommands: ["AUTH", ...certificate ? [] : ["STARTTLS"]] }
        : {}),
      ...(size === undefined ? {} : { size }),
      allowInsecureAuth: true,
      logger: false,
      onAuth: (auth, _, done) =>
        refuse("auth", (error) => {
          if (error) return done(error);
          if (auth.password === password) return done(null, { user: auth.username });
          done(Object.assign(new Error("Authentication credentials invalid"), { responseCode: 535 }));
        }),
      onMailFrom: (_, __, done) => refuse("from", done),
      onRcptTo: ({ address }, _, done) => refuse(address, done),
      onData: (stream, { envelope, user, secure }, done) => {
        const parts: Uint8Array[] = [];
        stream.on("data", (part: Uint8Array) => parts.push(part));
        stream.on("end", () =>
          refuse("data", (error) => {
            if (error) return done(error);
            const { mailFrom, rcptTo } = envelope;
            this.letters.push({
              from: mailFrom ? mailFrom.address : "",
              to: rcptTo.map(({ address }) => address),
              user: user as string | undefined,
              secure,
              ...read(Buffer.concat(parts).toString("latin1")),
            });
            done();
          }));
      },
    });
    this.#server.server.on("connection", () => this.#connectedAt = performance.now());
    // Clients that go away, and those that do not trust it.
    this.#server.on("error", () => {});
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server.server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#server.connections) connection.close();
    await new Promise<void>((resolve) => this.#server.close(resolve));
    // It greets 100 ms after a connection, whether that is still there or not.
    await waitFor("the last greeting", () => performance.now() - this.#connectedAt > 150);
  }
}

/** Starts a mail server. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const server = new MailServer(options);
  await server.listen();
  return server;
}

/** A letter's headers and parts, of its bytes as characters. */
function read(raw: string): Pick<Letter, "headers" | "text" | "html" | "raw"> {
  const { headers, body } = split(raw);
  const boundary = /boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1];
  const parts = boundary === undefined
    ? []
    : body.split(`--${boundary}`).slice(1, -1).map((part) => split(part.trimStart()));
  const bodyOf = (type: string) => {
    const part = parts.find(({ headers }) => headers["content-type"]?.startsWith(type));
    return part === undefined ? "" : decode(part.body, part.headers["content-transfer-encoding"] ?? "");
  };
  return { headers, text: bodyOf("text/plain"), html: bodyOf("text/html"), raw };
}

function split(raw: string): { headers: Record<string, string>; body: string } {
  const end = raw.indexOf("\r\n\r\n");
  const lines = raw.slice(0, end).replaceAll(/\r\n[ \t]+/g, " ").split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), words(line.slice(colon + 1).trim())];
  });
  return { headers: Object.fromEntries(headers), body: raw.slice(end + 4) };
}

/** Encoded words of a header (RFC 2047). */
function words(value: string): string {
  return value.replaceAll(/\?=\s+=\?/g, "?==?").replaceAll(
    /=\?UTF-8\?([QB])\?([^?]*)\?=/gi,
    (_, encoding: string, text: string) =>
      encoding.toUpperCase() === "B"
        ? Buffer.from(text, "base64").toString()
        : quotedPrintable(text.replaceAll("_", " ")),
  );
}

function decode(body: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString();
  const text = encoding === "quoted-printable" ? quotedPrintable(body.replaceAll(/=\r\n/g, "")) : body;
  return text.replaceAll("\r\n", "\n");
}

function quotedPrintable(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}
