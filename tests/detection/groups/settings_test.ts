// The settings of groups: what they take, and the exact errors.
import assert from "node:assert/strict";
import { groupSettings } from "../../../src/detection/groups/settings.ts";
import { type Input, readSettings } from "../../../src/lib/settings/setting.ts";

function read(env: Record<string, string>) {
  const input: Input = { env, flags: {}, problems: [] };
  return { values: readSettings(groupSettings, input), problems: input.problems };
}

Deno.test("groups wait ten seconds by default, and none with GROUP_WAIT=0s", () => {
  assert.deepEqual(read({}).values, { groupBy: "job", groupWait: 10_000_000_000n, digestAbove: 20 });
  for (const none of ["0", "0s"]) assert.equal(read({ GROUP_WAIT: none }).values!.groupWait, 0n);
});

const wrong: readonly (readonly [variable: string, value: string, problem: string])[] = [
  ["GROUP_BY", "node", 'GROUP_BY (--group-by): found "node"; expected job or none, such as none'],
  [
    "GROUP_WAIT",
    "-1s",
    'GROUP_WAIT (--group-wait): found "-1s", which is -1s; expected a Go duration of at least zero, such as 30s',
  ],
  [
    "GROUP_WAIT",
    "10",
    'GROUP_WAIT (--group-wait): found "10", missing unit in duration; expected a Go duration of at least zero, such as 30s',
  ],
  [
    "DIGEST_ABOVE",
    "0",
    'DIGEST_ABOVE (--digest-above): found "0"; expected a whole number from 1 to 1000000, such as 50',
  ],
];

for (const [variable, value, problem] of wrong) {
  Deno.test(`${variable}=${value} is refused`, () => {
    assert.deepEqual(read({ [variable]: value }), { values: undefined, problems: [problem] });
  });
}
