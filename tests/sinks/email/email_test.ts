// The sink `email` at a mail server: what arrives, threads, and what it says of each thing that can be wrong.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import type { Fault } from "../../../src/lib/errors.ts";
import { email, EmailSink } from "../../../src/sinks/email/email.ts";
import { type EmailValues, settings } from "../../../src/sinks/email/settings.ts";
import type { Sink, SinkContext } from "../../../src/sinks/sink.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { Authority, type Certificate } from "../../helpers/certificates.ts";
import { groupAlert, groupId } from "../../helpers/loop.ts";
import { startProxy } from "../../helpers/proxy.ts";
import { freePort } from "../../helpers/rabbitmq.ts";
import { sinkContext } from "../../helpers/sink.ts";
import { type MailServer, startMailServer } from "../../helpers/smtp.ts";
import { within } from "../../helpers/wait_for.ts";

let directory: string;
let authority: Authority;
let certificate: Certificate;
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "email-" });
  authority = await Authority.create(directory, "Test CA");
  certificate = await authority.sign({ name: "mail", hosts: ["DNS:localhost", "IP:127.0.0.1"] });
});
Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));

interface Opened {
  readonly url: string;
  readonly env?: Record<string, string>;
  readonly context?: Partial<SinkContext>;
  readonly timeout?: number;
}

function open({ url, env = {}, context, timeout }: Opened): Sink {
  const texts: Record<string, string> = {
    SINK_EMAIL_SMTP_URL: url,
    SINK_EMAIL_FROM: "Nomad é <nomad@example.com>",
    SINK_EMAIL_TO: "on-call@example.com",
    ...env,
  };
  const values = Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => {
      const text = texts[setting.env];
      return [name, text === undefined ? undefined : setting.parse(text)];
    }),
  ) as unknown as EmailValues;
  return new EmailSink(values, sinkContext(context), "SINK_EMAIL", timeout);
}

const urlOf = ({ port }: MailServer, login = "", query = "") => `smtp://${login}127.0.0.1:${port}${query}`;

const links = { nomadUi: new URL("https://nomad.example"), page: new URL("https://detector.example") };
const withLinks = { message: (alert: Alert) => messageOf(alert, { ...links, cluster: "prod" }) };

Deno.test("a letter has the title as its subject, and text and HTML with reason, facts and links", async () => {
  await using server = await startMailServer();
  await using sink = open({
    url: urlOf(server),
    context: withLinks,
    env: { SINK_EMAIL_TO: "a@x.test, Bé <b@x.test>" },
  });
  const alert = alertAbout("caf\u00e9.web[0]");
  await sink.send(alert);
  const message = withLinks.message(alert);
  const [{ from, to, headers, text, html }] = server.letters as [MailServer["letters"][0]];
  assert.equal(from, "nomad@example.com");
  assert.deepEqual(to, ["a@x.test", "b@x.test"]);
  assert.equal(headers.subject, message.title);
  assert.equal(headers.from, "Nomad é <nomad@example.com>");
  assert.equal(headers.to, "a@x.test, Bé <b@x.test>");
  assert.equal(headers["message-id"], `<${alert.id}@example.com>`);
  assert.equal(headers["auto-submitted"], "auto-generated");
  assert.equal(
    text.trimEnd(),
    [
      message.title,
      "",
      message.reason,
      "",
      ...message.facts.map(({ label, value }) => `${`${label}:`.padEnd(11)} ${value}`),
      ...message.links.flatMap(({ text, url }) => ["", `${text}:`, url]),
    ].join("\n"),
  );
  assert.ok(html.includes(`<h1 `) && html.includes(">Active<"));
  for (const { url } of message.links) assert.ok(html.includes(`<a href="${url}"`), url);
  for (const { value } of message.facts) assert.ok(html.includes(`>${value}<`), value);
});

