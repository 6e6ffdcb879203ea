// What both decoders make of an update about a node.
import assert from "node:assert/strict";
import { nodeEventOf } from "../../../src/detection/decode/node_event.ts";
import { decodeRun } from "../../../src/detection/decode/run_event.ts";
import { decode, readUpdate } from "../../../src/detection/decode/update.ts";
import { update } from "../../helpers/updates.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const about = (node: string, type = "Node Changed") =>
  `{"Name":"client-1","AllocationID":"","NodeID":"3c0af5d1","NodeName":"client-1",` +
  `"TaskEvent":{"Type":"${type}","Time":1795491774562822483},"Node":${node}}`;

for (const [rule, read] of [["restarts", decode], ["failures", decodeRun]] as const) {
  Deno.test(`the rule ${rule} takes an update about a node, with what is wrong with it or without`, () => {
    const event = {
      kind: "node",
      name: "node 3c0af5d1",
      time: 1795491774562822483n,
      node: { ID: "3c0af5d1", Name: "client-1" },
    };
    for (
      const [node, problem] of [['{"Problem":"is down"}', "is down"], ["{}", undefined], [
        '{"Problem":7}',
        undefined,
      ]]
    ) {
      const text = about(node!);
      assert.deepEqual(read(bytes(text)), { ...event, problem, update: text });
    }
  });
}

Deno.test("what is of another type, or has no node, is none", () => {
  for (
    const text of [
      about('{"Problem":"is down"}', "Restarting"),
      about('"is down"'),
      update({ name: "a.b[0]" }),
    ]
  ) {
    const read = readUpdate(bytes(text));
    assert.equal(read.kind, "read");
    assert.equal(read.kind === "read" ? nodeEventOf(read) : "malformed", undefined);
  }
});
