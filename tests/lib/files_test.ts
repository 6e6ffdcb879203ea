// Why a file cannot be read, in words that do not repeat its name, which may be a secret put in its place.
import assert from "node:assert/strict";
import { readText } from "../../src/lib/files.ts";

Deno.test("readText() yields the text of a file", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "text\n");
    assert.equal(readText(path), "text\n");
  } finally {
    await Deno.remove(path);
  }
});

const unreadable: readonly (readonly [path: string, reason: string])[] = [
  ["/nosuch/hunter2", "there is no such file"],
  ["amqp://guest:hunter2@rabbit/", "there is no such file"],
  ["/", "it is a directory"],
  [`/${"hunter2".repeat(1000)}`, "File name too long (os error 36)"],
];

Deno.test("readText() says why a file cannot be read", () => {
  for (const [path, reason] of unreadable) assert.throws(() => readText(path), { message: reason });
});

Deno.test({
  name: "readText() says that reading is not permitted",
  permissions: { read: false },
  fn: () => assert.throws(() => readText("/hunter2"), { message: "reading it is not permitted" }),
});