Deno.test("letters of one loop are one thread: the first has the loop's id, the others refer to it", async () => {
  await using server = await startMailServer();
  await using sink = open({ url: urlOf(server) });
  const loop = "0123456789abcdef";
  await sink.send(alertAbout("a[0]", { id: loop, loop }));
  await sink.send(alertAbout("a[0]", { id: "second", loop, reason: "repeat" }));
  await sink.send(alertAbout("a[0]", { id: "third", loop, reason: "gave-up" }));
  const [first, second, third] = server.letters.map(({ headers }) => headers);
  assert.equal(first!["message-id"], `<${loop}@example.com>`);
  assert.equal(first!["in-reply-to"], undefined);
  for (const [headers, id] of [[second, "second"], [third, "third"]] as const) {
    assert.equal(headers!["message-id"], `<${id}@example.com>`);
    assert.equal(headers!["in-reply-to"], `<${loop}@example.com>`);
    assert.equal(headers!["references"], `<${loop}@example.com>`);
  }
  assert.equal(second!["x-priority"], undefined);
  assert.match(third!["x-priority"]!, /^1/);
});

Deno.test("letters of one group are one thread: its first has the group's id, the others refer to it", async () => {
  await using server = await startMailServer();
  await using sink = open({ url: urlOf(server) });
  for (const reason of ["first", "update", "resolved"] as const) {
    await sink.send(groupAlert("job", reason, { group: { doubled: reason === "update" } }));
  }
  const [first, ...others] = server.letters.map(({ headers }) => headers);
  assert.equal(first!["message-id"], `<${groupId}@example.com>`);
  assert.equal(first!["references"], undefined);
  for (const headers of others) assert.equal(headers["references"], `<${groupId}@example.com>`);
  assert.equal(new Set(server.letters.map(({ headers }) => headers["message-id"])).size, 3);
});

Deno.test("people read letters, and no letter is changed", () => {
  const env = {
    SINK_EMAIL_SMTP_URL: "smtp://mail",
    SINK_EMAIL_FROM: "a@b.test",
    SINK_EMAIL_TO: "c@d.test",
  };
  const { audience, updates } = email.prepare({ flags: {}, env, problems: [] })!;
  assert.deepEqual([audience, updates], ["people", false]);
});

