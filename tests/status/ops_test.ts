// The files for operators: promtool accepts the rules; panels and checks use metrics and endpoints that exist.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { write } from "../../src/status/metrics/exposition.ts";
import { metrics } from "../../src/status/metrics/metrics.ts";
import { ProcessStats } from "../../src/status/metrics/process_stats.ts";
import { endpoints } from "../../src/status/server/endpoints.ts";
import { loadSinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { variablesOf } from "../../src/lib/settings/setting.ts";
import { promtool } from "../helpers/prometheus.ts";
import { runtimeInfo } from "../helpers/status.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

const path = (name: string) => fileURLToPath(new URL(`../../src/status/ops/${name}`, import.meta.url));
const read = (name: string) => Deno.readTextFile(path(name));
const ruleTests = fileURLToPath(new URL("./prometheus-rules-test.yml", import.meta.url));

/** Every name under which Prometheus has a metric. */
const known = new Set(
  metrics.flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  ),
);

Deno.test("promtool accepts the metrics", async () => {
  using process = new ProcessStats();
  const text = write({ runtime: runtimeInfo(), process });
  assert.deepEqual(await promtool(["check", "metrics"], text), { code: 0, output: "" });
});

Deno.test("promtool accepts the alert rules, and their tests pass: the blind alert fires when the broker is down", async () => {
  const check = await promtool(["check", "rules", path("prometheus-rules.yml")]);
  assert.equal(check.code, 0, check.output);
  assert.match(check.output, /SUCCESS: 2 rules found/);
  const test = await promtool(["test", "rules", ruleTests]);
  assert.equal(test.code, 0, test.output);
  assert.match(await Deno.readTextFile(ruleTests), /the broker dies/);
});

Deno.test("rules and dashboard use metrics that exist", async () => {
  for (const file of ["prometheus-rules.yml", "grafana-dashboard.json"]) {
    const asked = (await read(file)).match(/\b(?:crashloop_detector|process)_\w+/g)!;
    assert.ok(asked.length > 2, file);
    for (const name of asked) assert.ok(known.has(name), `${file}: ${name}`);
  }
});

Deno.test("Grafana can import the dashboard", async () => {
  const dashboard = JSON.parse(await read("grafana-dashboard.json"));
  assert.ok(dashboard.title && dashboard.uid && dashboard.schemaVersion >= 36);
  const ids = dashboard.panels.map(({ id }: { id: number }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const panel of dashboard.panels) {
    assert.ok(panel.title && panel.gridPos && panel.targets.length > 0, panel.title);
    for (const { expr } of panel.targets) {
      const { code, output } = await promtool(["check", "rules", await ruleFile(expr)]);
      assert.equal(code, 0, `${panel.title}: ${output}`);
    }
  }
});

/** A file with a rule of this expression. */
async function ruleFile(expr: string): Promise<string> {
  const file = `${directory}/rule.yml`;
  const text = {
    groups: [{ name: "one", rules: [{ record: "a:b", expr: expr.replaceAll("$__rate_interval", "5m") }] }],
  };
  await Deno.writeTextFile(file, JSON.stringify(text));
  return file;
}
const directory = Deno.makeTempDirSync();
Deno.test.afterAll(() => Deno.removeSync(directory, { recursive: true }));

Deno.test("the job file sets variables that exist, and checks endpoints that need no token", async () => {
  const job = await read("detector.nomad.hcl");
  const env = /\n {6}env \{(.*?)\n {6}\}/s.exec(job)![1]!;
  const set = [...env.matchAll(/^ +([A-Z_]+) +=/gm)].map(([, name]) => name!);
  const there = settingsGroups.flatMap(({ settings }) => Object.values(settings).flatMap(variablesOf));
  assert.ok(set.includes("LISTEN"));
  for (const name of set) assert.ok(there.includes(name), name);
  const checked = [...job.matchAll(/path += "(\/\w+)"/g)].map(([, path]) => path);
  assert.deepEqual(checked, ["/livez", "/readyz"]);
  for (const path of checked) assert.ok(endpoints.some((one) => one.path === path && one.open));
  assert.match(job, /identity \{\s+env += true\s+\}/);
});

Deno.test("the job file requires a token, which is a Nomad variable", async () => {
  const job = await read("detector.nomad.hcl");
  assert.match(job, /LISTEN_TOKEN_FILE += "\$\{NOMAD_SECRETS_DIR\}\/listen_token"/);
  const [, template] = /template \{(.*?)\n {6}\}/s.exec(job)!;
  assert.match(template!, /destination += "secrets\/listen_token"/);
  const [, path] = /nomadVar \\"([^"]*)\\" \}\}\{\{ \.listen_token \}\}/.exec(template!)!;
  assert.equal(path, `nomad/jobs/${/^job "(.*)"/m.exec(job)![1]}`, "what the job may read without a policy");
  assert.ok(job.includes(`nomad var put ${path} listen_token=`), "how it is set");
});
