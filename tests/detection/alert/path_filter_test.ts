// Which alerts a sink gets: globs over namespace/job/group/task.
import assert from "node:assert/strict";
import { parseGlobs, pathOf } from "../../../src/detection/alert/path_filter.ts";
import { richSamples } from "../../../src/sinks/webhook/template_data.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { updateJson } from "../../helpers/updates.ts";

const matches: readonly (readonly [globs: string, path: string, expected: boolean])[] = [
  ["prod", "prod/web/app/server", true],
  ["prod", "production/web/app/server", false],
  ["prod/web", "prod/web/app/server", true],
  ["prod/web", "prod/web-2/app/server", false],
  ["prod/web/app/server", "prod/web/app/server", true],
  ["prod/web/app/server", "prod/web/app/server-2", false],
  ["prod/*", "prod/web/app/server", true],
  ["*/ci-*", "staging/ci-17/app/server", true],
  ["*/ci-*", "staging/web/ci-17/server", false],
  ["*/*/*/server", "prod/web/app/server", true],
  ["*", "prod/web/app/server", true],
  ["*b", "prod/web/app/server", false],
  ["web?", "web1/a/b/c", true],
  ["web?", "web/a/b/c", false],
  ["web?", "web10/a/b/c", false],
  ["?", "//", false],
  ["a.c", "abc/a/b/c", false],
  ["a.c", "a.c/a/b/c", true],
  ["a+(b)[c]$", "a+(b)[c]$/x/y/z", true],
  ["Prod", "prod/web/app/server", false],
  ["caf\u00e9/\u{1f600}*", "caf\u00e9/\u{1f600}1/app/server", true],
  ["prod/web, staging", "staging/x/y/z", true],
  ["prod/web, staging", "prod/x/y/z", false],
  // The IDs of jobs may hold slashes: a glob has parts for them, and what follows need not be matched.
  ["default/team/web", "default/team/web/app/server", true],
];

Deno.test("parseGlobs() matches parts, and whatever follows the last of them", () => {
  for (const [globs, path, expected] of matches) {
    assert.equal(parseGlobs(globs)(path), expected, `${globs} ${path}`);
  }
});

Deno.test("parseGlobs() refuses what can match nothing", () => {
  for (
    const [globs, message] of [
      ["", "with an empty part"],
      ["prod//app", "with an empty part"],
      ["prod/", "with an empty part"],
      ["/prod", "with an empty part"],
      ["prod,", "with an empty part"],
      ["a/b/c/d/e", "with more than four parts"],
    ] as const
  ) assert.throws(() => parseGlobs(globs), { message }, globs);
});

Deno.test("a glob of many stars is matched without trying all combinations", () => {
  const matches = parseGlobs(`${"*a".repeat(30)}b`);
  assert.equal(matches(`${"a".repeat(60)}/x/y/z`), false);
});

Deno.test("pathOf() is namespace, job, group and task, whichever rule made the alert", () => {
  const of = (fields: Readonly<Record<string, unknown>>, name = "web.app[0]") =>
    pathOf(alertAbout(name, { lastEvent: updateJson({ Name: name, ...fields }, "Restarting", 1n, {}) }));
  const fields = { JobID: "web", GroupName: "app", TaskName: "server" };
  assert.equal(of(fields), "default/web/app/server");
  assert.equal(of({ ...fields, Namespace: "prod" }), "prod/web/app/server");
  assert.equal(of({ TaskName: "server" }), "default/web/app/server");
  assert.equal(of({ ...fields, JobID: "backup/periodic-1608" }), "default/backup/app/server");
  assert.equal(of({ ...fields, JobID: "encode/dispatch-1608-abcd" }), "default/encode/app/server");
  assert.equal(of({ ...fields, JobID: "team/web" }), "default/team/web/app/server");
  assert.equal(pathOf(richSamples[0]!), "default/web/app/server");
});