Deno.test("no name makes a header or markup", async () => {
  await using server = await startMailServer();
  const title = "a\r\nBcc: evil@x.test\r\n\r\n<script>alert(1)</script>";
  const message = (alert: Alert) => ({
    ...messageOf(alert),
    title,
    reason: '"><img src=x onerror=alert(1)>',
    links: [{ text: "<b>", url: 'https://x/"onclick="x' }],
  });
  await using sink = open({ url: urlOf(server), context: { message } });
  await sink.send(alertAbout("any"));
  const [{ headers, html, to }] = server.letters as [MailServer["letters"][0]];
  assert.deepEqual(to, ["on-call@example.com"]);
  assert.equal(headers.bcc, undefined);
  assert.match(headers.subject!, /^a +Bcc: evil@x\.test +<script>/);
  assert.ok(!/<script|<img|<b>|" ?onclick/.test(html), html);
});

Deno.test("a long title and reason are cut", async () => {
  await using server = await startMailServer();
  const message = (alert: Alert) => ({
    ...messageOf(alert),
    title: "t".repeat(9999),
    reason: "r".repeat(99_999),
  });
  await using sink = open({ url: urlOf(server), context: { message } });
  await sink.send(alertAbout("any"));
  const [{ headers, raw }] = server.letters as [MailServer["letters"][0]];
  assert.equal(headers.subject!.length, 200);
  assert.ok(raw.length < 60_000, `${raw.length}`);
});

Deno.test("STARTTLS is taken where it is offered, and a login goes over it; the authority is that of the file", async () => {
  await using server = await startMailServer({ certificate, password: "pä:ss" });
  const env = { SINK_EMAIL_TLS_CA_FILE: authority.cert };
  await using sink = open({ url: urlOf(server, "detector:p%C3%A4:ss@"), env });
  assert.equal(
    await sink.check(),
    `smtp://detector:***@127.0.0.1:${server.port}: connected, logged in; whether it takes sender and recipients the first alert shows`,
  );
  await sink.send(alertAbout("any"));
  const [{ user, secure }] = server.letters as [MailServer["letters"][0]];
  assert.deepEqual({ user, secure }, { user: "detector", secure: true });
});

Deno.test("smtps:// has TLS from the start", async () => {
  await using server = await startMailServer({ certificate, secure: true });
  await using sink = open({
    url: urlOf(server).replace("smtp:", "smtps:"),
    env: { SINK_EMAIL_TLS_CA_FILE: authority.cert },
  });
  await sink.send(alertAbout("any"));
  assert.equal(server.letters[0]!.secure, true);
});

Deno.test("a certificate of an unknown authority, and a port without TLS: said with what to set", async () => {
  await using server = await startMailServer({ certificate, secure: true });
  const url = urlOf(server).replace("smtp:", "smtps:");
  await using sink = open({ url });
  await assert.rejects(sink.connect(), {
    message: `the certificate of ${url} is not signed by a public CA, but by "Test CA"; set ` +
      "SINK_EMAIL_TLS_CA_FILE (--sink-email-tls-ca-file) to a file that holds its CA's certificate",
    recovery: "config",
  });
  await using upgraded = await startMailServer({ certificate });
  await using other = open({ url: urlOf(upgraded) });
  await assert.rejects(other.connect(), {
    message: `the certificate of ${urlOf(upgraded)} is not signed by a public CA; set ` +
      "SINK_EMAIL_TLS_CA_FILE (--sink-email-tls-ca-file) to a file that holds its CA's certificate",
    recovery: "config",
  });
  await using plain = await startMailServer();
  const wrong = urlOf(plain).replace("smtp:", "smtps:");
  await using third = open({ url: wrong });
  await assert.rejects(third.connect(), {
    message: `${wrong} does not speak TLS; set the port on which it does`,
    recovery: "config",
  });
});

Deno.test("without STARTTLS a password is not sent, unless that is wished", async () => {
  await using server = await startMailServer({ password: "hunter2" });
  await using sink = open({ url: urlOf(server, "u:hunter2@") });
  await assert.rejects(sink.connect(), ({ message, recovery }: Fault) => {
    assert.equal(
      message,
      `smtp://u:***@127.0.0.1:${server.port} offers no STARTTLS: 500 Error: command not recognized; set another ` +
        "port in SINK_EMAIL_SMTP_URL (--sink-email-smtp-url), or ?starttls=optional",
    );
    return recovery === "operator";
  });
  await using optional = open({ url: urlOf(server, "u:hunter2@", "?starttls=optional") });
  await optional.send(alertAbout("any"));
  assert.equal(server.letters[0]!.user, "u");
  await using required = open({ url: urlOf(server, "", "?starttls=required") });
  await assert.rejects(required.connect(), /offers no STARTTLS/);
});

interface Refused {
  readonly what: string;
  readonly answer: string;
  readonly message: string;
  readonly recovery: Fault["recovery"];
}

const refusals: readonly Refused[] = [
  {
    what: "auth",
    answer: "535 5.7.8 bad credentials for hunter2",
    message:
      "refused the login: 535 5.7.8 bad credentials for ***; set user and password in SINK_EMAIL_SMTP_URL " +
      "(--sink-email-smtp-url)",
    recovery: "config",
  },
  {
    what: "auth",
    answer: "454 try later",
    message:
      "refused the login: 454 try later; set user and password in SINK_EMAIL_SMTP_URL (--sink-email-smtp-url)",
    recovery: "transient",
  },
  {
    what: "from",
    answer: "553 not yours",
    message: 'refused the sender "nomad@example.com": 553 not yours',
    recovery: "operator",
  },
  {
    what: "from",
    answer: "451 busy",
    message: 'refused the sender "nomad@example.com": 451 busy',
    recovery: "transient",
  },
  {
    what: "on-call@example.com",
    answer: "550 no such mailbox",
    message: 'refused the recipient "on-call@example.com": 550 no such mailbox',
    recovery: "operator",
  },
  {
    what: "on-call@example.com",
    answer: "450 greylisted",
    message: 'refused the recipient "on-call@example.com": 450 greylisted',
    recovery: "transient",
  },
  { what: "data", answer: "554 spam", message: "refused the message: 554 spam", recovery: "rejected" },
  { what: "data", answer: "452 full", message: "refused the message: 452 full", recovery: "transient" },
];

for (const { what, answer, message, recovery } of refusals) {
  Deno.test(`${what} refused with ${answer.slice(0, 3)}: ${recovery}, in the server's words`, async () => {
    await using server = await startMailServer({ password: "hunter2" });
    await using sink = open({ url: urlOf(server, "u:hunter2@", "?starttls=optional") });
    server.refusals.set(what, answer);
    const attempt = what === "auth" ? sink.connect() : sink.send(alertAbout("any"));
    await assert.rejects(attempt, {
      name: "Fault",
      message: `smtp://u:***@127.0.0.1:${server.port} ${message}`,
      recovery,
    });
    server.refusals.clear();
    await sink.send(alertAbout("any"));
    assert.equal(server.letters.length, 1);
  });
}

Deno.test("a message above the server's size is rejected before it is sent", async () => {
  await using server = await startMailServer({ size: 1000 });
  await using sink = open({ url: urlOf(server) });
  await assert.rejects(sink.send(alertAbout("any")), {
    message: `${urlOf(server)} takes no message of this size`,
    recovery: "rejected",
  });
});

/** A sink to two recipients, and what it says of each. */
function toTwo(server: MailServer): { sink: Sink; parts: string[] } {
  const parts: string[] = [];
  const part = (name: string, fault?: Fault) =>
    void (fault && parts.push(`${name}: ${fault.message.replace(urlOf(server), "…")}`));
  const listener = { lost() {}, blocked() {}, part };
  const sink = open({
    url: urlOf(server),
    env: { SINK_EMAIL_TO: "a@x.test,b@x.test" },
    context: { listener },
  });
  return { sink, parts };
}

Deno.test("one of two recipients is refused for good: the other has it, and the one is spoken of", async () => {
  await using server = await startMailServer();
  const { sink, parts } = toTwo(server);
  await using _ = sink;
  server.refusals.set("b@x.test", "550 no such mailbox");
  await sink.send(alertAbout("any"));
  assert.deepEqual(server.letters.map(({ to }) => to), [["a@x.test"]]);
  assert.deepEqual(parts, ['b@x.test: … refused the recipient "b@x.test": 550 no such mailbox']);
});

Deno.test("one of two recipients is refused for now: the next attempt is for that one alone", async () => {
  await using server = await startMailServer();
  const { sink } = toTwo(server);
  await using _ = sink;
  server.refusals.set("b@x.test", "450 greylisted");
  const alert = alertAbout("any");
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(sink.send(alert), {
      message: `${urlOf(server)} refused the recipient "b@x.test": 450 greylisted`,
      recovery: "transient",
    });
  }
  server.refusals.clear();
  await sink.send(alert);
  await sink.send(alertAbout("other"));
  assert.deepEqual(server.letters.map(({ to }) => to), [["a@x.test"], ["b@x.test"], [
    "a@x.test",
    "b@x.test",
  ]]);
});

