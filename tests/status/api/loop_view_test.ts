// What the view of a loop takes of the details of its alert.
import assert from "node:assert/strict";
import { loopView } from "../../../src/status/api/loop_view.ts";
import { loopAlert } from "../../helpers/loop.ts";

const context = { notifications: 1, times: [], firstNotifiedAt: null };

Deno.test("loopView() has what the job asks for", () => {
  const view = loopView(
    loopAlert("first", {
      Severity: "critical",
      Owner: "team-shop",
      Runbook: "https://runbooks.example.com/web",
      Muted: "until 2026-12-01T08:00:00Z, as crashloop_mute_until says",
    }),
    context,
  );
  assert.deepEqual([view.severity, view.owner, view.runbook, view.muted], [
    "critical",
    "team-shop",
    "https://runbooks.example.com/web",
    "until 2026-12-01T08:00:00Z, as crashloop_mute_until says",
  ]);
  const without = loopView(loopAlert("first"), context);
  assert.deepEqual([without.severity, without.owner, without.runbook, without.muted, without.cause], [
    null,
    null,
    null,
    null,
    null,
  ]);
});

Deno.test("loopView() has a runbook only if it is an address of HTTP or HTTPS", () => {
  const runbookOf = (Runbook: string) => loopView(loopAlert("first", { Runbook }), context).runbook;
  const accepted = ["http://wiki/web", "HTTPS://wiki.example.com/a?b#c"];
  assert.deepEqual(accepted.map(runbookOf), ["http://wiki/web", "https://wiki.example.com/a?b#c"]);
  for (
    const text of [
      "javascript:alert(1)",
      " javascript:alert(1)",
      "java\nscript:alert(1)",
      "data:text/html,<script>",
      "file:///etc/passwd",
      "//wiki/web",
      "wiki.example.com/web",
      "see the wiki",
      "",
    ]
  ) assert.equal(runbookOf(text), null, text);
});
