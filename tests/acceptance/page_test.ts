// The page of the real program in a real Chromium: what comes from RabbitMQ, and what a recording has.
import assert from "node:assert/strict";
import type { LoopView } from "../../src/status/view.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { inPage, type Page, shareChromium, shows, startChromium, texts } from "../helpers/chromium.ts";
import { Program } from "../helpers/program.ts";
import { restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { now, restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

shareChromium();

const queue = "nomad.crash-loop-in";
const recording = new URL("../fixtures/firehose.ndjson.gz", import.meta.url).pathname;
const rows = "#looping tbody tr:not(.unknown)";
const resolvedRows = "#resolved tbody tr:not(.unknown)";

/** Where the program says that its status is, without a slash at the end. */
async function statusOf(program: Program): Promise<string> {
  await program.logged("Status at ");
  return /Status at (\S+)\/\n/.exec(program.stderr)![1]!;
}

/** Dialogs, errors, and what the policy of the page kept from running. */
function watchForFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

Deno.test(
  "a loop in RabbitMQ begins and ends on the page, behind a token; when the broker dies, the page says so",
  restartsBroker,
  async () => {
    await using broker = await startRabbitMq();
    const own = await brokerClient(broker.url);
    await own.queue(queue);
    await using program = new Program({
      env: {
        LISTEN: "127.0.0.1:0",
        LISTEN_TOKEN: "hunter2",
        AMQP_CONNECTION: broker.url,
        AMQP_QUEUE: queue,
        RESTART_COUNT: "3",
        RESTART_INTERVAL: "6s",
        NOTIFICATION_INTERVAL: "1s",
      },
    });
    const url = await statusOf(program);
    await program.logged("source amqp: consumes");
    await using chromium = await startChromium();
    const page = await chromium.open(url);
    const faults = watchForFaults(page);

    await shows(page, "h1", "This page asks for a token");
    await page.type("#token-text", "hunter3");
    await page.keyboard.press("Enter");
    await shows(page, "#token-problem", "That token was rejected.");
    await page.type("#token-text", "hunter2");
    await page.keyboard.press("Enter");
    await shows(page, "h1", "No crash loops");
    await shows(page, "#live", "Live");
    await shows(page, ".note strong", "No messages received yet, so nothing is known about any allocation.");

    const name = "<b>job</b>/group[0]";
    await own.put(queue, [update({ name, type: "Started" }), ...restarts(3, { name })]);
    await shows(page, `${rows} .name a`, name);
    await shows(page, "h1", "1 crash-looping now");
    await shows(
      page,
      "#arrivals",
      /^<b>job<\/b>\/group\[0\] is crash-looping: restarted 3 times since [\d:]+ UTC: Restart/,
    );
    assert.deepEqual(await texts(page, `${rows} .count`), ["3 restarts"]);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await shows(page, ".verdict", /^Crash-looping for \d+ s, since [\d:]+ · 3 restarts, the last \d+ s ago$/);
    assert.equal(new URL(page.url()).pathname, `/allocation/${encodeURIComponent(name)}`);
    await shows(page, ".events tbody tr .message", "Task restarting in 1.2s");
    assert.equal((await texts(page, ".events tbody tr")).length, 3);
    assert.equal(
      (await texts(page, ".commands code"))[0],
      "nomad alloc status -- 2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
    );
    await own.put(queue, restarts(1, { name }));
    await shows(page, ".verdict", /· 4 restarts, the last /);
    await shows(page, ".verdict", /^Resolved \d+ s ago, after \d+ s/);
    await page.keyboard.press("Escape");
    await shows(page, `${resolvedRows} .name a`, name);
    await shows(page, "h1", "No crash loops");
    await shows(page, ".note strong", "All is well.");

    await own[Symbol.asyncDispose]();
    await broker.kill();
    await shows(page, ".banner strong", /^Source amqp is down since [\d:]+$/);
    await shows(
      page,
      ".note strong",
      "No active loop is known, but the detector is blind until its source is up again.",
    );
    await broker.start();
    await waitFor("the banner to go", async () => (await texts(page, ".banner")).length === 0, {
      timeoutMs: 60_000,
    });
    program.signal("SIGTERM");
    await shows(page, ".banner strong", /^Not live since [\d:]+ UTC$/);
    assert.equal((await program.ended).code, 0);
    assert.deepEqual(faults, []);
  },
);

Deno.test("a recording is shown as of its end, with every event, its numbers and its exit codes", async () => {
  await using program = new Program({
    env: { LISTEN: "127.0.0.1:0", RULE: "failures", TZ: "Europe/Berlin" },
    args: [recording],
  });
  const url = await statusOf(program);
  await program.logged("All files are read");
  await using chromium = await startChromium();
  const page = await chromium.open(url);
  const faults = watchForFaults(page);
  await shows(page, "h1", "10 crash-looping at the end");
  await shows(page, "#state dd", "stdin finished");
  await shows(page, "#state dd", "1,798");
  await waitFor("the resolved loops", async () => (await texts(page, resolvedRows)).length === 3);
  await page.goto(`${url}/allocation/${encodeURIComponent("killed.kill9[0]/kill9")}`);
  await shows(
    page,
    ".verdict",
    "Crash-looping for 4 min, since 04:42:58 +01:00 · 27 failed runs, the last 20 s before the end",
  );
  await shows(
    page,
    ".reason",
    "Was killed by signal 9 (SIGKILL) after 2 s, likely out of memory, 27 times since 04:42 +01:00",
  );
  await shows(page, ".events .exit", "137, signal 9 (SIGKILL)");
  assert.ok(await inPage(page, "document.documentElement.scrollWidth <= innerWidth"));
  assert.deepEqual(faults, []);
});

Deno.test("of 10,000 loops the page shows those in sight, to the last, and finds any", async () => {
  const file = await Deno.makeTempFile();
  try {
    const begin = now();
    const updates = Array.from({ length: 10_000 }, (_, n) =>
      restarts(n === 7_777 ? 4 : 3, {
        name: `job-${`${n}`.padStart(4, "0")}.web[0]`,
        time: begin + BigInt(n) * 1_000_000n,
      })).flat();
    await Deno.writeTextFile(file, updates.join("\n"));
    await using program = new Program({
      env: { LISTEN: "127.0.0.1:0", RESTART_COUNT: "3" },
      args: [file],
    });
    const url = await statusOf(program);
    await program.logged("All files are read");
    await using chromium = await startChromium();
    const page = await chromium.open(url);
    await shows(page, "h1", "10,000 crash-looping at the end");
    await shows(page, `${rows}:first-child .name a`, "job-7777.web[0]");
    await page.keyboard.press("End");
    await shows(page, `${rows}:last-child .name a`, "job-0000.web[0]");
    assert.ok(await inPage<number>(page, "document.querySelectorAll('tr').length") < 60);
    await page.type("#search", "job-4321");
    await shows(page, "h1", "1 of 10,000 crash loops match");
    await shows(page, `${rows} .name a`, "job-4321.web[0]");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("after a start with a state file the page has the first alert of a loop", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { LISTEN: "127.0.0.1:0", STATE: `sqlite:${folder}/state.db` };
    const shown: string[] = [];
    for (const file of [recording, "/dev/null"]) {
      await using program = new Program({ env, args: [file] });
      const url = await statusOf(program);
      await program.logged("All files are read");
      await using chromium = await startChromium();
      const page = await chromium.open(`${url}/?q=exit0`);
      await shows(page, `${rows} .since`, "for 4 min 03:42:57");
      await shows(page, "h1", "1 of 11 crash loops match");
      assert.match((await texts(page, `${rows} .why`))[0]!, /^Restarted 34 times since 03:42 UTC: /);
      await page.click(`${rows} .name a`);
      await shows(
        page,
        "#allocation .note",
        file === recording ? /^Newest first; times are the detector's\.$/ : /what its state kept/,
      );
      shown.push(...(await texts(page, ".facts div")).filter((fact) => fact.startsWith("First alert")));
      program.signal("SIGINT");
      assert.equal((await program.ended).code, 0);
    }
    assert.match(shown[0]!, /^First alert2026-11-24 03:4\d:\d\d\.\d{3} UTC$/);
    assert.equal(shown[1], shown[0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("after a start with a state file all loops are shown as before, the resolved loops too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { LISTEN: "127.0.0.1:0", RULE: "failures", STATE: `sqlite:${folder}/state.db` };
    const shown: LoopView[][] = [];
    for (const file of [recording, "/dev/null"]) {
      await using program = new Program({ env, args: [file] });
      const url = await statusOf(program);
      await program.logged("All files are read");
      const { loops } = await (await fetch(`${url}/api/v1/loops?limit=1000`)).json();
      shown.push(loops);
      program.signal("SIGINT");
      assert.equal((await program.ended).code, 0);
    }
    const notified = shown.map((loops) => loops.map(({ timeline: _, reason: __, ...loop }) => loop));
    assert.deepEqual(notified[1], notified[0]);
    const ended = (loops: LoopView[]) => loops.filter(({ status }) => status === "resolved");
    assert.equal(ended(shown[0]!).length, 3);
    assert.deepEqual(ended(shown[1]!), ended(shown[0]!), "whole");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