Deno.test("a recipient that is refused for now and then for good ends the attempts", async () => {
  await using server = await startMailServer();
  const { sink, parts } = toTwo(server);
  await using _ = sink;
  server.refusals.set("b@x.test", "450 greylisted");
  const alert = alertAbout("any");
  await assert.rejects(sink.send(alert));
  server.refusals.set("b@x.test", "550 no such mailbox");
  await sink.send(alert);
  assert.deepEqual(server.letters.map(({ to }) => to), [["a@x.test"]]);
  assert.equal(parts.at(-1), 'b@x.test: … refused the recipient "b@x.test": 550 no such mailbox');
});

Deno.test("nobody listens, the connection breaks, nobody answers: said, and it heals", async () => {
  await using server = await startMailServer();
  const nobody = `smtp://127.0.0.1:${freePort()}`;
  await using away = open({ url: nobody });
  await assert.rejects(away.send(alertAbout("any")), {
    message: `${nobody}: connection refused`,
    recovery: "transient",
  });
  await using proxy = await startProxy(server.port);
  const url = `smtp://127.0.0.1:${proxy.port}`;
  await using sink = open({ url, timeout: 300 });
  proxy.stall();
  await assert.rejects(sink.send(alertAbout("any")), {
    message: /^smtp:\S+: no answer (in time|within 0\.3 s)$/,
  });
  const cut = sink.send(alertAbout("any"));
  await proxy.cut();
  await assert.rejects(cut, {
    message: /^smtp:\S+: (connection lost|no answer in time|no answer within 0\.3 s)$/,
  });
  proxy.resume();
  await sink.send(alertAbout("any"));
  assert.equal(server.letters.length, 1);
});

