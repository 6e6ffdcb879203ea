// The program with the sink email at a mail server: what arrives with the permissions that users have, and what check
// and the log say.
import assert from "node:assert/strict";
import { Program, run } from "../helpers/program.ts";
import { startMailServer } from "../helpers/smtp.ts";
import { restarts } from "../helpers/updates.ts";

const env = (port: number, more: Record<string, string> = {}): Record<string, string> => ({
  SOURCE_TYPE: "stdin",
  RESTART_COUNT: "2",
  GROUP_BY: "none",
  SINK_TYPE: "email",
  SINK_EMAIL_SMTP_URL: `smtp://localhost:${port}`,
  SINK_EMAIL_FROM: "nomad@example.com",
  SINK_EMAIL_TO: "on-call@example.com",
  ...more,
});

Deno.test("a loop is a letter; check connects and sends none", async () => {
  await using server = await startMailServer();
  const checked = await run({ args: ["check"], env: env(server.port) });
  assert.match(
    checked.stdout,
    /^ok {6}sink email: smtp:\/\/localhost:\d+: connected; whether it takes sender and recipients the first alert shows$/m,
  );
  assert.equal(server.letters.length, 0);
  const { code, stderr } = await run({
    env: env(server.port, { CLUSTER_NAME: "prod" }),
    stdin: restarts(2, { name: "caf\u00e9.web[1]" }).join("\n"),
  });
  assert.equal(code, 0, stderr);
  assert.equal(server.letters.length, 1);
  assert.match(
    server.letters[0]!.headers.subject!,
    /^\[prod\] caf\u00e9\.web\[1\] is crash-looping: 2 restarts since /,
  );
});

Deno.test("a recipient that is unknown is said once, and gets its letter when it is there", async () => {
  await using server = await startMailServer();
  server.refusals.set("on-call@example.com", "550 no such mailbox");
  await using program = new Program({ env: env(server.port), stdin: restarts(2).join("\n") });
  await program.logged(
    `warning sink email: smtp://localhost:${server.port} refused the recipient "on-call@example.com": 550 no such ` +
      "mailbox; retrying\n",
  );
  server.refusals.clear();
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /info sink email: recovered after /);
  assert.equal(server.letters.length, 1);
});

Deno.test("a wrong password: one line that says what to set, without it, exit 1", async () => {
  await using server = await startMailServer({ password: "right" });
  const url = `smtp://u:hunter2@localhost:${server.port}?starttls=optional`;
  const { code, stderr } = await run({ env: env(server.port, { SINK_EMAIL_SMTP_URL: url }) });
  assert.equal(code, 1);
  assert.equal(
    stderr.replaceAll(/^\S+Z /gm, ""),
    `error sink email: smtp://u:***@localhost:${server.port} refused the login: 535 Authentication credentials ` +
      "invalid; set user and password in SINK_EMAIL_SMTP_URL (--sink-email-smtp-url)\n",
  );
});