Deno.test("closing ends what is in flight, and nothing is sent after it", async () => {
  await using server = await startMailServer();
  await using proxy = await startProxy(server.port);
  proxy.stall();
  const sink = open({ url: `smtp://127.0.0.1:${proxy.port}` });
  const ends = assert.rejects(sink.send(alertAbout("any")), { name: "Fault", message: "closed" });
  await Promise.resolve(sink[Symbol.asyncDispose]());
  await within("the end", ends);
  await assert.rejects(sink.send(alertAbout("any")), { message: "closed" });
});

const found = "found a value that is not shown here";
const smtpExpected =
  "expected a URL that begins with smtp:// or smtps://, such as smtp://detector:secret@mail.example.com:587";
const problems: readonly (readonly [env: Record<string, string>, problem: string])[] = [
  [
    { SINK_EMAIL_SMTP_URL: "https://mail" },
    `SINK_EMAIL_SMTP_URL (--sink-email-smtp-url): ${found}, a URL of https:; ${smtpExpected}`,
  ],
  [
    { SINK_EMAIL_SMTP_URL: "smtp://mail?starttls=yes" },
    `SINK_EMAIL_SMTP_URL (--sink-email-smtp-url): ${found}, with a query that is not starttls=required or starttls=optional; ${smtpExpected}`,
  ],
  [
    { SINK_EMAIL_SMTP_URL: "smtp://:secret@mail" },
    `SINK_EMAIL_SMTP_URL (--sink-email-smtp-url): ${found}, with a password and no user; ${smtpExpected}`,
  ],
  [
    { SINK_EMAIL_FROM: "nobody" },
    'SINK_EMAIL_FROM (--sink-email-from): found "nobody"; expected an address, or a name and <address>, such as Nomad <nomad@example.com>',
  ],
  [
    { SINK_EMAIL_TO: "a@b.test,c\r\nBcc: d@e.test" },
    'SINK_EMAIL_TO (--sink-email-to): found "a@b.test,c\\r\\nBcc: d@e.test"; expected 1 to 100 addresses, or names and <addresses>, separated by commas, such as oncall@example.com,team@example.com',
  ],
  [
    { SINK_EMAIL_TLS_CERT_FILE: "/c.pem" },
    "Missing SINK_EMAIL_TLS_KEY_FILE (--sink-email-tls-key-file): PEM file of the client certificate's private key, since SINK_EMAIL_TLS_CERT_FILE (--sink-email-tls-cert-file) is set",
  ],
];

Deno.test("settings that are wrong are named with what was found and what is expected", () => {
  const right = {
    SINK_EMAIL_SMTP_URL: "smtp://mail",
    SINK_EMAIL_FROM: "a@b.test",
    SINK_EMAIL_TO: "c@d.test",
  };
  for (const [env, problem] of problems) {
    const problems: string[] = [];
    email.prepare({ flags: {}, env: { ...right, ...env }, problems });
    assert.deepEqual(problems, [problem]);
  }
});
